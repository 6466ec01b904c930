package stress

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
)

// raw is the store past Keepsake, to be written to as blindly as others do.
type raw struct {
	db    *sql.DB
	cache cache.Cache
	mark  string // of a parameter: "?" or "$1", "$2"
}

// overwrite is a request of others: it loads the session, changes it, and writes
// it back whatever is there by then.
func (a *app) overwrite(ctx context.Context, key string) error {
	s := a.raw
	change := func(data string) (string, error) {
		values, err := a.m.Decode(data)
		if err != nil {
			return "", err
		}
		values.Set(sessions.Member{Name: "n", JSON: strconv.Itoa(rand.Int())})
		return a.m.Encode(values)
	}
	if s.db == nil {
		name := cache.Keys{}.Make("django.contrib.sessions.cache" + key)
		item, err := s.cache.Get(ctx, name)
		if err != nil {
			return err
		}
		data, err := change(item.Value)
		if err != nil {
			return err
		}
		return s.cache.Set(ctx, name, data, time.Hour)
	}
	first, second := "?", "?"
	if s.mark == "$" {
		first, second = "$1", "$2"
	}
	var data string
	if err := s.db.QueryRowContext(ctx, "SELECT session_data FROM django_session WHERE session_key = "+first, key).Scan(&data); err != nil {
		return err
	}
	data, err := change(data)
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, "UPDATE django_session SET session_data = "+first+" WHERE session_key = "+second, data, key)
	return err
}

// burst has so many changes of one session made at once, by Keepsake or blindly,
// and says how long they took.
func (a *app) burst(w http.ResponseWriter, r *http.Request) {
	key, blind := r.FormValue("key"), r.FormValue("blind") != ""
	n, _ := strconv.Atoi(r.FormValue("n"))
	errs := make([]error, n)
	begin := time.Now()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if blind {
				errs[i] = a.overwrite(r.Context(), key)
				return
			}
			s := a.m.Open(key)
			if errs[i] = s.Load(r.Context()); errs[i] != nil {
				return
			}
			sessions.Update(s, "n", func(n int64) int64 { return n + 1 })
			errs[i] = s.Save(r.Context())
		})
	}
	all.Wait()
	took := time.Since(begin)
	if err := errors.Join(errs...); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write([]byte(strconv.FormatInt(took.Microseconds(), 10)))
}

// TestBurst compares a burst of 50 changes of one session with as many blind
// writes. The ratio is told, and not judged: it is of times.
func TestBurst(t *testing.T) {
	for _, b := range backends {
		if !strings.HasPrefix(b.name, "database, ") && b.name != "cache, Redis" && b.name != "cache, memcached" || !b.quick && !full() {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			c := config{SaveTimeout: time.Minute}
			b.start(t, &c)
			p := runAll(t, c, 1)[0]
			key, other := p.begin(t), p.begin(t)
			r := row{what: "a burst of 50 changes", engine: b.name}
			var exact, blind []int
			for range size(40, 3) {
				for _, mode := range []string{"", "1"} {
					which := key
					if mode != "" {
						which = other
					}
					a := p.get("/burst", "", "key", which, "n", "50", "blind", mode)
					took, err := strconv.Atoi(a.body)
					if err != nil {
						t.Fatalf("%d %s", a.status, a.body)
					}
					if mode == "" {
						exact = append(exact, took)
						r.tried += 50
						r.acknowledged += 50
					} else {
						blind = append(blind, took)
					}
				}
			}
			n := p.audit(t, key)["n"]
			r.lost, r.twice = max(r.acknowledged-n, 0), max(n-r.acknowledged, 0)
			slices.Sort(exact)
			slices.Sort(blind)
			e, bl := exact[len(exact)/2], blind[len(blind)/2]
			r.note("median %.1f ms, of 50 blind writes %.1f ms: %.2f", float64(e)/1000, float64(bl)/1000, float64(e)/float64(bl))
			r.report(t)
		})
	}
}
