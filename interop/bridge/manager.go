package main

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/engine"
)

// home is what a session keeps when settings change: its engine, its cache, its
// folder.
type home struct{ engine, cache, dir string }

// manager is a Manager for the settings in effect.
type manager struct {
	*sessions.Manager
	format   sessions.Codec                            // of encode() and decode(), the same for all engines
	cacheKey func(key string) string                   // nil: no cache
	path     func(key string) (file string, err error) // nil: no files
}

// handle is a session that the judge has.
type handle struct {
	*sessions.Session
	m     *manager
	home  home
	cache cacheEntry // as it was when the session was made
}

func (h *handle) state() string {
	return `{"accessed":` + boolean(h.Accessed()) + `,"modified":` + boolean(h.Modified()) +
		`,"loaded":` + boolean(h.Loaded()) + `,"key":` + orNull(h.Key()) + `}`
}

func boolean(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// rehome lets the session go on under the settings in effect.
func (b *bridge) rehome(h *handle) error {
	m, err := b.manager(h.home, h.cache)
	if err != nil || m == h.m {
		return err
	}
	s := m.Open("")
	s.Become(h.Session)
	h.Session, h.m = s, m
	return nil
}

// newHome is where a session of that engine is at home that is made now.
func (b *bridge) newHome(engine string) (home, cacheEntry, error) {
	h := home{engine: engine}
	var c cacheEntry
	switch engine {
	case "db", "signed_cookies":
	case "file":
		if h.dir = b.site.filePath; h.dir == "" {
			h.dir = os.TempDir()
		}
	case "cache", "cached_db":
		var found bool
		if c, found = b.site.caches[b.site.cacheAlias]; !found {
			return h, c, wrong("InvalidCacheBackendError", "The connection '"+b.site.cacheAlias+"' doesn't exist.")
		}
		h.cache = c.text
	default:
		return h, c, wrong("ImproperlyConfigured", "there is no engine "+engine)
	}
	return h, c, nil
}

// manager is the Manager of that home; c is the home's cache.
func (b *bridge) manager(h home, c cacheEntry) (*manager, error) {
	site := b.site
	if m := site.managers[h]; m != nil {
		return m, nil
	}
	if site.serializer == nil {
		return nil, wrong("NotImplementedError", "a serializer of the site's own is Go code here, too: codec.Serializer")
	}
	st := site.settings
	st.Clock, st.Logger, st.OnError = b.clock.now, b.logger(h.engine), onError
	signed := codec.SignedOptions{Serializer: site.serializer, ReadSHA1: site.readSHA1}
	m := &manager{}
	e, err := b.engine(h, c, signed, m)
	if err != nil {
		return nil, err
	}
	if m.Manager, err = sessions.New(st, e); err != nil {
		return nil, refused(h, st, err)
	}
	if m.format, err = codec.NewSigned(st, signed); err != nil {
		return nil, err
	}
	if h.engine == "file" {
		m.path = func(key string) (string, error) { return engine.File(h.dir).Path(st, key) }
	}
	site.managers[h] = m
	return m, nil
}

// patience is for machines with a lot to do: a cache that is slow is not to be left
// alone here.
const patience = time.Minute

// engine is the engine of that home.
func (b *bridge) engine(h home, c cacheEntry, signed codec.SignedOptions, m *manager) (sessions.Engine, error) {
	database := engine.DatabaseEngine{Codec: signed}
	var err error
	if h.engine == "db" || h.engine == "cached_db" {
		if database.DB, err = b.servers.database(b.site.database); err != nil {
			return nil, err
		}
	}
	switch h.engine {
	case "db":
		return database, nil
	case "file":
		return engine.FileEngine{Dir: h.dir, Codec: signed}, nil
	case "signed_cookies":
		return engine.SignedCookiesEngine{Serializer: signed.Serializer}, nil
	}
	opened, err := b.servers.cache(c, b.site.database, b.site.settings)
	if err != nil {
		return nil, err
	}
	if h.engine == "cache" {
		e := engine.CacheEngine{Cache: opened.Cache, Keys: c.Keys, Codec: opened.Codec}
		m.cacheKey = e.CacheKey
		return e, nil
	}
	e := engine.CachedDBEngine{Database: database, Cache: opened.Cache, Keys: c.Keys, Timeout: patience}
	m.cacheKey = e.CacheKey
	return e, nil
}

// refused is why New refuses the settings. Django finds some of it out later, or
// lives with it.
func refused(h home, st sessions.Settings, err error) error {
	switch {
	case h.engine == "file" && errors.Is(err, fs.ErrNotExist):
		return wrong("ImproperlyConfigured", "The session storage path "+pythonRepr(h.dir)+" doesn't exist. Please set your "+
			"SESSION_FILE_PATH setting to an existing directory in which Django can store session data.")
	case st.SecretKey == "":
		return wrong("ImproperlyConfigured", "The SECRET_KEY setting must not be empty.")
	}
	return wrong("NotImplementedError", err.Error())
}

// pythonRepr is Python's repr of a text without control characters.
func pythonRepr(s string) string {
	quote := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = `"`
	}
	return quote + strings.NewReplacer(`\`, `\\`, quote, `\`+quote).Replace(s) + quote
}

// failure is where onError puts a request's error.
type failure struct{}

// onError hands the error of a request to whoever asks for it; a client gets the
// status alone.
func onError(w http.ResponseWriter, r *http.Request, err error) {
	if into, ok := r.Context().Value(failure{}).(*error); ok {
		*into = err
		return
	}
	w.WriteHeader(sessions.StatusCode(err))
}
