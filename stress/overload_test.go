package stress

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/internal/testserver"
)

// TestOverload: requests come at twice the rate that the database can serve, and
// don't wait for one another. Some are refused at once; the others are served as
// quickly as ever.
func TestOverload(t *testing.T) {
	const mostCalls = 100
	d := testserver.SharedPostgres(t)
	p := newProxy(t, d.Addr)
	p.delay.Store(int64(15 * time.Millisecond)) // the database is what is short, not this machine
	c := config{Engine: "database", Driver: "pgx", DSN: strings.Replace(d.URL(), d.Addr, p.addr, 1), SaveTimeout: 10 * time.Second, MaxStoreCalls: mostCalls}
	ps := runAll(t, c, 1)
	var keys []string
	for range 200 {
		keys = append(keys, ps[0].begin(t))
	}
	acked := make([]atomic.Int64, len(keys))
	var mu sync.Mutex
	var took []time.Duration
	var served, refused, other atomic.Int64
	visit := func() {
		i := rand.IntN(len(keys))
		a := ps[0].get("/update", keys[i])
		switch a.status {
		case http.StatusOK:
			served.Add(1)
			acked[i].Add(1)
			mu.Lock()
			took = append(took, a.took)
			mu.Unlock()
		case http.StatusServiceUnavailable:
			refused.Add(1)
		default:
			other.Add(1)
		}
	}
	period := time.Duration(size(3, 1)) * time.Second

	// What it can serve: as many clients as it lets in, one request after another.
	begin := time.Now()
	var all sync.WaitGroup
	for range mostCalls {
		all.Go(func() {
			for time.Since(begin) < period {
				visit()
			}
		})
	}
	all.Wait()
	rate := float64(served.Load()) / time.Since(begin).Seconds()
	memory := ps[0].memory()
	r := row{what: "twice the requests that it can serve", engine: "database, PostgreSQL", tried: served.Load() + refused.Load()}
	took = nil
	served.Store(0)

	begin = time.Now()
	period *= 3
	sent := 0
	for time.Since(begin) < period {
		for ; float64(sent) < 2*rate*time.Since(begin).Seconds(); sent++ {
			all.Go(visit)
		}
		time.Sleep(time.Millisecond)
	}
	all.Wait()
	over := time.Since(begin)
	grown := ps[0].memory() - memory
	r.tried += int64(sent)
	for i, key := range keys {
		n := ps[0].audit(t, key)["n"]
		r.acknowledged += acked[i].Load()
		r.lost += max(acked[i].Load()-n, 0)
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	goodput := float64(served.Load()) / over.Seconds()
	r.note("can serve %.0f/s, asked for %.0f/s: %.0f/s served, p99 %v, longest %v; %d refused; memory +%d MB", rate, float64(sent)/period.Seconds(), goodput,
		p99.Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), refused.Load(), grown>>20)
	if full() { // under the race detector, beside other tests, times and memory say little
		if p99 > 3*time.Second {
			t.Errorf("p99 is %v", p99)
		}
		if grown > 64<<20 {
			t.Errorf("memory grew by %d MB", grown>>20)
		}
		if goodput < rate/2 {
			t.Errorf("under overload it serves %.0f/s, of %.0f/s that it can", goodput, rate)
		}
	}
	if other.Load() > 0 {
		t.Errorf("%d requests got no answer, or an odd one", other.Load())
	}
	if refused.Load() == 0 {
		t.Error("it was no overload")
	}
	r.report(t)
}
