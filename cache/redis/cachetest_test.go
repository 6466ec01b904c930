package redis_test

import (
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/cachetest"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// TestCache puts the cache through the suite, on two clients, as two processes
// would have them.
func TestCache(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{})
	cacheSuite(t, s, open(t, s.URL()), open(t, s.URL()))
}

// cacheSuite puts two clients of a server through the suite.
func cacheSuite(t *testing.T, s *testserver.RedisServer, one, two cache.Cache) {
	t.Helper()
	cachetest.Run(t, func(t *testing.T, _ func() time.Time) cache.Cache {
		do(t, s, "FLUSHALL")
		return one
	}, cachetest.Options{
		Another: func(*testing.T, func() time.Time) cache.Cache { return two },
		NoEnds:  true,
		Round:   time.Millisecond,
		Advance: func(t *testing.T, d time.Duration) { age(t, []*testserver.RedisServer{s}, d) },
	})
}
