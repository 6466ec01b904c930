package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/signing"
)

var ctx = context.Background()

type operation func(*bridge, *handle, *request) (string, error)

// operations are the requests on one session.
var operations = map[string]operation{
	"state": func(*bridge, *handle, *request) (string, error) { return null, nil },

	// The dictionary. Django loads it where it is needed.
	"get":        loaded(get),
	"set":        loaded(set),
	"del":        loaded(del),
	"contains":   loaded(contains),
	"pop":        loaded(pop),
	"setdefault": loaded(setDefault),
	"update":     loaded(update),
	"keys":       loaded(keys),
	"values":     loaded(values),
	"items":      loaded(items),
	"data":       loaded(data),
	"clear":      loaded(clearAll),
	"peek":       peek,
	"unload":     unload,
	"is_empty":   isEmpty,
	"set_flag":   setFlag,

	"set_test_cookie":    loaded(setTestCookie),
	"test_cookie_worked": loaded(testCookieWorked),
	"delete_test_cookie": loaded(deleteTestCookie),

	// The key.
	"set_key":           setKey,
	"valid_key":         validKey,
	"new_key":           newKey,
	"get_or_create_key": getOrCreateKey,
	"key_salt":          keySalt,
	"cache_key":         cacheKey,
	"file_path":         filePath,

	// The store.
	"save":      save,
	"load":      load,
	"create":    create,
	"flush":     flush,
	"cycle_key": loaded(cycleKey),
	"exists":    exists,
	"delete":    deleteStored,
	"encode":    encode,
	"decode":    decode,

	// The expiry.
	"cookie_age":                  cookieAge,
	"set_expiry":                  loaded(setExpiry),
	"get_expiry_age":              getExpiryAge,
	"get_expiry_date":             getExpiryDate,
	"get_expire_at_browser_close": loaded(getExpireAtBrowserClose),

	// Who is logged in.
	"auth_login":  authLogin,
	"auth_ids":    loaded(authIDs),
	"auth_check":  loaded(authCheck),
	"auth_logout": flush,
	"auth_update": authUpdate,
}

// loaded has the session loaded before op.
func loaded(op operation) operation {
	return func(b *bridge, h *handle, r *request) (string, error) {
		if err := h.Load(ctx); err != nil {
			return "", err
		}
		return op(b, h, r)
	}
}

func keyError(name string) error { return wrong("KeyError", name) }

func found(value json.RawMessage, ok bool) string {
	if !ok {
		return `{"found":false}`
	}
	return `{"found":true,"v":` + inString(string(value)) + `}`
}

func get(_ *bridge, h *handle, r *request) (string, error) {
	value, ok, err := sessions.Lookup[json.RawMessage](h.Session, r.name())
	if err != nil {
		return "", notJSON(err)
	}
	return found(value, ok), nil
}

// notJSON is Python's word for a value that only a pickle holds.
func notJSON(err error) error {
	var e *sessions.TypeError
	if errors.As(err, &e) {
		return wrong("TypeError", err.Error())
	}
	return err
}

func set(_ *bridge, h *handle, r *request) (string, error) {
	h.Set(r.name(), r.value("value"))
	return null, nil
}

func del(_ *bridge, h *handle, r *request) (string, error) {
	name := r.name()
	if !h.Delete(name) {
		return "", keyError(name)
	}
	return null, nil
}

func contains(_ *bridge, h *handle, r *request) (string, error) {
	return boolean(h.Has(r.name())), nil
}

func pop(_ *bridge, h *handle, r *request) (string, error) {
	name := r.name()
	switch {
	case h.Has(name):
		return found(sessions.Pop[json.RawMessage](h.Session, name, nil), true), nil
	case r.boolean("has_default"):
		return found(nil, false), nil
	}
	return "", keyError(name)
}

func setDefault(_ *bridge, h *handle, r *request) (string, error) {
	return inString(string(sessions.SetDefault(h.Session, r.name(), r.value("value")))), nil
}

