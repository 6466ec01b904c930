package demo

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/keepsake-go/sessions"
)

// countingEngine notes in each request's context what the request asks of
// another engine's store.
type countingEngine struct{ sessions.Engine }

// Open implements sessions.Engine.
func (e countingEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	backend, err := e.Engine.Open(st)
	if backend.Store != nil {
		backend.Store = countingStore{backend.Store}
	}
	return backend, err
}

type countingStore struct{ store sessions.Store }

// Load implements sessions.Store.
func (c countingStore) Load(ctx context.Context, key string) (sessions.Record, error) {
	note(ctx, "load")
	return c.store.Load(ctx, key)
}

// Create implements sessions.Store.
func (c countingStore) Create(ctx context.Context, key string, rec sessions.Record) (sessions.Record, error) {
	note(ctx, "create")
	return c.store.Create(ctx, key, rec)
}

// Replace implements sessions.Store.
func (c countingStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	note(ctx, "replace")
	return c.store.Replace(ctx, key, old, new)
}

// Rotate implements sessions.Store.
func (c countingStore) Rotate(ctx context.Context, key, newKey string, old, new sessions.Record) (sessions.Record, error) {
	note(ctx, "rotate")
	return c.store.Rotate(ctx, key, newKey, old, new)
}

// Delete implements sessions.Store.
func (c countingStore) Delete(ctx context.Context, key string) error {
	note(ctx, "delete")
	return c.store.Delete(ctx, key)
}

// Unwrap implements sessions.Wrapper.
func (c countingStore) Unwrap() sessions.Store { return c.store }

// storeCalls are the calls of one request.
type storeCalls struct {
	mu    sync.Mutex
	names []string
}

type storeCallsKey struct{}

// countCalls lets the requests to next count their calls.
func countCalls(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), storeCallsKey{}, new(storeCalls))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func note(ctx context.Context, name string) {
	if calls, ok := ctx.Value(storeCallsKey{}).(*storeCalls); ok {
		calls.mu.Lock()
		defer calls.mu.Unlock()
		calls.names = append(calls.names, name)
	}
}

// callsOf are the store calls that a request has made so far.
func callsOf(ctx context.Context) []string {
	calls, ok := ctx.Value(storeCallsKey{}).(*storeCalls)
	if !ok {
		return nil
	}
	calls.mu.Lock()
	defer calls.mu.Unlock()
	return slices.Clone(calls.names)
}
