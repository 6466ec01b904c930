package sessions

import (
	"encoding/json"
	"errors"
	"iter"
	"reflect"
	"slices"
	"sort"

	"github.com/keepsake-go/sessions/internal/pyjson"
)

var (
	errOpaque = errors.New("it was stored by Python and has no counterpart in JSON")
	errName   = errors.New("its name is not UTF-8")
)

// Get returns the value of that name, or def when there is none (Django's
// session.get(name, def)). Values are read by the rules of encoding/json, with
// integers read into an any as int64 or *big.Int. A stored value of another
// type gives def as well, and a *TypeError in s.Err, which fails the save. null
// reads as absent unless T is a pointer, an interface or json.RawMessage.
func Get[T any](s *Session, name string, def T) T {
	s.lock()
	defer s.mu.Unlock()
	if value, ok := getText[T](s, name); ok {
		return value
	}
	return get(s, name, def)
}

// get is Get for who holds s.mu.
func get[T any](s *Session, name string, def T) T {
	var value T
	found, err := s.read(name, &value)
	if err != nil {
		s.fail(err)
	}
	if !found {
		return def
	}
	return value
}

// getText is get for a string. One without escapes is a part of what is stored, and
// costs no memory.
func getText[T any](s *Session, name string) (value T, ok bool) {
	text, ok := any(&value).(*string)
	if !ok || s.usable() != nil {
		return value, false
	}
	m, _ := s.values.Get(name)
	*text, ok = pyjson.Unquote(m.JSON)
	return value, ok
}

// Lookup returns the value of that name and whether there is one. The error is
// a *TypeError when the stored value is of another type; unlike Get's it is not
// kept. It is ErrNotLoaded or ErrClosed when s can't be used.
func Lookup[T any](s *Session, name string) (value T, found bool, err error) {
	s.lock()
	defer s.mu.Unlock()
	found, err = s.read(name, &value)
	return value, found, err
}

// read decodes the value of that name. The caller holds s.mu.
func (s *Session) read(name string, into any) (bool, error) {
	if err := s.usable(); err != nil {
		return false, err
	}
	return s.values.Decode(name, into)
}

// Update stores what f makes of the latest value, or of T's zero value when
// there is none. It is exact under concurrency: when parallel requests changed
// the value meanwhile, the save runs f again on what they stored. So f must
// depend on its argument only and must not use s; it may run on another
// goroutine, but its panic reaches this request. A handler that shows the final
// value saves first. A stored value of another type is left alone, and is a
// *TypeError in s.Err.
func Update[T any](s *Session, name string, f func(T) T) {
	s.lock()
	defer s.mu.Unlock()
	if !s.openToChange() {
		return
	}
	s.change(edit{op: opUpdate, name: name, update: func(latest Member, found bool) (Member, error) {
		var value T
		if found {
			if _, err := latest.decode(&value); err != nil {
				return Member{}, err
			}
		}
		return encode(name, f(value))
	}})
}

// SetDefault returns the value of that name; when there is none it stores def
// and returns it (Django's session.setdefault). A stored value of another type
// gives def and a *TypeError in s.Err.
func SetDefault[T any](s *Session, name string, def T) T {
	s.lock()
	defer s.mu.Unlock()
	if !s.openToChange() {
		return def
	}
	if _, found := s.values.Get(name); !found {
		m, err := encode(name, def)
		if err != nil {
			s.refuse(err)
			return def
		}
		s.change(edit{op: opSetDefault, name: name, member: m})
		return def
	}
	var value T
	found, err := s.values.Decode(name, &value)
	if err != nil {
		s.fail(err)
	}
	if !found {
		return def
	}
	return value
}

// Pop removes the value of that name and returns it, or def when there is none
// (Django's session.pop(name, def)). It is a claim: when a parallel request has
// changed or popped the value by the time of the save, the save fails with
// ErrTaken, so a one-time token is spent once. A handler that acts on the value
// saves first. A stored value of another type is left alone, gives def, and is
// a *TypeError in s.Err.
func Pop[T any](s *Session, name string, def T) T {
	s.lock()
	defer s.mu.Unlock()
	if !s.openToChange() {
		return def
	}
	m, ok := s.values.Get(name)
	if !ok {
		return def
	}
	var value T
	found, err := m.decode(&value)
	if err != nil {
		s.refuse(err)
		return def
	}
	s.change(edit{op: opPop, name: name, member: m})
	if !found {
		return def // null
	}
	return value
}

