package stress

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/internal/testserver"
)

// TestLostAnswers: a proxy loses answers of the store, now and then, when the
// store has done what it was asked for; and then requests, which the store never
// sees. The application can't tell the one from the other. Each of its requests
// counts in a value of its own: none is counted twice, and none was acknowledged
// that is not there.
func TestLostAnswers(t *testing.T) {
	for _, e := range []struct {
		name  string
		quick bool
		start func(t *testing.T, c *config) *proxy
	}{
		{"database, PostgreSQL", true, func(t *testing.T, c *config) *proxy {
			d := testserver.SharedPostgres(t)
			p := newProxy(t, d.Addr)
			c.Engine, c.Driver, c.DSN = "database", "pgx", strings.Replace(d.URL(), d.Addr, p.addr, 1)
			return p
		}},
		{"database, MariaDB", false, func(t *testing.T, c *config) *proxy {
			d := testserver.SharedMariaDB(t)
			p := newProxy(t, d.Addr)
			c.Engine, c.Driver, c.DSN = "database", "mysql", strings.Replace(d.DSN(""), d.Addr, p.addr, 1)
			return p
		}},
		{"cache, Redis", true, func(t *testing.T, c *config) *proxy {
			p := newProxy(t, testserver.Redis(t, testserver.RedisOptions{}).Addr)
			c.Engine, c.Cache, c.Addrs = "cache", "redis", []string{p.addr}
			return p
		}},
		{"cache, memcached", false, func(t *testing.T, c *config) *proxy {
			p := newProxy(t, testserver.Memcached(t).Addr)
			c.Engine, c.Cache, c.Addrs = "cache", "memcached", []string{p.addr}
			return p
		}},
		{"cached_db", false, func(t *testing.T, c *config) *proxy {
			d := testserver.SharedPostgres(t)
			p := newProxy(t, d.Addr)
			c.Engine, c.Driver, c.DSN = "cached_db", "pgx", strings.Replace(d.URL(), d.Addr, p.addr, 1)
			onRedis(t, c)
			return p
		}},
	} {
		if !e.quick && !full() {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			c := config{SaveTimeout: 10 * time.Second}
			p := e.start(t, &c)
			ps := runAll(t, c, 2)
			for lost, lose := range map[string]*atomic.Int64{"answers": &p.lossy, "requests": &p.deaf} {
				r := row{what: lost + " of the store lost, one in 25", engine: e.name}
				refused := 0
				for range size(10, 2) {
					key := ps[0].begin(t)
					var mu sync.Mutex
					status := map[string]int{}
					lose.Store(25)
					crowd(30, 5, func(worker, i int) {
						name := fmt.Sprintf("r%d_%d", worker, i)
						a := ps[worker%2].get("/update", key, "name", name)
						mu.Lock()
						defer mu.Unlock()
						status[name] = a.status
						switch a.status {
						case http.StatusOK:
							r.acknowledged++
						case http.StatusServiceUnavailable:
							refused++
						default:
							t.Errorf("%d %s", a.status, a.body)
						}
					})
					lose.Store(0)
					r.tried += int64(len(status))
					stored := ps[1].audit(t, key)
					applied := int64(0)
					for name, status := range status {
						n := stored[name]
						applied += n
						if n == 0 && status == http.StatusOK {
							r.lost++
						}
						if n > 1 {
							r.twice++
						}
					}
					if n := stored["n"]; n != applied {
						t.Errorf("the counter is %d, and %d requests were applied", n, applied)
					}
				}
				if refused == 0 {
					t.Errorf("none of the %s was lost", lost)
				}
				r.note("%d × 503", refused)
				r.report(t)
			}
		})
	}
}
