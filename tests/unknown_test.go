package tests

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// losesReplies is an engine whose answers to writes get lost now and then, after
// the write has been done.
type losesReplies struct {
	sessions.Engine
	every int64
}

func (e losesReplies) Open(st sessions.Settings) (sessions.Backend, error) {
	b, err := e.Engine.Open(st)
	b.Store = &lossyStore{Store: b.Store, every: e.every}
	return b, err
}

type lossyStore struct {
	sessions.Store
	every int64
	n     atomic.Int64
}

func (s *lossyStore) lost() error {
	if s.n.Add(1)%s.every == 0 {
		return fmt.Errorf("the connection broke: %w", sessions.ErrUnknownOutcome)
	}
	return nil
}

func (s *lossyStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	rec, err := s.Store.Replace(ctx, key, old, new)
	if err == nil {
		if err = s.lost(); err != nil {
			return sessions.Record{}, err
		}
	}
	return rec, err
}

// TestUnknownOutcome: where replies get lost, a write is never done twice, every
// request that was not told of success was told of an error, and no acknowledged
// edit is missing.
func TestUnknownOutcome(t *testing.T) {
	st := settings()
	m, err := sessions.New(st, losesReplies{engine.Memory(), 3})
	if err != nil {
		t.Fatal(err)
	}
	srv := serve(t, m, answer(func(r *http.Request, s *sessions.Session) string {
		sessions.Update(s, "n", func(n int) int { return n + 1 })
		name := r.URL.Query().Get("name")
		sessions.Update(s, name, func(n int) int { return n + 1 })
		return ""
	}))
	key := stored(t, m, map[string]any{"n": 0})
	const n = 100
	var acknowledged [n]bool
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			switch status, _, _ := get(t, srv, "/?name=k"+strconv.Itoa(i), key); status {
			case http.StatusOK:
				acknowledged[i] = true
			case http.StatusServiceUnavailable:
			default:
				t.Errorf("status %d", status)
			}
		})
	}
	all.Wait()
	s := loaded(t, m, key)
	applied, refused := 0, 0
	for i := range n {
		times := sessions.Get(s, "k"+strconv.Itoa(i), 0)
		applied += times
		if times > 1 || acknowledged[i] && times != 1 {
			t.Errorf("request %d: acknowledged %v, applied %d times", i, acknowledged[i], times)
		}
		if !acknowledged[i] {
			refused++
		}
	}
	if got := sessions.Get(s, "n", -1); got != applied {
		t.Errorf("n is %d, but %d requests were applied", got, applied)
	}
	if refused == 0 || refused == n {
		t.Errorf("%d of %d requests met a lost reply", refused, n)
	}
}
