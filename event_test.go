package sessions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// audit collects events. It names the keys A, B, C … in the order in which their
// hashes come.
type audit struct {
	mu     sync.Mutex
	events []sessions.Event
	names  map[string]string
	then   func(context.Context, sessions.Event) // called with each event, outside of mu
}

func (a *audit) on(st *sessions.Settings) {
	a.names = map[string]string{"": ""}
	st.OnEvent = func(ctx context.Context, e sessions.Event) {
		a.mu.Lock()
		a.events = append(a.events, e)
		a.mu.Unlock()
		if a.then != nil {
			a.then(ctx, e)
		}
	}
}

func (a *audit) name(hash string) string {
	if _, ok := a.names[hash]; !ok {
		a.names[hash] = string(rune('A' + len(a.names) - 1))
	}
	return a.names[hash]
}

// String is what happened, and forgets it.
func (a *audit) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var text []string
	for _, e := range a.events {
		line := string(e.Kind)
		if e.OldKeyHash != "" {
			line += " " + a.name(e.OldKeyHash) + ">" + a.name(e.KeyHash)
		} else if e.KeyHash != "" {
			line += " " + a.name(e.KeyHash)
		}
		if e.Reason != "" {
			line += " " + string(e.Reason)
		}
		text = append(text, line)
	}
	a.events = nil
	return strings.Join(text, ", ")
}

// emitted is everything that the events say, in every way in which they can be
// written.
func emitted(events []sessions.Event) string {
	var text bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&text, nil))
	for _, e := range events {
		fmt.Fprintf(&text, "%v %+v %#v %s\n", e, e, e, e)
		_ = json.NewEncoder(&text).Encode(e)
		log.Info("event", "event", e)
	}
	return text.String()
}

// eventSite is a site with pages that do what their name says.
func eventSite(m *sessions.Manager) http.Handler {
	must := func(w http.ResponseWriter, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}
	mux := http.NewServeMux()
	page := func(name string, f func(w http.ResponseWriter, r *http.Request, s *sessions.Session)) {
		mux.Handle("/"+name, sessions.HandlerFunc(f))
	}
	mux.HandleFunc("/static", func(http.ResponseWriter, *http.Request) {})
	page("read", func(_ http.ResponseWriter, _ *http.Request, s *sessions.Session) { _ = s.Has("n") })
	page("write", func(_ http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		sessions.Update(s, "n", func(n int) int { return n + 1 })
	})
	page("save", func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		s.Set("n", 1)
		must(w, s.Save(r.Context()))
		s.Set("n", 2)
	})
	page("late", func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		_, _ = io.WriteString(w, "text")
		s.Set("late", true)
	})
	page("fails", func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		s.Set("n", 1)
		w.WriteHeader(http.StatusInternalServerError)
	})
	page("login", func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		s.Set("user", "alice")
		if err := s.CycleKey(r.Context()); err != nil {
			must(w, err)
			return
		}
		s.Emit(r.Context(), sessions.Event{Kind: sessions.EventAuthenticated})
	})
	page("logout", func(w http.ResponseWriter, r *http.Request, s *sessions.Session) { must(w, s.Flush(r.Context())) })
	page("switch", func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		must(w, s.Flush(r.Context()))
		s.Set("user", "bob")
	})
	page("delete", func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		must(w, s.DeleteStored(r.Context()))
	})
	page("copy", func(w http.ResponseWriter, r *http.Request, s *sessions.Session) { must(w, s.Create(r.Context())) })
	page("mismatch", func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		s.Emit(r.Context(), sessions.Event{Kind: sessions.EventHashMismatch})
		must(w, s.Flush(r.Context()))
	})
	mux.HandleFunc("/revoke", func(w http.ResponseWriter, r *http.Request) {
		must(w, m.Delete(r.Context(), m.Session(r.Context()).Key()))
	})
	mux.HandleFunc("/blind-logout", func(w http.ResponseWriter, r *http.Request) {
		must(w, m.Session(r.Context()).Flush(r.Context()))
	})
	return m.Handler(mux)
}

// eventBrowser keeps one cookie, and notes every one that it was ever given.
type eventBrowser struct {
	t      *testing.T
	url    string
	cookie string
	given  []string
}

func (b *eventBrowser) get(path string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), "GET", b.url+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if b.cookie != "" {
		r.Header.Set("Cookie", "sessionid="+b.cookie)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = resp.Body.Close()
	for _, c := range resp.Cookies() {
		b.cookie = c.Value
		b.given = append(b.given, c.Value)
	}
}

