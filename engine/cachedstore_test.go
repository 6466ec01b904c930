package engine

import (
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/engine/enginetest"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// pairOver is the cached_db engine over any two stores, as one process opens it.
type pairOver struct {
	db     sessions.Store
	cache  cache.Cache
	strict bool
}

func (p pairOver) Open(st sessions.Settings) (sessions.Backend, error) {
	c, err := codec.NewSigned(st, codec.SignedOptions{})
	if err != nil {
		return sessions.Backend{}, err
	}
	e := CachedDBEngine{Cache: p.cache, Strict: p.strict}
	backend := sessions.Backend{Name: "cached_db", Store: p.db, Codec: c}
	pickle, err := codec.NewPickle(codec.PickleOptions{})
	if err != nil {
		return sessions.Backend{}, err
	}
	e.complete()
	backend.Store = newCachedStore(e, backend, pickle, st)
	return backend, nil
}

// TestCachedDB puts the pair through the suite, as two processes.
func TestCachedDB(t *testing.T) {
	for _, strict := range []bool{false, true} {
		name := "default"
		if strict {
			name = "strict"
		}
		t.Run(name, func(t *testing.T) {
			var pair pairOver
			enginetest.Run(t, func(_ *testing.T, st sessions.Settings) sessions.Engine {
				pair = pairOver{newMemoryStore(st.Clock), cache.NewLocal(cache.LocalOptions{Clock: st.Clock}), strict}
				return pair
			}, enginetest.Options{Name: "cached_db in memory", Another: func(*testing.T, sessions.Settings) sessions.Engine { return pair }})
		})
	}
}

// TestCachedDBRefuses: what can't work is refused at the start, all at once.
func TestCachedDBRefuses(t *testing.T) {
	st := sessions.DefaultSettings()
	st.SecretKey = "a secret key of this test, which is long enough for Django"
	st.Logger = secrettest.Logger()
	e := CachedDBEngine{EntryLife: -1, Timeout: 1, Pickle: codec.PickleOptions{Protocol: 1}}
	_, err := e.Open(st)
	if err == nil {
		t.Fatal("opened")
	}
	for _, want := range []string{"*sql.DB", "a cache", "EntryLife", "Timeout", "protocol"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %s:\n%v", want, err)
		}
	}
}
