package sessions_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/engine"
)

// spyEngine is the memory engine with a spyStore in front of it.
type spyEngine struct{ store *spyStore }

func (e *spyEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	b, err := engine.Memory().Open(st)
	if err == nil {
		e.store = &spyStore{inner: b.Store, keys: map[string]bool{}, fail: map[string]error{}}
		b.Store = e.store
		b.Codec, err = codec.NewSigned(st, codec.SignedOptions{}) // what Django stores
	}
	return b, err
}

// spyStore notes the calls to a store, and can make them fail. A Replace that
// leaves the data as it is counts as "touch".
type spyStore struct {
	inner sessions.Store

	mu     sync.Mutex
	called []string
	keys   map[string]bool        // ever stored
	fail   map[string]error       // by operation
	before func(operation string) // called outside of the lock
	loaded func()                 // called when a load has its answer, outside of the lock
}

func (s *spyStore) note(operation string, keys ...string) error {
	s.mu.Lock()
	s.called = append(s.called, operation)
	for _, key := range keys {
		s.keys[key] = true
	}
	err, before := s.fail[operation], s.before
	s.mu.Unlock()
	if before != nil {
		before(operation)
	}
	return err
}

func (s *spyStore) Load(ctx context.Context, key string) (sessions.Record, error) {
	if err := s.note("load"); err != nil {
		return sessions.Record{}, err
	}
	record, err := s.inner.Load(ctx, key)
	s.mu.Lock()
	loaded := s.loaded
	s.mu.Unlock()
	if loaded != nil {
		loaded()
	}
	return record, err
}

func (s *spyStore) Create(ctx context.Context, key string, rec sessions.Record) (sessions.Record, error) {
	if err := s.note("create", key); err != nil {
		return sessions.Record{}, err
	}
	return s.inner.Create(ctx, key, rec)
}

func (s *spyStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	operation := "replace"
	if old.Data == new.Data {
		operation = "touch"
	}
	if err := s.note(operation); err != nil {
		return sessions.Record{}, err
	}
	return s.inner.Replace(ctx, key, old, new)
}

func (s *spyStore) Rotate(ctx context.Context, key, newKey string, old, new sessions.Record) (sessions.Record, error) {
	if err := s.note("rotate", newKey); err != nil {
		return sessions.Record{}, err
	}
	return s.inner.Rotate(ctx, key, newKey, old, new)
}

func (s *spyStore) Delete(ctx context.Context, key string) error {
	if err := s.note("delete"); err != nil {
		return err
	}
	return s.inner.Delete(ctx, key)
}

// calls are the operations since the last reset.
func (s *spyStore) calls() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.called, " ")
}

func (s *spyStore) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.called = nil
}

// failing makes the operation fail from now on; nil mends it.
func (s *spyStore) failing(operation string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail[operation] = err
}

// hook calls f before each operation.
func (s *spyStore) hook(f func(operation string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// live are the keys that name a session now.
func (s *spyStore) live() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for key := range s.keys {
		if _, err := s.inner.Load(context.Background(), key); err == nil {
			keys = append(keys, key)
		} else if !errors.Is(err, sessions.ErrNotFound) {
			panic(err)
		}
	}
	slices.Sort(keys)
	return keys
}