// What a visitor does, and what the hook is told.
func TestSecurity44_Events(t *testing.T) {
	const unknown = "abcdefghijklmnopqrstuvwxyz012345"
	down, lost := errStoreDown, sessions.ErrUnknownOutcome
	for _, row := range []struct {
		name  string
		steps string // pages; others of the form what:argument change the world
		want  string
	}{
		{"looks at a page without a session", "/static", ""},
		{"reads", "/read", ""},
		{"writes", "/write", "created A"},
		{"writes again and again", "/write /write /read /write", "created A"},
		{"saves in the handler", "/save", "created A"},
		{"writes after the headers", "/write /late", "created A"},
		{"writes, but the page fails", "/fails", ""},
		{"logs in without a session", "/login", "created A, authenticated A"},
		{"logs in", "/write /login /read", "created A, rotated A>B, authenticated B"},
		{"logs in twice", "/login /login", "created A, authenticated A, rotated A>B, authenticated B"},
		{"logs out", "/login /logout /read", "created A, authenticated A, ended A flushed"},
		{"logs out without a session", "/logout", ""},
		{"becomes somebody else", "/write /switch", "created A, ended A flushed, created B"},
		{"logs out with a key that was not looked up", "/write /blind-logout", "created A, ended A flushed"},
		{"deletes", "/write /delete", "created A, ended A deleted"},
		{"copies", "/write /copy", "created A, created B"},
		{"is revoked", "/write /revoke /read", "created A, revoked A, unknown_key A"},
		{"has a new password", "/write /mismatch", "created A, hash_mismatch A, ended A flushed"},
		{"expires", "/write wait:504h /read", "created A, unknown_key A"},
		{"makes a key up", "cookie:" + unknown + " /read", "unknown_key A"},
		{"makes a key up where nobody looks", "cookie:" + unknown + " /static", ""},
		{"makes a key up, and writes", "cookie:" + unknown + " /write", "unknown_key A, created B"},
		{"makes up what is no key", "cookie:../../../etc/passwd /read /static", "unknown_key A"},
		{"makes up what is too short", "cookie:zqxv /static", "unknown_key A"},
		{"has a damaged session", "/write damage /read", "created A, corrupt A"},
		{"has a damaged session, and writes", "/write damage /write", "created A, corrupt A, created B"},
		{
			"comes with a key that was just rotated", "/write keep /login back /read",
			"created A, rotated A>B, authenticated B",
		},

		{"the store is down: creates", "fail:create /write", ""},
		{"the store is down: loads", "/write fail:load /read /write", "created A"},
		{"the store is down: rotates", "/write fail:rotate /login", "created A"},
		{"the store is down: deletes", "/write fail:delete /logout /delete /revoke", "created A"},
		{"the answer is lost: creates", "lose:create /write", ""},
		{"the answer is lost: creates in the handler", "lose:create /save", ""},
		{"the answer is lost: rotates", "/write lose:rotate /login", "created A"},
		{"the answer is lost: deletes", "/write lose:delete /logout /delete /revoke", "created A"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var a audit
			s := newSite(t, a.on)
			server := httptest.NewServer(eventSite(s.Manager))
			defer server.Close()
			b := &eventBrowser{t: t, url: server.URL}
			kept := ""
			for step := range strings.FieldsSeq(row.steps) {
				what, argument, _ := strings.Cut(step, ":")
				switch what {
				case "cookie":
					b.cookie = argument
					b.given = append(b.given, argument)
				case "keep":
					kept = b.cookie
				case "back":
					b.cookie = kept
				case "wait":
					d, err := time.ParseDuration(argument)
					if err != nil {
						t.Fatal(err)
					}
					s.clock.Advance(d)
				case "damage":
					old, err := s.store.inner.Load(t.Context(), b.cookie)
					if err == nil {
						_, err = s.store.inner.Replace(t.Context(), b.cookie, old, sessions.Record{Data: "x" + old.Data, Expires: old.Expires})
					}
					if err != nil {
						t.Fatal(err)
					}
				case "fail":
					s.store.failing(argument, down)
				case "lose":
					s.store.failing(argument, lost)
				default:
					b.get(step)
				}
			}
			a.mu.Lock()
			text := emitted(a.events)
			for _, e := range a.events {
				if !e.Time.Equal(s.clock.Now()) && row.name != "expires" {
					t.Errorf("%v happened at %v", e, e.Time)
				}
			}
			a.mu.Unlock()
			for _, key := range slices.Concat(b.given, s.store.live()) {
				if key != "" && strings.Contains(text, key) {
					t.Errorf("the key %q stands in the events:\n%s", key, text)
				}
			}
			equal(t, "events", a.String(), row.want)
			s.noKeyIn(b.given...)
		})
	}
}

