package sessions_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// looker is a Manager on a memory engine whose events and log lines are kept.
func looker(t testing.TB, e sessions.Engine) (m *sessions.Manager, events *[]sessions.Event, log *strings.Builder, clock *testClock) {
	t.Helper()
	events, log, clock = &[]sessions.Event{}, &strings.Builder{}, &testClock{now: siteNow}
	st := sessions.DefaultSettings()
	st.SecretKey, st.Clock, st.Logger = siteSecret, clock.Now, slog.New(slog.NewTextHandler(log, nil))
	st.OnEvent = func(_ context.Context, e sessions.Event) { *events = append(*events, e) }
	m, err := sessions.New(st, e)
	if err != nil {
		t.Fatal(err)
	}
	return m, events, log, clock
}

func put(t testing.TB, m *sessions.Manager, values map[string]any) *sessions.Session {
	t.Helper()
	s := m.Open("")
	s.SetAll(values)
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// Whoever looks at a session leaves no trace of it, and learns what is there.
func TestStored(t *testing.T) {
	m, events, log, clock := looker(t, engine.Memory())
	s := put(t, m, map[string]any{"n": 1})
	key := s.Key()
	*events = nil
	stored, err := m.Stored(t.Context(), key)
	if err != nil || stored.Key != key || stored.Values.Len() != 1 || stored.Err != nil || !stored.Expires.Equal(siteNow.Add(14*24*time.Hour)) {
		t.Errorf("Stored: %v, %v", stored.Expires, err)
	}
	for _, unknown := range []string{"", "x", strings.Repeat("a", 32), key[1:], "../../etc/passwd", "\x00"} {
		if _, err := m.Stored(t.Context(), unknown); !errors.Is(err, sessions.ErrNotFound) || errors.Is(err, sessions.ErrRotated) {
			t.Errorf("Stored of an unknown key: %v", err)
		}
	}
	if err := s.CycleKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	*events = nil
	if _, err := m.Stored(t.Context(), key); !errors.Is(err, sessions.ErrRotated) {
		t.Errorf("Stored of a rotated key: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Stored(ctx, s.Key()); err == nil || errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("Stored that could not look: %v", err)
	}
	clock.now = clock.now.Add(15 * 24 * time.Hour)
	if _, err := m.Stored(t.Context(), s.Key()); !errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("Stored of an expired session: %v", err)
	}
	if len(*events) > 0 || log.Len() > 0 {
		t.Errorf("it shows: %v, %s", *events, log)
	}
}

// A session that has timed out here, and not for a Django, is over for both.
func TestStoredTimedOut(t *testing.T) {
	e := &spyEngine{}
	m, _, _, clock := looker(t, e)
	s := m.Open("")
	s.SetTimeouts(sessions.Timeouts{Absolute: time.Hour})
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	record, err := e.store.Load(t.Context(), s.Key())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.store.Replace(t.Context(), s.Key(), record, sessions.Record{Data: record.Data, Expires: siteNow.Add(24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	clock.now = clock.now.Add(2 * time.Hour)
	if _, err := m.Stored(t.Context(), s.Key()); !errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("Stored: %v", err)
	}
	if _, err := e.store.Load(t.Context(), s.Key()); !errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("the store still has it: %v", err)
	}
}

// All yields every session, a damaged one too.
func TestAll(t *testing.T) {
	e := &spyEngine{}
	m, _, _, _ := looker(t, lister{e})
	want := map[string]bool{}
	for i := range 1200 {
		want[put(t, m, map[string]any{"n": i}).Key()] = true
	}
	damaged := strings.Repeat("d", 32)
	if _, err := e.store.Create(t.Context(), damaged, sessions.Record{Data: "nonsense", Expires: siteNow.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	want[damaged] = true
	for stored, err := range m.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if !want[stored.Key] {
			t.Error("a session comes that should not")
		}
		if is := errors.Is(stored.Err, sessions.ErrCorrupt); is != (stored.Key == damaged) {
			t.Errorf("Err: %v", stored.Err)
		}
		delete(want, stored.Key)
	}
	if len(want) > 0 {
		t.Errorf("%d sessions don't come", len(want))
	}
	n := 0
	for range m.All(t.Context()) {
		n++
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range m.All(ctx) {
		if n++; !errors.Is(err, context.Canceled) {
			t.Errorf("All of a store that fails: %v", err)
		}
	}
	if n != 2 {
		t.Errorf("the loops ran %d times, want 2", n)
	}
}

// lister is an engine whose store lists although a spy stands before it.
type lister struct{ *spyEngine }

func (e lister) Open(st sessions.Settings) (sessions.Backend, error) {
	b, err := e.spyEngine.Open(st)
	b.Store = wrapped{b.Store, e.store.inner}
	return b, err
}

type wrapped struct {
	sessions.Store
	inner sessions.Store
}

func (w wrapped) Unwrap() sessions.Store { return w.inner }

func TestListUnsupported(t *testing.T) {
	for name, e := range map[string]sessions.Engine{
		"cookies":         engine.SignedCookies(),
		"hardened":        engine.Hardened(engine.Memory()),
		"a store without": &spyEngine{},
	} {
		m, _, _, _ := looker(t, e)
		if _, _, err := m.List(t.Context(), "", 10); !errors.Is(err, sessions.ErrUnsupported) {
			t.Errorf("%s: List: %v", name, err)
		}
	}
	m, _, _, _ := looker(t, engine.SignedCookies())
	if _, err := m.Stored(t.Context(), strings.Repeat("a", 32)); !errors.Is(err, sessions.ErrUnsupported) {
		t.Errorf("Stored with cookies: %v", err)
	}
	// The cookie stays valid: nobody is to believe that it was revoked.
	if err := m.Revoke(t.Context(), "abc", "7"); !errors.Is(err, sessions.ErrUnsupported) {
		t.Errorf("Revoke with cookies: %v", err)
	}
	if err := m.Delete(t.Context(), "abc"); err != nil {
		t.Errorf("Delete with cookies: %v", err)
	}
}

// Revoke is Delete, and says whose session it was.
func TestRevoke(t *testing.T) {
	m, events, _, _ := looker(t, engine.Memory())
	s := put(t, m, map[string]any{"n": 1})
	old := s.Key()
	if err := s.CycleKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	*events = nil
	if err := m.Revoke(t.Context(), old, "7"); !errors.Is(err, sessions.ErrRotated) {
		t.Errorf("Revoke of a rotated key: %v", err)
	}
	if err := m.Revoke(t.Context(), s.Key(), "7"); err != nil {
		t.Fatal(err)
	}
	if len(*events) != 1 || (*events)[0].Kind != sessions.EventRevoked || (*events)[0].UserID != "7" || (*events)[0].KeyHash == "" {
		t.Errorf("events: %v", *events)
	}
	if found, err := m.Exists(t.Context(), s.Key()); found || err != nil {
		t.Errorf("Exists: %v, %v", found, err)
	}
}

// Who looks after sessions goes through all of them, and finds out about each
// without disturbing it.
func ExampleManager_All() {
	ctx := context.Background()
	st := sessions.DefaultSettings()
	st.SecretKey = siteSecret
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, theme := range []string{"dark", "light", "dark"} {
		s := m.Open("")
		s.Set("theme", theme)
		if err := s.Save(ctx); err != nil {
			fmt.Println(err)
			return
		}
	}
	themes := map[string]int{}
	for stored, err := range m.All(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		var theme string
		if _, err := stored.Values.Decode("theme", &theme); err == nil {
			themes[theme]++
		}
	}
	fmt.Println(themes)
	// Output: map[dark:2 light:1]
}