func update(_ *bridge, h *handle, r *request) (string, error) {
	dict := r.dict("value")
	h.SetAll(nil) // an empty one counts as a change, too
	for m := range dict.All() {
		h.Set(m.Name, json.RawMessage(m.JSON))
	}
	return null, nil
}

func keys(_ *bridge, h *handle, _ *request) (string, error) {
	var all []string
	for _, name := range h.Keys() {
		all = append(all, quoted(name))
	}
	return inString(list(all)), nil
}

func values(_ *bridge, h *handle, _ *request) (string, error) {
	var all []string
	for _, value := range h.Values() {
		all = append(all, string(value))
	}
	return inString(list(all)), nil
}

func items(_ *bridge, h *handle, _ *request) (string, error) {
	var all []string
	for name, value := range h.Items() {
		all = append(all, "["+quoted(name)+","+string(value)+"]")
	}
	return inString(list(all)), nil
}

func data(_ *bridge, h *handle, _ *request) (string, error) { return dictOf(h.Session) }

// dictOf is the whole dictionary.
func dictOf(s *sessions.Session) (string, error) {
	var v sessions.Values
	for name, value := range s.Items() {
		v.Set(sessions.Member{Name: name, JSON: string(value)})
	}
	return dict(v)
}

func dict(v sessions.Values) (string, error) {
	text, err := python.Encode(v)
	if err != nil {
		return "", wrong("TypeError", err.Error())
	}
	return inString(text), nil
}

// peek looks at a copy, so that nothing counts as accessed.
func peek(_ *bridge, h *handle, _ *request) (string, error) {
	if !h.Loaded() {
		return "", wrong("AttributeError", "'SessionStore' object has no attribute '_session_cache'")
	}
	s := h.m.Open("")
	s.Become(h.Session)
	return dictOf(s)
}

func unload(_ *bridge, h *handle, _ *request) (string, error) {
	h.Unload()
	return null, nil
}

func clearAll(_ *bridge, h *handle, _ *request) (string, error) {
	h.Clear()
	return null, nil
}

func isEmpty(_ *bridge, h *handle, _ *request) (string, error) { return boolean(h.IsEmpty()), nil }

func setFlag(_ *bridge, h *handle, r *request) (string, error) {
	switch name, value := r.text("name"), r.boolean("value"); name {
	case "accessed":
		h.SetAccessed(value)
	case "modified":
		h.SetModified(value)
	default:
		return "", wrong("ValueError", "there is no flag "+name)
	}
	return null, nil
}

func setTestCookie(_ *bridge, h *handle, _ *request) (string, error) {
	h.SetTestCookie()
	return null, nil
}

func testCookieWorked(_ *bridge, h *handle, _ *request) (string, error) {
	return boolean(h.TestCookieWorked()), nil
}

func deleteTestCookie(_ *bridge, h *handle, _ *request) (string, error) {
	if !h.DeleteTestCookie() {
		return "", keyError("testcookie")
	}
	return null, nil
}

func setKey(_ *bridge, h *handle, r *request) (string, error) {
	h.SetKey(r.optional("key"))
	return null, nil
}

func validKey(_ *bridge, h *handle, r *request) (string, error) {
	return boolean(h.m.Open(r.optional("key")).Key() != ""), nil
}

func newKey(_ *bridge, h *handle, _ *request) (string, error) {
	key, err := h.m.NewKey(ctx)
	return quoted(key), err
}

func getOrCreateKey(_ *bridge, h *handle, _ *request) (string, error) {
	if h.Key() == "" {
		key, err := h.m.NewKey(ctx)
		if err != nil {
			return "", err
		}
		h.SetKey(key)
	}
	return quoted(h.Key()), nil
}

func keySalt(*bridge, *handle, *request) (string, error) { return quoted(codec.SessionSalt), nil }

func cacheKey(b *bridge, h *handle, r *request) (string, error) {
	if h.m.cacheKey == nil {
		return "", wrong("AttributeError", "'SessionStore' object has no attribute 'cache_key'")
	}
	if _, err := getOrCreateKey(b, h, r); err != nil {
		return "", err
	}
	return quoted(h.m.cacheKey(h.Key())), nil
}

