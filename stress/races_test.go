package stress

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowd has workers send requests, each its own after another, to the processes
// by turns.
func crowd(workers, each int, send func(worker, i int)) {
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for i := range each {
				send(worker, i)
			}
		})
	}
	all.Wait()
}

// TestUpdates: 50 workers with 200 updates each of one counter of one session.
func TestUpdates(t *testing.T) {
	onEach(t, nil, func(t *testing.T, b backend, ps []*process) {
		key := ps[0].begin(t)
		var acked, unsure, refused atomic.Int64
		workers, each := size(50, 20), size(200, 10)
		crowd(workers, each, func(worker, _ int) {
			switch a := ps[worker%len(ps)].get("/update", key); a.status {
			case http.StatusOK:
				acked.Add(1)
			case 0:
				unsure.Add(1)
			default:
				refused.Add(1)
				t.Log(a.status, a.body)
			}
		})
		r := row{what: fmt.Sprintf("%d × %d updates of one counter", workers, each), engine: b.name, tried: int64(workers * each), acknowledged: acked.Load()}
		n := ps[len(ps)-1].audit(t, key)["n"]
		r.lost, r.twice = max(r.acknowledged-n, 0), max(n-r.acknowledged-unsure.Load(), 0)
		if refused.Load()+unsure.Load() > 0 {
			t.Errorf("%d updates were refused, of %d it is not known", refused.Load(), unsure.Load())
		}
		r.report(t)
	})
}

// TestKeys: 50 workers with 200 writes each to their own values of one session,
// ten by turns. Each write is looked for by the next one to the same value, the
// last ones by the audit. With 200 names each the session grows to 10,000 values,
// all of which every request reads and writes: more than a minute for one engine.
func TestKeys(t *testing.T) {
	onEach(t, nil, func(t *testing.T, b backend, ps []*process) {
		key := ps[0].begin(t)
		workers, each, names := size(50, 20), size(200, 20), 10
		var acked, lost atomic.Int64
		name := func(worker, i int) string { return fmt.Sprintf("w%d_%d", worker, i%names) }
		crowd(workers, each, func(worker, i int) {
			a := ps[(worker+i)%len(ps)].get("/set", key, "name", name(worker, i), "value", strconv.Itoa(i+1))
			if a.status != http.StatusOK {
				t.Errorf("%d %s", a.status, a.body)
				return
			}
			acked.Add(1)
			if before := max(i+1-names, 0); a.body != strconv.Itoa(before) {
				lost.Add(1)
			}
		})
		for _, p := range ps {
			stored := p.audit(t, key)
			for worker := range workers {
				for i := each - names; i < each; i++ {
					if stored[name(worker, i)] != int64(i+1) {
						lost.Add(1)
					}
				}
			}
		}
		r := row{
			what: fmt.Sprintf("%d × %d writes to different keys", workers, each), engine: b.name,
			tried: int64(workers * each), acknowledged: acked.Load(), lost: lost.Load(),
		}
		r.report(t)
	})
}

// jittery has the processes meet at every point between a load and a save, and
// reads renew the session.
func jittery(c *config) { c.Jitter, c.Idle = 3*time.Millisecond, time.Minute }

// TestLogout logs out among requests of every kind.
func TestLogout(t *testing.T) {
	onEach(t, jittery, func(t *testing.T, b backend, ps []*process) {
		r := row{what: "logout among requests of every kind", engine: b.name}
		var tried, acked, resurrected, lost atomic.Int64
		for round := range size(40, 6) {
			key := ps[0].begin(t)
			var ending, ended atomic.Bool
			var all sync.WaitGroup
			stop := make(chan struct{})
			for worker := range 12 {
				all.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						path := []string{"/update", "/set", "/touch", "/read", "/read", "/pop"}[rand.IntN(6)]
						after := ended.Load()
						a := ps[worker%len(ps)].get(path, key, "name", "a", "value", "1", "pause", strconv.Itoa(rand.IntN(4000)))
						before := !ending.Load()
						tried.Add(1)
						switch {
						case a.status == http.StatusOK && after:
							resurrected.Add(1)
						case a.status == http.StatusOK:
							acked.Add(1)
						case a.status == http.StatusConflict && path == "/pop":
						case a.status != http.StatusBadRequest && a.status != http.StatusUnauthorized:
							t.Errorf("%s: %d %s", path, a.status, a.body)
						case before:
							lost.Add(1)
						}
					}
				})
			}
			time.Sleep(rand.N(20 * time.Millisecond))
			ending.Store(true)
			if a := ps[round%len(ps)].get("/logout", key); a.status != http.StatusOK {
				t.Errorf("logout: %d %s", a.status, a.body)
			}
			acked.Add(1)
			tried.Add(1)
			ended.Store(true)
			time.Sleep(15 * time.Millisecond)
			close(stop)
			all.Wait()
			for _, p := range ps {
				if p.audit(t, key) != nil {
					resurrected.Add(1)
				}
			}
		}
		r.tried, r.acknowledged, r.lost, r.resurrected = tried.Load(), acked.Load(), lost.Load(), resurrected.Load()
		r.report(t)
	})
}

