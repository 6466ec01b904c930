package cache

import (
	"context"
	"time"
)

// Dummy stores nothing and says that it did: Django's DummyCache, for
// development. With sessions in it the first save succeeds, and the next request
// begins anew. The zero value is ready.
type Dummy struct{}

// Caution implements Cautioner.
func (Dummy) Caution() string { return "nothing is stored" }

// Get implements Cache: there is never anything.
func (Dummy) Get(ctx context.Context, _ string) (Item, error) { return Item{}, dummyMiss(ctx) }

// Add implements Cache: it succeeds, and stores nothing.
func (Dummy) Add(ctx context.Context, _, value string, _ time.Duration) (Item, error) {
	return Item{Value: value}, ctx.Err()
}

// Swap implements Cache: there is never anything.
func (Dummy) Swap(ctx context.Context, _ string, _ Item, _ string, _ time.Duration) (Item, error) {
	return Item{}, dummyMiss(ctx)
}

// Set implements Cache: it succeeds, and stores nothing.
func (Dummy) Set(ctx context.Context, _, _ string, _ time.Duration) error { return ctx.Err() }

// Delete implements Cache.
func (Dummy) Delete(ctx context.Context, _ string) error { return ctx.Err() }

func dummyMiss(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return ErrMiss
}
