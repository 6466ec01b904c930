package enginetest

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/keepsake-go/sessions"
)

const (
	ruleLinear    = "writers that Replace what they have read lose nothing"
	ruleOneWins   = "of several writers that start from the same record exactly one wins, the others get ErrConflict"
	ruleOneMakes  = "of several Creates of one key exactly one succeeds"
	ruleOneMoves  = "of several Rotates of one key exactly one succeeds, and at no time are two keys valid"
	ruleStaysDead = "what was deleted under the feet of writers stays deleted"
)

var raceCases = []contractCase{
	{"parallel counters", parallelCountersCase},
	{"one of several replaces", oneReplaceCase},
	{"one of several creates", oneCreateCase},
	{"one of several rotations", oneRotateCase},
	{"delete among writers", deleteAmongWritersCase},
}

// parallel runs f in the goroutines of several writers, each on its process's
// store.
func (e *env) parallel(f func(i int, st sessions.Store)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range e.writers {
		st := e.a
		if i%2 == 1 {
			st = e.b
		}
		all.Go(func() {
			<-start
			f(i, st)
		})
	}
	close(start)
	all.Wait()
}

func parallelCountersCase(e *env) {
	e.openStores()
	const rounds = 15
	e.mustCreate(e.a, key1, e.rec("0"))
	e.parallel(func(i int, st sessions.Store) {
		for range rounds {
			current, err := st.Load(e.ctx, key1)
			for attempt := 0; err == nil; attempt++ {
				if attempt == 10_000 {
					e.broken(ruleLinear, "writer %d has had %d conflicts on end", i, attempt)
					return
				}
				n, _ := strconv.Atoi(current.Data)
				runtime.Gosched() // let the others overtake
				current, err = st.Replace(e.ctx, key1, current, e.rec(strconv.Itoa(n+1)))
				if !errors.Is(err, sessions.ErrConflict) {
					break
				}
				err = nil
			}
			if err != nil {
				e.broken(ruleLinear, "writer %d: %v", i, err)
				return
			}
		}
	})
	if got, err := e.a.Load(e.ctx, key1); err != nil || got.Data != strconv.Itoa(e.writers*rounds) {
		e.broken(ruleLinear, "%d increments made %.20q, %v", e.writers*rounds, got.Data, err)
	}
}

func oneReplaceCase(e *env) {
	e.openStores()
	for round := range 10 {
		key := fmt.Sprintf("%032d", round)
		e.mustCreate(e.a, key, e.rec("0"))
		var won atomic.Int64
		var winner atomic.Int64
		old := make([]sessions.Record, e.writers)
		for i := range old {
			st := e.a
			if i%2 == 1 {
				st = e.b
			}
			var err error
			if old[i], err = st.Load(e.ctx, key); err != nil {
				e.Fatalf("Load: %v", err)
			}
		}
		e.parallel(func(i int, st sessions.Store) {
			switch _, err := st.Replace(e.ctx, key, old[i], e.rec(strconv.Itoa(i+1))); {
			case err == nil:
				won.Add(1)
				winner.Store(int64(i + 1))
			case !errors.Is(err, sessions.ErrConflict):
				e.broken(ruleOneWins, "%v", err)
			}
		})
		if won.Load() != 1 {
			e.broken(ruleOneWins, "%d of %d won", won.Load(), e.writers)
			continue
		}
		e.holds(ruleOneWins, key, e.rec(strconv.Itoa(int(winner.Load()))))
	}
}

func oneCreateCase(e *env) {
	e.openStores()
	for round := range 10 {
		key := fmt.Sprintf("%032d", round)
		var won, winner atomic.Int64
		e.parallel(func(i int, st sessions.Store) {
			switch _, err := st.Create(e.ctx, key, e.rec(strconv.Itoa(i+1))); {
			case err == nil:
				won.Add(1)
				winner.Store(int64(i + 1))
			case !errors.Is(err, sessions.ErrExists):
				e.broken(ruleOneMakes, "%v", err)
			}
		})
		if won.Load() != 1 {
			e.broken(ruleOneMakes, "%d of %d did", won.Load(), e.writers)
			continue
		}
		e.holds(ruleOneMakes, key, e.rec(strconv.Itoa(int(winner.Load()))))
	}
}

func oneRotateCase(e *env) {
	e.openStores()
	for round := range 5 {
		key := fmt.Sprintf("%032d", round)
		e.mustCreate(e.a, key, e.rec("0"))
		old := make([]sessions.Record, e.writers)
		for i := range old {
			st := e.a
			if i%2 == 1 {
				st = e.b
			}
			var err error
			if old[i], err = st.Load(e.ctx, key); err != nil {
				e.Fatalf("Load: %v", err)
			}
		}
		var won atomic.Int64
		target := func(i int) string { return fmt.Sprintf("target%d%025d", round, i) }
		e.parallel(func(i int, st sessions.Store) {
			switch _, err := st.Rotate(e.ctx, key, target(i), old[i], e.rec("moved")); {
			case err == nil:
				won.Add(1)
				if _, err := st.Load(e.ctx, key); !errors.Is(err, sessions.ErrNotFound) {
					e.broken(ruleOneMoves, "Load of the old key: %v", err)
				}
			case !errors.Is(err, sessions.ErrRotated):
				e.broken(ruleOneMoves, "%v", err)
			}
		})
		alive := 0
		for i := range e.writers {
			if _, err := e.a.Load(e.ctx, target(i)); err == nil {
				alive++
			}
		}
		if won.Load() != 1 || alive != 1 {
			e.broken(ruleOneMoves, "%d of %d succeeded, %d keys are valid", won.Load(), e.writers, alive)
		}
	}
}

func deleteAmongWritersCase(e *env) {
	e.openStores()
	for round := range 5 {
		key := fmt.Sprintf("%032d", round)
		e.mustCreate(e.a, key, e.rec("0"))
		begun := make(chan struct{})
		begin := sync.OnceFunc(func() { close(begun) })
		e.parallel(func(i int, st sessions.Store) {
			if i == 0 {
				<-begun
				if err := st.Delete(e.ctx, key); err != nil {
					e.broken(ruleDelete, "%v", err)
				}
				if _, err := st.Load(e.ctx, key); !errors.Is(err, sessions.ErrNotFound) {
					e.broken(ruleStaysDead, "Load: %v", err)
				}
				return
			}
			defer begin() // in any case
			current, err := st.Load(e.ctx, key)
			for n := 0; n < 100 && (err == nil || errors.Is(err, sessions.ErrConflict)); n++ {
				if current, err = st.Replace(e.ctx, key, current, e.rec(fmt.Sprint(i, n))); err == nil {
					begin()
				}
				runtime.Gosched() // let the others overtake
			}
			if err != nil && !errors.Is(err, sessions.ErrNotFound) && !errors.Is(err, sessions.ErrConflict) {
				e.broken(ruleStaysDead, "Replace: %v", err)
			}
		})
		e.absent(ruleStaysDead, key)
	}
}