// Set stores value under name. It is encoded at once, as Python's json would
// write it: later changes to it don't count. What can't be encoded, or a name
// that is not UTF-8, is an *EncodeError in s.Err, which fails the save.
func (s *Session) Set(name string, value any) {
	s.lock()
	defer s.mu.Unlock()
	if s.openToChange() {
		s.set(name, value)
	}
}

func (s *Session) set(name string, value any) {
	m, err := encode(name, value)
	if err != nil {
		s.refuse(err)
		return
	}
	s.change(edit{op: opSet, name: name, member: m})
}

// SetAll stores all the values of a map (Django's session.update(dict)), new
// names in sorted order.
func (s *Session) SetAll(values map[string]any) {
	s.lock()
	defer s.mu.Unlock()
	if !s.openToChange() {
		return
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		s.set(name, values[name])
	}
	s.modified, s.touch = true, true // Django's update({}) marks it, too
}

// Delete removes the value of that name and reports whether there was one.
// Without one it changes nothing. (Python's del raises KeyError then.)
func (s *Session) Delete(name string) bool {
	s.lock()
	defer s.mu.Unlock()
	if !s.openToChange() {
		return false
	}
	if _, found := s.values.Get(name); !found {
		return false
	}
	s.change(edit{op: opDelete, name: name})
	return true
}

// Has reports whether there is a value of that name, null included.
func (s *Session) Has(name string) bool {
	s.lock()
	defer s.mu.Unlock()
	if !s.open() {
		return false
	}
	_, found := s.values.Get(name)
	return found
}

// Len is the number of values.
func (s *Session) Len() int {
	s.lock()
	defer s.mu.Unlock()
	if !s.open() {
		return 0
	}
	return s.values.Len()
}

// Keys returns the names in the order in which they were first set.
func (s *Session) Keys() []string {
	members := s.snapshot()
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.Name
	}
	return names
}

// Values returns the values as JSON, in the order of Keys; nil for one that
// JSON can't express.
func (s *Session) Values() []json.RawMessage {
	members := s.snapshot()
	values := make([]json.RawMessage, len(members))
	for i, m := range members {
		values[i] = m.raw()
	}
	return values
}

// Items yields names and values, as Keys and Values give them. It sees the
// session as it is when the loop begins.
func (s *Session) Items() iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		for _, m := range s.snapshot() {
			if !yield(m.Name, m.raw()) {
				return
			}
		}
	}
}

// Clear removes every value, those included that parallel requests add before
// the save. The key stays, and so do the Timeouts: see Flush for a logout.
func (s *Session) Clear() {
	s.lock()
	defer s.mu.Unlock()
	if s.openToChange() {
		s.change(edit{op: opClear})
	}
}

func (s *Session) snapshot() []Member {
	s.lock()
	defer s.mu.Unlock()
	if !s.open() {
		return nil
	}
	return slices.Clone(s.values.members)
}

func (m Member) raw() json.RawMessage {
	if m.JSON == "" {
		return nil
	}
	return json.RawMessage(m.JSON)
}

// testCookie is Django's TEST_COOKIE_NAME and TEST_COOKIE_VALUE.
const testCookieName, testCookieValue = "testcookie", "worked"

// SetTestCookie stores a value that tells the next request whether the browser
// takes cookies (Django's set_test_cookie).
func (s *Session) SetTestCookie() { s.Set(testCookieName, testCookieValue) }

// TestCookieWorked reports whether SetTestCookie's value came back (Django's
// test_cookie_worked).
func (s *Session) TestCookieWorked() bool {
	value, _, err := Lookup[string](s, testCookieName)
	return err == nil && value == testCookieValue
}

// DeleteTestCookie removes SetTestCookie's value (Django's delete_test_cookie)
// and reports whether it was there.
func (s *Session) DeleteTestCookie() bool { return s.Delete(testCookieName) }

// encode makes the member that stores value under name.
func encode(name string, value any) (Member, error) {
	if !pyjson.ValidName(name) {
		return Member{}, &EncodeError{Name: name, Err: errName}
	}
	text, err := pyjson.Marshal(value)
	if err != nil {
		return Member{}, &EncodeError{Name: name, Err: err}
	}
	return Member{Name: name, JSON: text}, nil
}

// nullable reports whether into points to something that can hold null.
func nullable(into any) bool {
	switch reflect.TypeOf(into).Elem().Kind() {
	case reflect.Pointer, reflect.Interface:
		return true
	}
	return false
}

func typeName(into any) string { return reflect.TypeOf(into).Elem().String() }
