package engine_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

func TestHardenedMemory(t *testing.T) {
	enginetest.Run(t, func(*testing.T, sessions.Settings) sessions.Engine {
		return engine.Hardened(engine.Memory())
	}, enginetest.Options{Name: "memory, hardened"})
}

func TestHardenedCache(t *testing.T) {
	var local *cache.Local
	open := func(*testing.T, sessions.Settings) sessions.Engine { return engine.Hardened(engine.Cache(local)) }
	enginetest.Run(t, func(t *testing.T, st sessions.Settings) sessions.Engine {
		local = cache.NewLocal(cache.LocalOptions{Clock: st.Clock})
		return open(t, st)
	}, enginetest.Options{Name: "cache in process, hardened", ClearsItself: true, Another: open})
}

// dump is a cache that notes everything that is stored in it.
type dump struct {
	cache.Cache
	mu    sync.Mutex
	noted map[string]string
}

func newDump() *dump {
	return &dump{Cache: cache.NewLocal(cache.LocalOptions{}), noted: map[string]string{}}
}

func (d *dump) note(key, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.noted[key] = value
}

func (d *dump) Add(ctx context.Context, key, value string, ttl time.Duration) (cache.Item, error) {
	d.note(key, value)
	return d.Cache.Add(ctx, key, value, ttl)
}

func (d *dump) Swap(ctx context.Context, key string, old cache.Item, value string, ttl time.Duration) (cache.Item, error) {
	d.note(key, value)
	return d.Cache.Swap(ctx, key, old, value, ttl)
}

// open is a Manager on e under a secret key and its fallbacks.
func open(t *testing.T, e sessions.Engine, secret string, fallbacks ...string) *sessions.Manager {
	t.Helper()
	st := sessions.DefaultSettings()
	st.SecretKey, st.SecretKeyFallbacks = strings.Repeat(secret, 10), fallbacks
	st.Logger = secrettest.Logger()
	m, err := sessions.New(st, e)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// request asks m with a session cookie for the value of user.
func request(t *testing.T, m *sessions.Manager, cookie string) (user string) {
	t.Helper()
	r := httptest.NewRequest("GET", "https://example.org/", nil)
	r.Header.Set("Cookie", "sessionid="+cookie)
	w := httptest.NewRecorder()
	m.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		user = sessions.Get(s, "user", "nobody")
	})).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	return user
}

// TestHardenedCacheDump: what is in the cache tells nothing, and nothing of it
// works as a cookie; neither here nor where the engine is not hardened.
func TestHardenedCacheDump(t *testing.T) {
	d := newDump()
	m := open(t, engine.Hardened(engine.Cache(d)), "secret")
	s := m.Open("")
	s.Set("user", "ada.lovelace")
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := s.Key()
	s.Set("battle plan", "attack at dawn")
	if err := s.CycleKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := request(t, m, s.Key()); got != "ada.lovelace" {
		t.Fatalf("its owner reads %q", got)
	}
	if len(d.noted) != 2 {
		t.Fatalf("%d names in the cache, not a session and a trace", len(d.noted))
	}
	plain := open(t, engine.Cache(d.Cache), "secret")
	for name, value := range d.noted {
		if shown := secrettest.Shown(name+value, first, s.Key(), "ada.lovelace", "battle plan", "attack at dawn"); shown != nil {
			t.Errorf("%q is in %s: %s", shown, name, value)
		}
		sum := sha256.Sum256([]byte(s.Key()))
		for _, cookie := range []string{
			name, name[strings.LastIndex(name, "cache")+len("cache"):], name[strings.LastIndex(name, ":")+1:],
			value, hex.EncodeToString(sum[:]), hex.EncodeToString(sum[:20]),
		} {
			if got := request(t, m, cookie); got != "nobody" {
				t.Errorf("the cookie %s is %s", cookie, got)
			}
			if got := request(t, plain, cookie); got != "nobody" {
				t.Errorf("where it is not hardened, the cookie %s is %s", cookie, got)
			}
		}
	}
}

// TestHardenedSecretKeys: SECRET_KEY can be replaced, and another one opens
// nothing.
func TestHardenedSecretKeys(t *testing.T) {
	c := cache.NewLocal(cache.LocalOptions{})
	e := engine.Hardened(engine.Cache(c))
	m := open(t, e, "former")
	s := m.Open("")
	s.Set("user", "ada")
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := request(t, open(t, e, "other"), s.Key()); got != "nobody" {
		t.Errorf("another secret key reads %q", got)
	}
	next := open(t, e, "next", m.Settings().SecretKey)
	if got := request(t, next, s.Key()); got != "ada" {
		t.Errorf("after a change of keys it reads %q", got)
	}
	again := next.Open(s.Key())
	if err := errors.Join(again.Load(t.Context()), again.Save(t.Context())); err != nil {
		t.Fatal(err)
	}
	again.Set("n", 1)
	if err := again.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := request(t, open(t, e, "next"), s.Key()); got != "ada" {
		t.Errorf("saved under the next key it reads %q", got)
	}
}

// TestHardenedRefuses: what can't be hardened is said when it is opened.
func TestHardenedRefuses(t *testing.T) {
	for name, e := range map[string]sessions.Engine{
		"EncryptedCookies": engine.SignedCookies(),
		"files":            engine.File(t.TempDir()),
		"needs an engine":  nil,
		"needs a cache":    engine.Cache(nil),
	} {
		st := sessions.DefaultSettings()
		st.SecretKey = strings.Repeat("secret", 10)
		if _, err := sessions.New(st, engine.Hardened(e)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHardenedKeepsEncryption: an engine that encrypts already keeps its choices.
func TestHardenedKeepsEncryption(t *testing.T) {
	c := cache.NewLocal(cache.LocalOptions{})
	e := engine.Cache(c)
	e.Codec = codec.EncryptedOptions{Purpose: "ours", Serializer: codec.PickleSerializer{}}
	m := open(t, engine.Hardened(e), "secret")
	values, err := m.Decode(mustEncode(t, open(t, e, "secret"), sessions.Values{}))
	if err != nil || values.Len() != 0 {
		t.Errorf("its own purpose is not read: %v", err)
	}
	if _, err := m.Decode(mustEncode(t, open(t, engine.Hardened(engine.Memory()), "secret"), sessions.Values{})); err == nil {
		t.Error("another purpose is read")
	}
}

func mustEncode(t *testing.T, m *sessions.Manager, v sessions.Values) string {
	t.Helper()
	text, err := m.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
