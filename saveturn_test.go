package sessions_test

import (
	"context"
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
		m, store := slowSite(t)
		s := kept(t, m, func(s *sessions.Session) { s.Set("n", 0) })
		saves := make(chan int)
		for range 4 {
			go func() {
				n := 0
				for ; ; n++ {
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
		begin, before := time.Now(), store.replaces
		if err := login.CycleKey(context.Background()); err != nil {
			t.Fatal(err)
		}
		equal(t, "two writes of a second at most", time.Since(begin) <= 2*time.Second, true)
		equal(t, "writes before the login", store.replaces-before <= 1, true)
		total := 0
		for range 4 {
			total += <-saves
		}
		equal(t, "what was acknowledged", sessions.Get(login, "n", 0), total)
	})
}
