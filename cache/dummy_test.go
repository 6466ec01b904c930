package cache_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache"
)

func TestDummy(t *testing.T) {
	var c cache.Dummy
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ctx := range []context.Context{t.Context(), ended} {
		item, addErr := c.Add(ctx, "k", "value", time.Hour)
		_, swapErr := c.Swap(ctx, "k", item, "new", time.Hour)
		_, getErr := c.Get(ctx, "k")
		for what, err := range map[string]error{"Add": addErr, "Set": c.Set(ctx, "k", "value", time.Hour), "Delete": c.Delete(ctx, "k")} {
			if err != ctx.Err() {
				t.Errorf("%s: %v", what, err)
			}
		}
		for what, err := range map[string]error{"Get": getErr, "Swap": swapErr} {
			if errors.Is(err, cache.ErrMiss) != (ctx.Err() == nil) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}
