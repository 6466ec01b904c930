package interop

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// eachDuo runs a test with keepsake_django on the hammered stacks that have one of
// these engines: with the newest Django on each, with the others on some.
func eachDuo(t *testing.T, engines []string, test func(t *testing.T, x *duo, d *django)) {
	all, err := allPythons()
	check(t, err)
	if len(all) == 0 {
		newest(t)
	}
	for _, p := range all {
		for i := range hammered {
			s := &hammered[i]
			if !slices.Contains(engines, s.engine) || p != all[len(all)-1] && !slices.Contains(hammeredByAll, s.name()) {
				continue
			}
			t.Run(p.django+"/"+s.name(), func(t *testing.T) {
				t.Parallel()
				x := newDuo(t, p, s)
				test(t, x, x.ours)
			})
		}
	}
}

var allEngines = []string{"db", "cache", "cached_db"}

// answered is what a request of Django's was answered with.
type answered struct {
	Status int
	Cookie *string
}

// TestSessionsOfBothSides: what an end or a new key of a session on one side means to
// requests that are under way on the other, and that nobody is logged out when a
// site begins or ceases to use keepsake_django.
func TestSessionsOfBothSides(t *testing.T) {
	eachDuo(t, allEngines, func(t *testing.T, x *duo, d *django) {
		fresh := func() string { return create(t, x.m, map[string]any{"cat": "dog"}).Key() }

		// Both change the session at once, and delete in it.
		key := create(t, x.m, map[string]any{"cat": "dog", "gone": 1, "away": 1}).Key()
		s := load(t, x.m, key)
		d.must("open", args{"key": key}, nil)
		s.Set("go", 1)
		s.Delete("gone")
		check(t, s.Save(t.Context()))
		d.must("finish", args{"key": key, "data": `{"django": 1}`}, nil)
		equal(t, "after both", d.load(key).Data, `{"away": 1, "cat": "dog", "go": 1, "django": 1}`)
		s = load(t, x.m, key)
		d.must("request", args{"key": key, "pop": "away"}, nil)
		s.Set("go", 2)
		check(t, s.Save(t.Context()))
		equal(t, "after a deletion by Django", d.load(key).Data, `{"cat": "dog", "go": 2, "django": 1}`)

		// A logout on one side is final for a request of the other.
		key = fresh()
		s = load(t, x.m, key)
		d.must("request", args{"key": key, "flush": true}, nil)
		s.Set("late", 1)
		if err := s.Save(t.Context()); !errors.Is(err, sessions.ErrInterrupted) {
			t.Errorf("Go's save after Django's logout: %v", err)
		}
		absent(t, x.m, key)
		key = fresh()
		d.must("open", args{"key": key}, nil)
		check(t, load(t, x.m, key).Flush(t.Context()))
		d.fails("UpdateError", "finish", args{"key": key, "data": `{"late": 1}`})
		absent(t, x.m, key)

		// So is a new key, but it is no logout: the trace keeps the cookie alone.
		key = fresh()
		s = load(t, x.m, key)
		late := load(t, x.m, key)
		var login answered
		d.must("request", args{"key": key, "data": `{"user": 7}`, "cycle": true}, &login)
		if login.Status != 200 || login.Cookie == nil || *login.Cookie == key {
			t.Fatalf("Django's login is answered with %+v", login)
		}
		s.Set("late", 1)
		if err := s.Save(t.Context()); !errors.Is(err, sessions.ErrRotated) {
			t.Errorf("Go's save after Django's login: %v", err)
		}
		if err := late.Flush(t.Context()); !errors.Is(err, sessions.ErrInterrupted) {
			t.Errorf("Go's logout after Django's login: %v", err)
		}
		equal(t, "after Django's login", d.load(*login.Cookie).Data, `{"cat": "dog", "user": 7}`)
		for _, side := range []string{"Django", "Go"} {
			key := fresh()
			moved := load(t, x.m, key)
			d.must("open", args{"key": key}, nil)
			if side == "Go" {
				check(t, moved.CycleKey(t.Context()))
			} else {
				d.must("request", args{"key": key, "cycle": true}, nil)
			}
			d.fails("UpdateError", "finish", args{"key": key, "data": `{"late": 1}`})
			var got answered
			d.must("request", args{"key": key}, &got) // reads only
			if got.Status != 200 || got.Cookie != nil {
				t.Errorf("after a login at %s, a request with the old key is answered with %+v", side, got)
			}
			d.must("request", args{"key": key, "data": `{"late": 1}`}, &got)
			if got.Status != 400 || got.Cookie != nil {
				t.Errorf("after a login at %s, a change with the old key is answered with %+v", side, got)
			}
			d.must("request", args{"key": key, "flush": true}, &got)
			if got.Status != 400 || got.Cookie != nil {
				t.Errorf("after a login at %s, a logout with the old key is answered with %+v", side, got)
			}
		}

		// A change that was under way at a login is in the session of the new key.
		key = fresh()
		s = load(t, x.m, key)
		d.must("open", args{"key": key}, nil)
		s.Set("go", 1)
		check(t, s.Save(t.Context()))
		moved := d.text("finish_cycle", args{"key": key})
		equal(t, "under the new key", d.load(moved).Data, `{"cat": "dog", "go": 1}`)
		key = fresh()
		s = load(t, x.m, key)
		d.must("request", args{"key": key, "data": `{"django": 1}`}, nil)
		check(t, s.CycleKey(t.Context()))
		equal(t, "under Go's new key", d.load(s.Key()).Data, `{"cat": "dog", "django": 1}`)

		// Off and on again: each finds what the other has left.
		key = fresh()
		d.must("change", args{"key": key, "data": `{"ours": [1, 2]}`}, nil)
		stock := x.stock
		equal(t, "the stock engine reads", stock.load(key).Data, `{"cat": "dog", "ours": [1, 2]}`)
		stock.must("change", args{"key": key, "data": `{"stock": 1}`}, nil)
		own := djangoMakes(t, stock, `{"own": 1}`)
		equal(t, "keepsake_django reads", d.load(key).Data, `{"cat": "dog", "ours": [1, 2], "stock": 1}`)
		equal(t, "keepsake_django reads", d.load(own).Data, `{"own": 1}`)
		equal(t, "Go reads", payload(load(t, x.m, own)), `{"own":1}`)

		// Nothing of that is a session, nor in the way of clean-ups.
		d.must("clearsessions", nil, nil)
		stock.must("clearsessions", nil, nil)
		for _, kept := range []string{key, own} {
			if ok, err := x.m.Exists(t.Context(), kept); !ok || err != nil {
				t.Errorf("after clean-ups a session is %v, %v", ok, err)
			}
		}
	})
}

