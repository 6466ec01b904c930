package devices

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

const (
	secret = "Vn3kq8ZsW0aYt5RjL2mXc7bDf9hGp4uE1oTi6KxQyBvNwMzCrSe"
	former = "A former one: 8ZsW0aYt5RjL2mXc7bDf9hGp4uE1oTi6KxQyBvN"
	key    = "abcdefghijklmnopqrstuvwxyz012345"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The index's name of a session opens for its user alone, with its secret alone,
// and says nothing of the key.
func TestSeal(t *testing.T) {
	s, err := newSealer(secret)
	check(t, err)
	other, err := newSealer(former)
	check(t, err)
	name := s.seal("7", key)
	if again := s.seal("7", key); again != name {
		t.Error("the same key looks different")
	}
	if opened, err := s.open("7", name); err != nil || opened != key {
		t.Errorf("open: %q, %v", opened, err)
	}
	if len(name) > 100 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		t.Errorf("the name %q", name)
	}
	longest := s.seal("7", strings.Repeat("z", 40))
	if len(longest) > 100 {
		t.Errorf("the longest key's name has %d characters", len(longest))
	}
	if _, err := s.open("8", name); !errors.Is(err, ErrUnreadable) {
		t.Errorf("another user opens it: %v", err)
	}
	if _, err := other.open("7", name); !errors.Is(err, ErrUnreadable) {
		t.Errorf("another secret opens it: %v", err)
	}
	for i := range name { // every bit counts
		damaged := []byte(name)
		damaged[i] = map[bool]byte{true: 'b', false: 'a'}[damaged[i] == 'a']
		if _, err := s.open("7", string(damaged)); err == nil {
			t.Errorf("it opens with character %d changed", i)
		}
	}
	for _, damaged := range []string{"", "a", name[:26], name[:len(name)-8], name + "aaaaaaaa", strings.ToUpper(name), "\x00", key} {
		if _, err := s.open("7", damaged); !errors.Is(err, ErrUnreadable) {
			t.Errorf("open(%q): %v", damaged, err)
		}
	}
	if s.seal("7", "8"+key) == s.seal("78", key) {
		t.Error("user and key run into each other")
	}
}

// What a client sends becomes a text that every index keeps.
func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"Mozilla/5.0 (X11)":      "Mozilla/5.0 (X11)",
		"a\x00b\nc\x7fd":         "a b c d",
		"a\xff":                  "a?",
		"é😀":                     "é😀",
		strings.Repeat("x", 999): strings.Repeat("x", 252),
		strings.Repeat("😀", 99):  strings.Repeat("😀", 63),
	} {
		if got := clean(text); got != want || len(got) > maxText || !utf8.ValidString(got) {
			t.Errorf("clean(%q): %q", text, got)
		}
	}
}

func TestNew(t *testing.T) {
	st := sessions.DefaultSettings()
	st.SecretKey, st.Logger = secret, secrettest.Logger()
	m, err := sessions.New(st, engine.Memory())
	check(t, err)
	cookies, err := sessions.New(st, engine.SignedCookies())
	check(t, err)
	index := InCache(cache.NewLocal(cache.LocalOptions{}), cache.Keys{})
	for want, err := range map[string]error{
		"no Manager": newError(nil, Options{Index: index}),
		"no Index":   newError(m, Options{}),
		"a negative": newError(m, Options{Index: index, Limit: -1}),
		"signed_cookies": newError(cookies, Options{
			Index: index,
		}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want %q in it", err, want)
		}
	}
	check(t, newError(m, Options{Index: index}))
	if _, err := Table(nil, TableOptions{Table: "a b"}); err == nil || !strings.Contains(err.Error(), "a b") || !strings.Contains(err.Error(), "no database") {
		t.Errorf("Table: %v", err)
	}
}

func newError(m *sessions.Manager, o Options) error {
	_, err := New(m, o)
	return err
}

// somebody vouches for everybody.
type somebody struct{}

func (somebody) Name() string { return "somebody" }

func (somebody) User(_ context.Context, id string) (*auth.User, error) {
	return &auth.User{ID: id, Active: true}, nil
}

func (somebody) SessionAuthHash(*auth.User, string) string { return "" }

