package sessions_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keepsake-go/sessions"
)

// TestLoginTakesItsTurn: parallel requests that save one session all the time
// don't keep a login waiting: it comes after the save that is under way, and after
// those that have been waiting before it.
func TestLoginTakesItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := slowSite(t)
		s := kept(t, m, func(s *sessions.Session) { s.Set("n", 0) })
		saves := make(chan int)
		var stop atomic.Bool
		for range 4 {
			go func() {
				n := 0
				for ; !stop.Load(); n++ {
					other := m.Open(s.Key())
					if err := other.Load(context.Background()); err != nil || other.Key() == "" {
						break // the login has come
					}
					sessions.Update(other, "n", func(n int) int { return n + 1 })
					if other.Save(context.Background()) != nil {
						break
					}
				}
				saves <- n
			}()
		}
		time.Sleep(5500 * time.Millisecond)
		login := reload(t, m, s)
		begin := time.Now()
		err := login.CycleKey(context.Background())
		took := time.Since(begin)
		stop.Store(true)
		equal(t, "error", err, nil)
		// The rest of a write, one for all that were waiting, and the login's own.
		equal(t, "it took", took, 2500*time.Millisecond)
		total := 0
		for range 4 {
			total += <-saves
		}
		equal(t, "what was acknowledged", sessions.Get(login, "n", 0), total)
	})
}
