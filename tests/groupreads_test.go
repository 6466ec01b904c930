package tests

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// TestGroupedReads: readers that come while others read share a round trip. Each gets
// what is under its own key, and what it has written before.
func TestGroupedReads(t *testing.T) {
	eachSQLServer(t, func(t *testing.T, server sqlServer) {
		s := storeOn(t, server.open(t))
		recs := created(t, s, 32)
		var wg sync.WaitGroup
		for i, rec := range recs {
			wg.Go(func() {
				for n := range 20 {
					var err error
					if rec, err = s.Replace(t.Context(), groupKey(i), rec, record(fmt.Sprint(i, " ", n, ` {"a":"\"}`))); err != nil {
						t.Error(err)
						return
					}
					got, err := s.Load(t.Context(), groupKey(i))
					if err != nil || got.Data != rec.Data || !got.Expires.Equal(rec.Expires) {
						t.Errorf("%d after %d: %v, %v", i, n, got, err)
					}
					if _, err := s.Load(t.Context(), groupKey(1000+i)); !errors.Is(err, sessions.ErrNotFound) || errors.Is(err, sessions.ErrRotated) {
						t.Errorf("nobody's key: %v", err)
					}
					if other, err := s.Load(t.Context(), groupKey((i+1)%32)); err != nil || n > 0 && other.Data == rec.Data {
						t.Errorf("another's key: %v, %v", other, err)
					}
				}
			})
		}
		wg.Wait()
	})
}

// TestGroupedReadGivenUp: readers whose table is locked end with their contexts, and
// those who have left the others to wait take nobody with them.
func TestGroupedReadGivenUp(t *testing.T) {
	server := postgres(t)
	db := server.open(t)
	s := storeOn(t, db)
	recs := created(t, s, 40)
	tx, err := server.open(t).Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range recs {
		patience := 30 * time.Second
		if i%2 == 0 {
			patience = time.Duration(5+i*5) * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		begin := time.Now()
		wg.Go(func() {
			got, err := s.Load(ctx, groupKey(i))
			switch {
			case patience > time.Second && (err != nil || got.Data != recs[i].Data):
				t.Errorf("who has patience: %v, %v", got, err)
			case patience < time.Second && err == nil:
				t.Error("read a locked table")
			case patience < time.Second && time.Since(begin) > patience+2*time.Second:
				t.Errorf("ended after %v instead of %v", time.Since(begin), patience)
			}
		})
		time.Sleep(time.Millisecond)
	}
	time.Sleep(400 * time.Millisecond)
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}
