package engine_test

import (
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
)

func TestCacheLocal(t *testing.T) {
	var local *cache.Local
	enginetest.Run(t, func(_ *testing.T, st sessions.Settings) sessions.Engine {
		local = cache.NewLocal(cache.LocalOptions{Clock: st.Clock})
		return engine.Cache(local)
	}, enginetest.Options{
		Name:         "cache in process",
		ClearsItself: true,
		Another:      func(*testing.T, sessions.Settings) sessions.Engine { return engine.Cache(local) },
	})
}

// TestCacheCodecs: what a django-redis stores, as the engine keeps it.
func TestCacheCodecs(t *testing.T) {
	for name, maker := range map[string]codec.Maker{
		"JSONSerializer":              codec.JSONOptions{Spaces: true},
		"ZlibCompressor":              codec.PickleOptions{Protocol: 4, Zlib: true},
		"JSONSerializer and Zlib":     codec.JSONOptions{Spaces: true, Zlib: true},
		"signed, as no Django has it": codec.SignedOptions{Serializer: codec.PickleSerializer{}},
	} {
		t.Run(name, func(t *testing.T) {
			var local *cache.Local
			open := func(*testing.T, sessions.Settings) sessions.Engine {
				return engine.CacheEngine{Cache: local, Codec: maker}
			}
			enginetest.Run(t, func(t *testing.T, st sessions.Settings) sessions.Engine {
				local = cache.NewLocal(cache.LocalOptions{Clock: st.Clock})
				return open(t, st)
			}, enginetest.Options{Name: "cache in process", ClearsItself: true, Another: open})
		})
	}
}

// TestCacheFileBased is two processes on one folder.
func TestCacheFileBased(t *testing.T) {
	var dir string
	open := func(t *testing.T, st sessions.Settings) sessions.Engine {
		c, err := cache.NewFileBased(cache.FileBasedOptions{Dir: dir, Clock: st.Clock})
		if err != nil {
			t.Fatal(err)
		}
		return engine.Cache(c)
	}
	enginetest.Run(t, func(t *testing.T, st sessions.Settings) sessions.Engine {
		dir = t.TempDir()
		return open(t, st)
	}, enginetest.Options{Name: "cache in files", Another: open})
}
