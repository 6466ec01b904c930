package cache_test

import (
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/cachetest"
)

func TestLocal(t *testing.T) {
	cachetest.Run(t, func(_ *testing.T, clock func() time.Time) cache.Cache {
		return cache.NewLocal(cache.LocalOptions{Clock: clock})
	}, cachetest.Options{})
}
