package sessions_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

type wrappedEngine struct {
	sessions.Engine
	wrap func(sessions.Store) sessions.Store
}

func (e wrappedEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	b, err := e.Engine.Open(st)
	if err == nil && e.wrap != nil {
		b.Store = e.wrap(b.Store)
	}
	return b, err
}

type replacingStore struct {
	sessions.Store
	replace func(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error)
}

func (s replacingStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	return s.replace(ctx, key, old, new)
}

func plainSettings() sessions.Settings {
	st := sessions.DefaultSettings()
	st.SecretKey = strings.Repeat("abcdefghij", 6)
	st.CookieSecure = false
	st.Logger = secrettest.Logger()
	return st
}

func seedOnce(t *testing.T, m *sessions.Manager, n int) string {
	s := m.Open("")
	s.Set("n", n)
	if err := s.Save(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s.Key()
}

func serveOnce(m *sessions.Manager, key string, f sessions.HandlerFunc) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://localhost/", nil)
	if key != "" {
		r.Header.Set("Cookie", "sessionid="+key)
	}
	w := httptest.NewRecorder()
	m.Handler(f).ServeHTTP(w, r)
	return w
}

// a save of unknown outcome is sent again at commit.
func TestUnknownOutcomeIsNotReplayed(t *testing.T) {
	lost := true
	m, err := sessions.New(plainSettings(), wrappedEngine{engine.Memory(), func(inner sessions.Store) sessions.Store {
		return replacingStore{inner, func(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
			rec, err := inner.Replace(ctx, key, old, new)
			if lost && err == nil {
				lost = false
				return sessions.Record{}, sessions.ErrUnknownOutcome
			}
			return rec, err
		}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	key := seedOnce(t, m, 0)
	w := serveOnce(m, key, func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		sessions.Update(s, "n", func(n int) int { return n + 1 })
		if err := s.Save(r.Context()); err != nil {
			http.Error(w, "please try again", http.StatusConflict)
		}
	})
	s := m.Open(key)
	_ = s.Load(context.Background())
	if n := sessions.Get(s, "n", 0); n != 1 {
		t.Errorf("status %d; n = %d after one Update(+1)", w.Code, n)
	}
}

// a rotation that was carried out is not announced when the save fails.
func TestRotationIsAnnouncedAfterAFailedSave(t *testing.T) {
	m, _ := sessions.New(plainSettings(), engine.Memory())
	key := seedOnce(t, m, 0)
	w := serveOnce(m, key, func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		if err := s.CycleKey(r.Context()); err != nil {
			t.Error(err)
		}
		s.Set("x", make(chan int))
	})
	if len(w.Header()["Set-Cookie"]) == 0 {
		t.Errorf("status %d, no Set-Cookie although the old key is dead", w.Code)
	}
}

// a log handler that asks for the session.
type askingLog struct{ slog.Handler }

func (h askingLog) Enabled(context.Context, slog.Level) bool { return true }
func (h askingLog) Handle(ctx context.Context, r slog.Record) error {
	if s, err := sessions.FromContext(ctx); err == nil {
		_ = sessions.Get(s, "user", "")
	}
	return nil
}
func (h askingLog) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h askingLog) WithGroup(string) slog.Handler      { return h }

func TestLogHandlerAsksForTheSession(t *testing.T) {
	st := plainSettings()
	st.Logger = slog.New(askingLog{})
	m, _ := sessions.New(st, engine.Memory())
	done := make(chan struct{})
	go func() {
		serveOnce(m, "abcdefghijklmnopqrstuvwxyz012345", func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {})
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
		t.Error("deadlock")
	}
}

// secrets in %+v of a Manager, values in a TypeError
func TestSecretsAreNotPrinted(t *testing.T) {
	st := plainSettings()
	st.WarnSize = 1
	m, _ := sessions.New(st, engine.Memory())
	key := seedOnce(t, m, 0)
	if strings.Contains(fmt.Sprintf("%+v", m), key) {
		t.Error("Manager prints a session key")
	}
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "settings", m.Settings())
	if strings.Contains(b.String(), st.SecretKey) {
		t.Error("Settings print the SecretKey")
	}
}

// logout after the client has hung up
func TestFlushAfterHangUp(t *testing.T) {
	m, _ := sessions.New(plainSettings(), engine.Memory())
	key := seedOnce(t, m, 1)
	r := httptest.NewRequest("POST", "http://localhost/", nil)
	r.Header.Set("Cookie", "sessionid="+key)
	ctx, cancel := context.WithCancel(r.Context())
	r = r.WithContext(ctx)
	m.Handler(sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		s.Set("n", 2)
		cancel()
		t.Log("Flush:", s.Flush(r.Context()))
	})).ServeHTTP(httptest.NewRecorder(), r)
	s := m.Open(key)
	_ = s.Load(context.Background())
	if s.Key() != "" {
		t.Errorf("alive, n = %d: the edit outlived the hang-up, the logout did not", sessions.Get(s, "n", 0))
	}
}