// With a cookie engine the cookie is the session, and its hash another one
// after each save.
func TestEventsOfCookies(t *testing.T) {
	for _, e := range []struct {
		name   string
		engine sessions.Engine
	}{{"signed", engine.SignedCookies()}, {"encrypted", engine.EncryptedCookies()}} {
		for _, row := range []struct{ name, steps, want string }{
			{"writes", "/write /read", "created A"},
			{"writes again", "/write /write", "created A"},
			{"logs in and out", "/write /login /logout /read", "created A, rotated A>B, authenticated B, ended B flushed"},
			{"logs in without a session", "/login", "created A, authenticated A"},
			{"logs out without a session", "/logout", ""},
			{"can't delete", "/write /delete /revoke", "created A"},
			{"forges", "forge /read /static", "corrupt A"},
			{"comes late", "/write wait /read", "created A, ended A expired"},
			{"comes late, and writes", "/write wait /write", "created A, ended A expired, created B"},
			{"writes, but the page fails", "/fails", ""},
		} {
			t.Run(e.name+"/"+row.name, func(t *testing.T) {
				var a audit
				clock := &testClock{now: siteNow}
				st := sessions.DefaultSettings()
				st.SecretKey, st.CookieSecure, st.Clock = siteSecret, false, clock.Now
				st.Logger = secrettest.Logger()
				a.on(&st)
				m, err := sessions.New(st, e.engine)
				if err != nil {
					t.Fatal(err)
				}
				server := httptest.NewServer(eventSite(m))
				defer server.Close()
				b := &eventBrowser{t: t, url: server.URL}
				for step := range strings.FieldsSeq(row.steps) {
					switch step {
					case "forge":
						b.cookie = "e30:1tuQ8g:c2lnbmF0dXJlIG9mIG5vYm9keQ"
						b.given = append(b.given, b.cookie)
					case "wait":
						clock.Advance(15 * 24 * time.Hour)
					default:
						b.get(step)
						clock.Advance(time.Second)
					}
				}
				a.mu.Lock()
				text := emitted(a.events)
				a.mu.Unlock()
				for _, value := range b.given {
					if value != "" && strings.Contains(text, value) {
						t.Errorf("a cookie stands in the events:\n%s", text)
					}
				}
				equal(t, "events", a.String(), row.want)
			})
		}
	}
}

// The hook is called after the store has acknowledged, and may use the session.
func TestEventsAfterTheStore(t *testing.T) {
	var a audit
	s := newSite(t, a.on)
	a.then = func(ctx context.Context, e sessions.Event) {
		session, err := sessions.FromContext(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		key := session.Key()
		found, err := s.Exists(ctx, key)
		if err != nil || found != (key != "") {
			t.Errorf("%v: stored %v, %v", e, found, err)
		}
		_ = sessions.Get(session, "n", 0)
		other := s.Open("")
		other.Set("event", string(e.Kind))
		if e.Kind != sessions.EventCreated {
			if err := other.Save(ctx); err != nil {
				t.Error(err)
			}
		}
		if r := sessions.RequestFromContext(ctx); r == nil || r.RemoteAddr == "" {
			t.Errorf("%v: no request", e)
		}
	}
	// What the hook saves is an event as well.
	a.then = once(a.then)
	h := eventSite(s.Manager)
	cookie := ""
	for _, path := range []string{"/write", "/login", "/logout"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Cookie", "sessionid="+cookie)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		equal(t, path, w.Code, 200)
		cookie = w.Result().Cookies()[0].Value
	}
	equal(t, "events", a.String(), "created A, rotated A>B, created C, authenticated B, created D, ended B flushed, created E")
}

// once keeps a hook from being called by what itself does.
func once(hook func(context.Context, sessions.Event)) func(context.Context, sessions.Event) {
	busy := false
	return func(ctx context.Context, e sessions.Event) {
		if !busy {
			busy = true
			defer func() { busy = false }()
			hook(ctx, e)
		}
	}
}

// A client that hangs up takes no event away.
func TestEventsOfAClientThatIsGone(t *testing.T) {
	var a audit
	s := newSite(t, a.on)
	a.then = func(ctx context.Context, e sessions.Event) {
		if err := ctx.Err(); err != nil {
			t.Errorf("%v: %v", e, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	s.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, session *sessions.Session) {
		session.Set("n", 1)
		cancel()
	})).ServeHTTP(httptest.NewRecorder(), r)
	equal(t, "events", a.String(), "created A")
}

// A hook that panics is a line in the log; nobody else notices.
func TestEventsPanic(t *testing.T) {
	var a audit
	s := newSite(t, a.on)
	a.then = func(context.Context, sessions.Event) { panic("the audit's own trouble") }
	resp := s.visit("", func(session *sessions.Session, r *http.Request) {
		session.Set("n", 1)
		if err := session.CycleKey(r.Context()); err != nil {
			t.Error(err)
		}
	})
	equal(t, "status", resp.StatusCode, 200)
	equal(t, "cookie", s.announced(resp, ""), "new")
	equal(t, "stored", s.stored(""), `new{"n":1}`)
	equal(t, "events", a.String(), "created A")
	equal(t, "log lines", s.log.count(`level=ERROR msg="sessions: OnEvent panicked" panic="the audit's own trouble" event=created`), 1)
	s.noKeyIn()
}

// Of requests at once each end of a session's life is told once.
func TestEventsOfParallelRequests(t *testing.T) {
	var a audit
	s := newSite(t, a.on)
	key := s.visitor(map[string]any{"n": 0})
	_ = a.String()
	parallel := func(f func(*sessions.Session, *http.Request) error) (done int) {
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
					err := f(session, r)
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						done++
					case !errors.Is(err, sessions.ErrInterrupted):
						t.Error(err)
					}
				})
			})
		}
		all.Wait()
		return done
	}
	parallel(func(session *sessions.Session, r *http.Request) error {
		sessions.Update(session, "n", func(n int) int { return n + 1 })
		return session.Save(r.Context())
	})
	equal(t, "saves", a.String(), "")
	equal(t, "stored", s.stored(key), `old{"n":16}`)
	rotated := parallel(func(session *sessions.Session, r *http.Request) error { return session.CycleKey(r.Context()) })
	kinds := map[sessions.EventKind]int{}
	for _, e := range a.events {
		kinds[e.Kind]++
	}
	// A request that loaded after the rotation has no key, and its CycleKey is
	// refused: it tells nothing.
	equal(t, "rotations", fmt.Sprint(rotated, kinds), "1 map[rotated:1]")
}

