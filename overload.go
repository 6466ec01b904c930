package sessions

import (
	"context"
	"sync/atomic"
)

// countedStore counts the calls that are under way, so that under overload a
// request is refused before it costs the store anything. Writes are not refused:
// whoever has loaded its session may save it.
type countedStore struct {
	Store
	most  int64
	under atomic.Int64
}

// full reports whether no further request is to be let in. A nil store has no
// limit.
func (s *countedStore) full() bool { return s != nil && s.under.Load() >= s.most }

func (s *countedStore) call() (done func()) {
	s.under.Add(1)
	return func() { s.under.Add(-1) }
}

// Unwrap implements Wrapper.
func (s *countedStore) Unwrap() Store { return s.Store }

func (s *countedStore) Load(ctx context.Context, key string) (Record, error) {
	defer s.call()()
	return s.Store.Load(ctx, key)
}

func (s *countedStore) Create(ctx context.Context, key string, rec Record) (Record, error) {
	defer s.call()()
	return s.Store.Create(ctx, key, rec)
}

func (s *countedStore) Replace(ctx context.Context, key string, old, new Record) (Record, error) {
	defer s.call()()
	return s.Store.Replace(ctx, key, old, new)
}

func (s *countedStore) Rotate(ctx context.Context, key, newKey string, old, new Record) (Record, error) {
	defer s.call()()
	return s.Store.Rotate(ctx, key, newKey, old, new)
}

func (s *countedStore) Delete(ctx context.Context, key string) error {
	defer s.call()()
	return s.Store.Delete(ctx, key)
}
