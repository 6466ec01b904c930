package cache_test

import (
	"errors"
	"fmt"
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

// TestLocalCull: when there are as many values as allowed, those that were unused
// the longest go, and the live ones are counted.
func TestLocalCull(t *testing.T) {
	for _, test := range []struct{ frequency, culled int }{{0, 4}, {2, 5}, {-1, 9}} {
		now := time.Now()
		culled := 0
		c := cache.NewLocal(cache.LocalOptions{
			MaxEntries: 9, CullFrequency: test.frequency,
			Clock: func() time.Time { return now }, OnCull: func(live int) { culled += live },
		})
		for i := range 10 {
			if i == 9 && culled != 0 {
				t.Errorf("%d values were culled too early", culled)
			}
			if err := c.Set(t.Context(), fmt.Sprint(i), "value", time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		_, oldest := c.Get(t.Context(), "0")
		_, newest := c.Get(t.Context(), "9")
		if culled != test.culled || !errors.Is(oldest, cache.ErrMiss) || newest != nil {
			t.Errorf("frequency %d: %d were culled; the oldest: %v, the newest: %v", test.frequency, culled, oldest, newest)
		}
	}
}