func TestEventText(t *testing.T) {
	e := sessions.Event{
		Kind: sessions.EventEnded, Time: siteNow, KeyHash: "0123456789ab", OldKeyHash: "ba9876543210",
		Reason: sessions.EndFlushed, UserID: "7",
	}
	equal(t, "text", fmt.Sprint(e), "ended key_hash=0123456789ab old_key_hash=ba9876543210 reason=flushed user_id=7")
	equal(t, "text of few fields", fmt.Sprint(sessions.Event{Kind: "mine"}), "mine")
	text, err := json.Marshal(e)
	equal(t, "error", err, nil)
	equal(t, "JSON", string(text), `{"kind":"ended","time":"2026-03-01T12:00:00Z","key_hash":"0123456789ab",`+
		`"old_key_hash":"ba9876543210","reason":"flushed","user_id":"7"}`)
	var book logBook
	book.logger().Info("event", "event", e)
	if got := book.String(); !strings.Contains(got, `event.kind=ended event.key_hash=0123456789ab event.old_key_hash=ba9876543210 event.reason=flushed event.user_id=7`) {
		t.Errorf("log line: %s", got)
	}
}

// Emit without a hook, with a time, and with a key hash of the caller's.
func TestEmit(t *testing.T) {
	none := newSite(t)
	none.Emit(t.Context(), sessions.Event{Kind: "mine"})
	none.Open("").Emit(t.Context(), sessions.Event{Kind: "mine"})

	var a audit
	s := newSite(t, a.on)
	session := s.Open(s.visitor(nil))
	_ = a.String()
	session.Emit(t.Context(), sessions.Event{Kind: "mine", UserID: "7"})
	session.Emit(t.Context(), sessions.Event{Kind: "mine", KeyHash: "given", Time: siteNow.Add(time.Hour)})
	s.Emit(t.Context(), sessions.Event{Kind: "mine"})
	hash := strings.TrimPrefix(session.String(), "session ")
	want := []sessions.Event{
		{Kind: "mine", Time: siteNow, KeyHash: hash, UserID: "7"},
		{Kind: "mine", Time: siteNow.Add(time.Hour), KeyHash: "given"},
		{Kind: "mine", Time: siteNow},
	}
	if !slices.Equal(a.events, want) {
		t.Errorf("emitted %v\nwant %v", a.events, want)
	}
	if r := sessions.RequestFromContext(t.Context()); r != nil {
		t.Error("a request out of nowhere")
	}
}
