package engine_test

import (
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
)

func TestCacheLocal(t *testing.T) {
	var local *cache.Local
	enginetest.Run(t, func(_ *testing.T, st sessions.Settings) sessions.Engine {
		local = cache.NewLocal(cache.LocalOptions{Clock: st.Clock})
		return engine.Cache(local)
	}, enginetest.Options{
		ClearsItself: true,
		Another:      func(*testing.T, sessions.Settings) sessions.Engine { return engine.Cache(local) },
	})
}