// TestPops: 50 requests at once pop one token.
func TestPops(t *testing.T) {
	onEach(t, nil, func(t *testing.T, b backend, ps []*process) {
		r := row{what: "50 pops of one token", engine: b.name}
		for range size(20, 3) {
			key := ps[0].begin(t)
			var spent, seen atomic.Int64
			// By then all have seen the token, and nobody has saved.
			until := strconv.FormatInt(time.Now().Add(150*time.Millisecond).UnixMilli(), 10)
			crowd(50, 1, func(worker, _ int) {
				a := ps[worker%len(ps)].get("/pop", key, "until", until)
				switch {
				case a.status == http.StatusOK && a.body == "t":
					spent.Add(1)
				case a.status == http.StatusConflict:
					seen.Add(1)
				case a.status != http.StatusOK:
					t.Errorf("%d %s", a.status, a.body)
				}
			})
			r.tried += 50
			r.acknowledged += spent.Load()
			r.twice += max(spent.Load()-1, 0)
			if spent.Load() == 0 {
				t.Error("nobody got the token")
			}
			if stored := ps[0].audit(t, key); stored["token"] != 0 {
				r.lost++
			}
		}
		r.report(t)
	})
}

// TestLogin changes the key among parallel edits, and gives the responses to the
// browser in an order of chance: all of those to a page's own requests; of the others,
// which say nothing of themselves, those that were given after the login.
func TestLogin(t *testing.T) {
	// Not a touch at every read, whose purpose would be a cookie with every answer.
	onEach(t, func(c *config) { c.Jitter = 3 * time.Millisecond }, func(t *testing.T, b backend, ps []*process) {
		r := row{what: "login among parallel edits", engine: b.name}
		early := 0
		for round := range size(40, 5) {
			old := ps[0].begin(t)
			const edits = 30
			var mu sync.Mutex
			acked := map[string]bool{}
			var cookies []*http.Cookie
			var all sync.WaitGroup
			for i := range edits {
				all.Go(func() {
					time.Sleep(rand.N(15 * time.Millisecond))
					name := "k" + strconv.Itoa(i)
					send, own := ps[i%len(ps)].fetch, i%3 > 0
					if !own {
						send = ps[i%len(ps)].get
					}
					a := send("/set", old, "name", name, "value", "1", "pause", strconv.Itoa(rand.IntN(5000)))
					mu.Lock()
					defer mu.Unlock()
					if own || a.status != http.StatusOK {
						cookies = append(cookies, a.cookie)
					}
					switch a.status {
					case http.StatusOK:
						acked[name] = true
						if a.cookie != nil && a.cookie.Value != old {
							t.Error("an edit got another key")
						}
					case http.StatusBadRequest, http.StatusUnauthorized:
					default:
						t.Errorf("edit: %d %s", a.status, a.body)
					}
				})
			}
			time.Sleep(rand.N(15 * time.Millisecond))
			login := ps[round%len(ps)].get("/login", old)
			if login.status != http.StatusOK || login.cookie == nil || login.cookie.Value == old {
				t.Fatalf("login: %d %s", login.status, login.body)
			}
			all.Wait()
			r.tried += edits + 1
			r.acknowledged += int64(len(acked)) + 1
			early += len(acked)

			cookies = append(cookies, login.cookie)
			rand.Shuffle(len(cookies), func(i, j int) { cookies[i], cookies[j] = cookies[j], cookies[i] })
			jar := old
			for _, c := range cookies {
				switch {
				case c != nil && c.MaxAge < 0:
					jar = ""
				case c != nil:
					jar = c.Value
				}
			}
			for _, p := range ps {
				if a := p.get("/read", jar); jar != login.cookie.Value || a.status != http.StatusOK {
					t.Errorf("the visitor is not logged in any more: %d %s", a.status, a.body)
				}
				if a := p.get("/read", old); a.status == http.StatusOK {
					r.resurrected++
				}
				if p.audit(t, old) != nil {
					r.resurrected++
				}
			}
			stored := ps[len(ps)-1].audit(t, login.cookie.Value)
			for i := range edits {
				name := "k" + strconv.Itoa(i)
				switch {
				case acked[name] && stored[name] == 0:
					r.lost++
				case !acked[name] && stored[name] != 0:
					r.twice++ // refused, and done
				}
			}
		}
		r.note("%d edits came before their login", early)
		r.report(t)
	})
}