// Under a new secret key a device keeps its handle: as its user is seen, and with
// Rebuild, after which the former secret is not needed any more.
func TestSecretKeyFallbacks(t *testing.T) {
	local := cache.NewLocal(cache.LocalOptions{})
	open := func(secret string, fallbacks ...string) (*sessions.Manager, *auth.Auth, *Devices) {
		st := sessions.DefaultSettings()
		st.SecretKey, st.SecretKeyFallbacks, st.Logger = secret, fallbacks, secrettest.Logger()
		m, err := sessions.New(st, engine.Cache(listed{local}))
		check(t, err)
		d, err := New(m, Options{Index: InCache(local, cache.Keys{})})
		check(t, err)
		a, err := auth.New(m, auth.Options{Backends: []auth.Backend{somebody{}}, Tracker: d})
		check(t, err)
		return m, a, d
	}
	list := func(d *Devices) (handles []string) {
		page, _, err := d.List(t.Context(), "7", "")
		check(t, err)
		for _, device := range page {
			handles = append(handles, device.Handle)
		}
		return handles
	}
	m, a, d := open(former)
	seen, unseen := m.Open(""), m.Open("")
	check(t, a.Login(t.Context(), seen, &auth.User{ID: "7", Active: true}))
	check(t, a.Login(t.Context(), unseen, &auth.User{ID: "7", Active: true}))
	before := list(d)

	m, a, d = open(secret, former)
	s := m.Open(seen.Key())
	user, err := a.User(t.Context(), s)
	check(t, err)
	if user == nil {
		t.Fatal("nobody is logged in")
	}
	same := func(what string, d *Devices) {
		t.Helper()
		after := map[string]bool{}
		for _, handle := range list(d) {
			after[handle] = true
		}
		if len(before) != 2 || len(after) != 2 || !after[before[0]] || !after[before[1]] {
			t.Errorf("%s: %v, want %v", what, after, before)
		}
	}
	same("after one was seen", d)
	n, err := d.Rebuild(t.Context())
	check(t, err)
	if n != 0 {
		t.Errorf("Rebuild entered %d", n)
	}
	_, _, d = open(secret)
	same("without the former secret", d)

	// With a wrong secret nothing is shown, and nothing is dropped.
	_, _, wrong := open("Another one: aYt5RjL2mXc7bDf9hGp4uE1oTi6KxQyBvNwMzCrSe")
	if handles := list(wrong); len(handles) != 0 {
		t.Errorf("with a wrong secret: %v", handles)
	}
	if _, err := wrong.RevokeAll(t.Context(), "7"); !errors.Is(err, ErrUnreadable) {
		t.Errorf("RevokeAll with a wrong secret: %v", err)
	}
	same("after that", d)
}

// listed lists a Local that has only sessions and the index in it.
type listed struct{ *cache.Local }

// What could not be written is tried again after ten seconds.
func TestLater(t *testing.T) {
	d, now := &Devices{options: Options{Interval: time.Hour}}, time.Now()
	d.later(key, now)
	if d.seen.Due(key, now.Add(9*time.Second), time.Hour) || !d.seen.Due(key, now.Add(10*time.Second), time.Hour) {
		t.Error("a failure is not tried again after ten seconds")
	}
}

// A user of more sessions than the index takes, or of an ID that no table takes,
// keeps nobody else's from being entered; under a former secret key as well.
func TestRebuildOthers(t *testing.T) {
	for _, fallbacks := range [][]string{nil, {former}} {
		st := sessions.DefaultSettings()
		st.SecretKey, st.SecretKeyFallbacks = secret, fallbacks
		m, err := sessions.New(st, engine.Memory())
		check(t, err)
		login := func(userID string) {
			s := m.Open("")
			check(t, s.Load(t.Context()))
			check(t, auth.SessionLogin(t.Context(), s, auth.Identity{UserID: userID, Backend: "b"}, nil))
		}
		for range 300 {
			login("robot")
		}
		for i := range 50 {
			login(fmt.Sprint("user ", i))
		}
		login("\x00")
		index := InCache(cache.NewLocal(cache.LocalOptions{}), cache.Keys{})
		var robots []Entry
		for i := range MaxInCache {
			robots = append(robots, Entry{Session: fmt.Sprint(i), UserID: "robot", Expires: time.Now().Add(time.Hour)})
		}
		_, err = index.Add(t.Context(), robots)
		check(t, err)
		d, err := New(m, Options{Index: index})
		check(t, err)
		if _, err := d.Rebuild(t.Context()); !errors.Is(err, errFull) {
			t.Errorf("Rebuild: %v", err)
		}
		for i := range 50 {
			entries, err := index.List(t.Context(), fmt.Sprint("user ", i), Position{}, 10)
			check(t, err)
			if len(entries) != 1 {
				t.Errorf("user %d has %d entries", i, len(entries))
			}
		}
		if entries, _ := index.List(t.Context(), "\x00", Position{}, 10); len(entries) != 0 {
			t.Error("an impossible user was entered")
		}
	}
}
