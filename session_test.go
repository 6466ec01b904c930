package sessions_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// reload is the session of s's key, loaded by another request.
func reload(t *testing.T, m *sessions.Manager, s *sessions.Session) *sessions.Session {
	t.Helper()
	other := m.Open(s.Key())
	if err := other.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return other
}

// kept stores a session with f's values and loads it anew.
func kept(t *testing.T, m *sessions.Manager, f func(*sessions.Session)) *sessions.Session {
	t.Helper()
	s := m.Open("")
	f(s)
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	return reload(t, m, s)
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestFlags: what marks a session accessed and modified, as in Django's tests
// of SessionBase.
func TestFlags(t *testing.T) {
	m := newSite(t).Manager
	for _, tt := range []struct {
		name               string
		do                 func(*sessions.Session)
		accessed, modified bool
	}{
		{"nothing", func(*sessions.Session) {}, false, false},
		{"Key", func(s *sessions.Session) { s.Key() }, false, false},
		{"IsEmpty", func(s *sessions.Session) { s.IsEmpty() }, false, false},
		{"Get", func(s *sessions.Session) { sessions.Get(s, "a", 0) }, true, false},
		{"Get of nothing", func(s *sessions.Session) { sessions.Get(s, "x", 0) }, true, false},
		{"Lookup", func(s *sessions.Session) { _, _, _ = sessions.Lookup[int](s, "a") }, true, false},
		{"Has", func(s *sessions.Session) { s.Has("a") }, true, false},
		{"Len", func(s *sessions.Session) { s.Len() }, true, false},
		{"Keys", func(s *sessions.Session) { s.Keys() }, true, false},
		{"Values", func(s *sessions.Session) { s.Values() }, true, false},
		{"Items", func(s *sessions.Session) {
			for range s.Items() {
			}
		}, true, false},
		{"ExpiryAge", func(s *sessions.Session) { s.ExpiryAge() }, true, false},
		{"TestCookieWorked", func(s *sessions.Session) { s.TestCookieWorked() }, true, false},
		{"Set", func(s *sessions.Session) { s.Set("a", 1) }, true, true},
		{"Update", func(s *sessions.Session) { sessions.Update(s, "a", func(n int) int { return n }) }, true, true},
		{"SetAll of nothing", func(s *sessions.Session) { s.SetAll(nil) }, true, true},
		{"SetAll", func(s *sessions.Session) { s.SetAll(map[string]any{"b": 1}) }, true, true},
		{"Delete", func(s *sessions.Session) { s.Delete("a") }, true, true},
		{"Delete of nothing", func(s *sessions.Session) { s.Delete("x") }, true, false},
		{"Pop", func(s *sessions.Session) { sessions.Pop(s, "a", 0) }, true, true},
		{"Pop of nothing", func(s *sessions.Session) { sessions.Pop(s, "x", 0) }, true, false},
		{"SetDefault that stores", func(s *sessions.Session) { sessions.SetDefault(s, "x", 0) }, true, true},
		{"SetDefault that finds", func(s *sessions.Session) { sessions.SetDefault(s, "a", 0) }, true, false},
		{"Clear", func(s *sessions.Session) { s.Clear() }, true, true},
		{"ExpireByDefault on none", func(s *sessions.Session) { s.ExpireByDefault() }, true, false},
		{"ExpireAtBrowserClose", func(s *sessions.Session) { s.ExpireAtBrowserClose() }, true, true},
		{"SetTestCookie", func(s *sessions.Session) { s.SetTestCookie() }, true, true},
		{"DeleteTestCookie of none", func(s *sessions.Session) { s.DeleteTestCookie() }, true, false},
		{"MarkModified", func(s *sessions.Session) { s.MarkModified() }, false, true},
		{"Save", func(s *sessions.Session) { _ = s.Save(t.Context()) }, true, false},
		{"Insert", func(s *sessions.Session) { s.SetKey("another0key"); _ = s.Insert(t.Context()) }, true, false},
		{"Create", func(s *sessions.Session) { _ = s.Create(t.Context()) }, true, true},
		{"Flush", func(s *sessions.Session) { _ = s.Flush(t.Context()) }, true, true},
		{"CycleKey", func(s *sessions.Session) { _ = s.CycleKey(t.Context()) }, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := kept(t, m, func(s *sessions.Session) { s.Set("a", 1) })
			tt.do(s)
			equal(t, "accessed", s.Accessed(), tt.accessed)
			equal(t, "modified", s.Modified(), tt.modified)
			if err := s.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDictionary follows a session's dictionary as one follows a Python dict.
func TestDictionary(t *testing.T) {
	m := newSite(t).Manager
	s := m.Open("")
	equal(t, "a new session is empty", s.IsEmpty(), true)
	s.Set("b", 1)
	s.Set("a", "x")
	s.Set("c", nil)
	equal(t, "in the order of Set", sessionText(s), `{"b":1,"a":"x","c":null}`)
	s.Set("b", 2)
	equal(t, "a new value keeps its place", sessionText(s), `{"b":2,"a":"x","c":null}`)
	equal(t, "Delete finds it", s.Delete("b"), true)
	equal(t, "Delete finds nothing", s.Delete("b"), false)
	s.Set("b", 3)
	equal(t, "what was deleted comes back at the end", sessionText(s), `{"a":"x","c":null,"b":3}`)
	equal(t, "Has of null", s.Has("c"), true)
	equal(t, "Has of nothing", s.Has("z"), false)
	equal(t, "Len", s.Len(), 3)
	equal(t, "Pop", sessions.Pop(s, "a", "none"), "x")
	equal(t, "Pop of nothing", sessions.Pop(s, "a", "none"), "none")
	equal(t, "SetDefault stores", sessions.SetDefault(s, "d", 4), 4)
	equal(t, "SetDefault finds", sessions.SetDefault(s, "d", 5), 4)
	equal(t, "SetDefault of null is the default", sessions.SetDefault(s, "c", 5), 5)
	equal(t, "and stores nothing", sessionText(s), `{"c":null,"b":3,"d":4}`)
	s.SetAll(map[string]any{"z": 1, "y": 2, "b": 4})
	equal(t, "SetAll", sessionText(s), `{"c":null,"b":4,"d":4,"y":2,"z":1}`)
	sessions.Update(s, "b", func(n int) int { return n * 10 })
	sessions.Update(s, "new", func(n int) int { return n + 1 })
	equal(t, "Update", sessionText(s), `{"c":null,"b":40,"d":4,"y":2,"z":1,"new":1}`)
	equal(t, "Keys", strings.Join(s.Keys(), " "), "c b d y z new")
	equal(t, "Values", fmt.Sprintf("%s", s.Values()), "[null 40 4 2 1 1]")
	for name := range s.Items() { // changing it meanwhile is safe
		s.Delete(name)
	}
	equal(t, "after Items", s.Len(), 0)
	s.Set("x", 1)
	s.Clear()
	equal(t, "after Clear", sessionText(s), `{}`)

	s.SetTestCookie()
	equal(t, "the test cookie's value", sessionText(s), `{"testcookie":"worked"}`)
	equal(t, "test cookie", s.TestCookieWorked(), true)
	equal(t, "DeleteTestCookie", s.DeleteTestCookie(), true)
	equal(t, "test cookie deleted", s.TestCookieWorked(), false)
	equal(t, "DeleteTestCookie of none", s.DeleteTestCookie(), false)

	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "a stored session without values is not empty", s.IsEmpty(), false)
	equal(t, "and is {}", sessionText(reload(t, m, s)), "{}")
}

// TestManyValues has more values than a scan is good for.
func TestManyValues(t *testing.T) {
	m := newSite(t).Manager
	s := kept(t, m, func(s *sessions.Session) {
		for i := range 100 {
			s.Set(fmt.Sprint("k", i), i)
		}
	})
	for i := 0; i < 100; i += 3 {
		equal(t, "Delete", s.Delete(fmt.Sprint("k", i)), true)
	}
	s.Set("k50", "changed")
	s.Set("last", true)
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = reload(t, m, s)
	equal(t, "Len", s.Len(), 67)
	for i := range 100 {
		name := fmt.Sprint("k", i)
		equal(t, name, s.Has(name), i%3 != 0)
		if i%3 != 0 && i != 50 {
			equal(t, name, sessions.Get(s, name, -1), i)
		}
	}
	equal(t, "k50", sessions.Get(s, "k50", ""), "changed")
	keys := s.Keys()
	equal(t, "the last one", keys[len(keys)-1], "last")
	equal(t, "the first one", keys[0], "k1")
}

func TestOutsideRequests(t *testing.T) {
	ctx := t.Context()
	m := newSite(t).Manager
	unknown := strings.Repeat("u", 32)

	s := m.Open(unknown)
	if err := s.Load(ctx); err != nil {
		t.Error(err)
	}
	equal(t, "an unknown key is not adopted", s.Key(), "")
	s.Set("a", 1)
	if err := s.Save(ctx); err != nil {
		t.Fatal(err)
	}
	if s.Key() == unknown || len(s.Key()) != 32 {
		t.Errorf("the saved session has the key %q", s.Key())
	}
	alive, err := m.Exists(ctx, s.Key())
	equal(t, "Exists", fmt.Sprint(alive, err), "true <nil>")
	alive, err = m.Exists(ctx, unknown)
	equal(t, "Exists of an unknown key", fmt.Sprint(alive, err), "false <nil>")
	for _, short := range []string{"", "1234567", "äöüäöüä"} {
		equal(t, "a short key is none", m.Open(short).Key(), "")
	}

	first := s.Key()
	if err := s.Create(ctx); err != nil {
		t.Fatal(err)
	}
	if s.Key() == first {
		t.Error("Create kept the key")
	}
	alive, err = m.Exists(ctx, first)
	equal(t, "Create leaves the former key", fmt.Sprint(alive, err), "true <nil>")
	equal(t, "Create stores what is in memory", sessionText(reload(t, m, s)), `{"a":1}`)

	if err := m.Delete(ctx, first); err != nil {
		t.Error(err)
	}
	if err := m.Delete(ctx, first); err != nil {
		t.Errorf("Delete of nothing: %v", err)
	}
	old := m.Open(first)
	old.Set("moved", true)
	wantError(t, "Set before Load", old.Err(), sessions.ErrNotLoaded)

	inserted := m.Open(unknown)
	if err := inserted.Insert(ctx); err != nil {
		t.Fatal(err)
	}
	equal(t, "Insert keeps the key", inserted.Key(), unknown)
	wantError(t, "Insert of a taken key", m.Open(unknown).Insert(ctx), sessions.ErrExists)
	wantError(t, "Insert of no key", m.Open("UPPER-CASE-KEY").Insert(ctx), sessions.ErrNotFound)

	stale := reload(t, m, s)
	if err := s.DeleteStored(ctx); err != nil {
		t.Fatal(err)
	}
	equal(t, "DeleteStored keeps what is in memory", sessionText(s), `{"a":1}`)
	s.Set("b", 2)
	wantError(t, "Save of a deleted session", s.Save(ctx), sessions.ErrInterrupted)
	stale.Set("b", 2)
	wantError(t, "Save in a parallel request", stale.Save(ctx), sessions.ErrInterrupted)

	var values sessions.Values
	values.Set(sessions.Member{Name: "a", JSON: "1"})
	data, err := m.Encode(values)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := m.Decode(data)
	if member, _ := decoded.Get("a"); err != nil || decoded.Len() != 1 || member.JSON != "1" {
		t.Errorf("Decode(Encode): %v, %v", decoded, err)
	}
	_, err = m.Decode(data[:len(data)-1])
	wantError(t, "Decode of a truncated row", err, sessions.ErrCorrupt)
}

// TestNotLoaded: a session that was not loaded says so, and a change of it is
// not lost in silence.
func TestNotLoaded(t *testing.T) {
	m := newSite(t).Manager
	key := kept(t, m, func(s *sessions.Session) { s.Set("a", 1) }).Key()
	for name, do := range map[string]func(*sessions.Session){
		"Get": func(s *sessions.Session) { sessions.Get(s, "a", 0) },
		"Has": func(s *sessions.Session) { s.Has("a") },
		"Set": func(s *sessions.Session) { s.Set("a", 2) },
		"Pop": func(s *sessions.Session) { sessions.Pop(s, "a", 0) },
	} {
		s := m.Open(key)
		do(s)
		wantError(t, name, s.Err(), sessions.ErrNotLoaded)
		if err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantError(t, name+" and Save", s.Save(t.Context()), sessions.ErrNotLoaded)
	}
	s := m.Open(key)
	_, found, err := sessions.Lookup[int](s, "a")
	wantError(t, "Lookup", err, sessions.ErrNotLoaded)
	equal(t, "found", found, false)
	equal(t, "Lookup's error is not kept", s.Err(), nil)
	wantError(t, "Save", s.Save(t.Context()), sessions.ErrNotLoaded)
	wantError(t, "CycleKey", s.CycleKey(t.Context()), sessions.ErrNotLoaded)
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Set("a", 2)
	if err := s.Save(t.Context()); err != nil {
		t.Errorf("after all this: %v", err)
	}
	equal(t, "a", sessions.Get(reload(t, m, s), "a", 0), 2)
}

// TestSecurity10_NothingShowsTheKey prints a session in every way that a program might.
func TestSecurity10_NothingShowsTheKey(t *testing.T) {
	m := newSite(t).Manager
	s := kept(t, m, func(s *sessions.Session) { s.Set("credit card", "4111-1111") })
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "session", s)
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "session", s)
	//lint:ignore SA9005 what a careless program would do
	asJSON, _ := json.Marshal(s)
	texts := []string{s.String(), log.String(), string(asJSON), fmt.Sprint(s)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, s), fmt.Sprintf(verb, []any{s}), fmt.Sprintf(verb, struct{ S *sessions.Session }{s}))
	}
	for _, text := range texts {
		if strings.Contains(text, s.Key()) || strings.Contains(text, fmt.Sprintf("%x", s.Key())) || strings.Contains(text, "4111-1111") || strings.Contains(text, "credit card") {
			t.Errorf("it shows: %s", text)
		}
	}
	if !strings.HasPrefix(s.Key(), secrettest.Mark) {
		t.Error("scripts/leaks would not recognise the keys of these tests")
	}
	if !strings.Contains(s.String(), "session ") || s.String() != reload(t, m, s).String() {
		t.Errorf("%q does not name the session", s)
	}
}