// A counter is a worker of TestNoReadIsOlder: it writes a number under its name, and
// reads those of all.
type counter struct {
	name  string
	write func(n int) error
	read  func() (map[string]int, error)
	acked atomic.Int64 // the last number whose write was answered
}

// TestNoReadIsOlder: processes of Django and workers of Go write to one session at
// once, and what is cached of it is evicted again and again. A read on either side
// is never older than what any of them had acknowledged before it began.
func TestNoReadIsOlder(t *testing.T) {
	eachDuo(t, []string{"cached_db"}, func(t *testing.T, x *duo, first *django) {
		key := create(t, x.m, map[string]any{"began": true}).Key()
		var counters []*counter
		for i := range 3 {
			d := first
			if i > 0 {
				d = first.python.open(t, first.config)
			}
			name := fmt.Sprintf("django-%d", i)
			counters = append(counters, &counter{
				name: name,
				write: func(n int) error {
					return d.call("change", args{"key": key, "data": fmt.Sprintf(`{"%s": %d}`, name, n)}, nil)
				},
				read: func() (numbers map[string]int, err error) {
					err = d.call("numbers", args{"key": key}, &numbers)
					return numbers, err
				},
			})
			goName := fmt.Sprintf("go-%d", i)
			counters = append(counters, &counter{
				name: goName,
				write: func(n int) error {
					s := x.m.Open(key)
					if err := s.Load(t.Context()); err != nil {
						return err
					}
					s.Set(goName, n)
					return s.Save(t.Context())
				},
				read: func() (map[string]int, error) {
					s := x.m.Open(key)
					err := s.Load(t.Context())
					numbers := map[string]int{}
					for _, c := range counters {
						numbers[c.name] = sessions.Get(s, c.name, 0)
					}
					return numbers, err
				},
			})
		}
		evicting := x.django(keepsakeEngines)
		end := time.Now().Add(2 * time.Second)
		over := func(turns int) bool { return turns >= 10 && time.Now().After(end) }
		var workers sync.WaitGroup
		for _, c := range counters {
			workers.Go(func() {
				for turns := 0; !over(turns); turns++ {
					if turns%3 == 0 {
						if err := c.write(turns); err != nil {
							t.Errorf("%s: a write: %v", c.name, err)
							return
						}
						c.acked.Store(int64(turns))
					}
					least := map[string]int64{}
					for _, other := range counters {
						least[other.name] = other.acked.Load()
					}
					got, err := c.read()
					if err != nil {
						t.Errorf("%s: a read: %v", c.name, err)
					}
					for name, n := range least {
						if int64(got[name]) < n {
							t.Errorf("%s reads %d of %s, which was acknowledged %d", c.name, got[name], name, n)
						}
					}
				}
			})
		}
		workers.Go(func() {
			for turns := 0; !over(turns); turns++ {
				evicting.must("evict", args{"key": key}, nil)
				time.Sleep(time.Millisecond)
			}
		})
		workers.Wait()
	})
}