func filePath(b *bridge, h *handle, r *request) (string, error) {
	if h.m.path == nil {
		return "", wrong("AttributeError", "'SessionStore' object has no attribute '_key_to_file'")
	}
	key := r.optional("key")
	if r.null("key") {
		if _, err := getOrCreateKey(b, h, r); err != nil {
			return "", err
		}
		key = h.Key()
	}
	file, err := h.m.path(key)
	if err != nil {
		return "", wrong("InvalidSessionKey", "Invalid characters in session key")
	}
	return quoted(file), nil
}

func save(_ *bridge, h *handle, r *request) (string, error) {
	if r.boolean("must_create") {
		return null, h.Insert(ctx)
	}
	if err := h.Load(ctx); err != nil {
		return "", err
	}
	return null, h.Save(ctx)
}

// load reads what is stored into a session of its own. A key that the store does
// not have is none for this one either.
func load(_ *bridge, h *handle, _ *request) (string, error) {
	s := h.m.Open(h.Key())
	if err := s.Load(ctx); err != nil {
		return "", err
	}
	if s.Key() == "" {
		h.SetKey("")
	}
	return dictOf(s)
}

func create(_ *bridge, h *handle, _ *request) (string, error) { return null, h.Create(ctx) }

func flush(_ *bridge, h *handle, _ *request) (string, error) { return null, h.Flush(ctx) }

func cycleKey(_ *bridge, h *handle, _ *request) (string, error) { return null, h.CycleKey(ctx) }

func exists(_ *bridge, h *handle, r *request) (string, error) {
	is, err := h.m.Exists(ctx, r.optional("key"))
	return boolean(is), err
}

func deleteStored(_ *bridge, h *handle, r *request) (string, error) {
	if r.null("key") || h.home.engine == "signed_cookies" { // where the cookie is all there is
		return null, h.DeleteStored(ctx)
	}
	return null, h.m.Delete(ctx, r.text("key"))
}

func encode(_ *bridge, h *handle, r *request) (string, error) {
	text, err := h.m.format.Encode(r.dict("value"))
	return quoted(text), err
}

func decode(b *bridge, h *handle, r *request) (string, error) {
	v, err := h.m.format.Decode(r.text("data"))
	if err != nil {
		if errors.Is(err, signing.ErrBadSignature) {
			b.logs.suspicious()
		}
		return inString("{}"), nil
	}
	return dict(v)
}

func cookieAge(_ *bridge, h *handle, _ *request) (string, error) {
	return number(h.m.Settings().CookieAge.Seconds()), nil
}

func (b *bridge) newSession(r *request) (string, *handle, error) {
	engine, key := r.text("engine"), r.optional("key")
	if home, _, err := b.newHome(engine); err == nil && home.dir != "" {
		delete(b.site.managers, home) // the folder may have gone
	}
	h, err := b.open(engine, key)
	if err != nil {
		return "", nil, err
	}
	b.last++
	b.handles[b.last] = h
	result := `{"h":` + number(float64(b.last))
	if h.home.dir != "" {
		result += `,"storage_path":` + quoted(h.home.dir)
	}
	return result + "}", h, nil
}

func (b *bridge) open(engine, key string) (*handle, error) {
	home, c, err := b.newHome(engine)
	if err != nil {
		return nil, err
	}
	m, err := b.manager(home, c)
	if err != nil {
		return nil, err
	}
	return &handle{Session: m.Open(key), m: m, home: home, cache: c}, nil
}

func (b *bridge) free(r *request) (string, *handle, error) {
	delete(b.handles, r.integer("h"))
	return null, nil, nil
}

func (b *bridge) clearExpired(r *request) (string, *handle, error) {
	h, err := b.open(r.text("engine"), "")
	if err != nil {
		return "", nil, err
	}
	_, err = h.m.ClearExpired(ctx, nil)
	return null, nil, err
}
