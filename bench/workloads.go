package main

import (
	"fmt"
	"strings"
	"time"
)

// workload is one row of what is measured: an operation, on something, by some.
type workload struct {
	letter string
	on     string
	op     string
	libs   []string

	// inside: in this process, by one caller. Else through HTTP, against a
	// process for each contestant, over so many connections.
	inside  bool
	workers int
	full    bool // left out of the quick set
}

// name is what its results are kept under, before the contestant's.
func (w workload) name() string {
	name := w.letter + " " + w.on
	if w.inside {
		name += " inside"
		if w.workers > 0 {
			name += fmt.Sprint(" ×", w.workers)
		}
	}
	return name + " "
}

const (
	visitorsInside = 256 // sessions of each contestant
	visitorsHTTP   = 512
	visitorsMany   = 1 << 14 // four times the texts that a codec.Signed remembers
	connections    = 32
)

var workloads = []workload{
	{letter: "A", on: "nobody", op: opNone, libs: []string{"bare", "keepsake", "scs"}, inside: true},
	{letter: "A", on: "memory", op: opNone, libs: []string{"bare", "keepsake", "scs"}, inside: true},
	{letter: "C", on: "sqlite-full", op: opSave, libs: []string{"limit", "store", "keepsake"}, inside: true, workers: 64},
	{letter: "C", on: "postgres", op: opSave, libs: []string{"limit", "store", "keepsake"}, inside: true, workers: 64},
	{letter: "C", on: "sqlite-full", op: opSave, libs: []string{"limit", "store", "keepsake"}, inside: true, workers: 1},
	{letter: "C", on: "postgres", op: opSave, libs: []string{"limit", "store", "keepsake"}, inside: true, workers: 1},

	{letter: "B", on: "memory", op: opRead, libs: []string{"bare", "limit", "keepsake", "scs"}, inside: true},
	{letter: "C", on: "memory", op: opSave, libs: []string{"bare", "limit", "keepsake", "scs"}, inside: true},
	{letter: "D", on: "memory", op: opNew, libs: []string{"bare", "limit", "keepsake", "scs"}, inside: true},
	{letter: "F", on: "cookie", op: opSave, libs: []string{"bare", "limit", "keepsake", "keepsake-plain", "keepsake-many", "gorilla"}, inside: true},
	{letter: "F", on: "codec", op: opSave, libs: []string{"keepsake", "keepsake-plain", "keepsake-own", "gorilla"}, inside: true},

	{letter: "B", on: "sqlite", op: opRead, libs: []string{"bare", "limit", "keepsake", "keepsake-many", "scs"}, inside: true},
	{letter: "C", on: "sqlite", op: opSave, libs: []string{"bare", "limit", "keepsake", "keepsake-many", "scs"}, inside: true},
	{letter: "D", on: "sqlite", op: opNew, libs: []string{"bare", "limit", "keepsake", "scs"}, inside: true},

	{letter: "B", on: "memory", op: opRead, libs: []string{"bare", "limit", "keepsake", "scs"}, workers: connections},
	{letter: "B", on: "redis", op: opRead, libs: []string{"bare", "limit", "keepsake", "keepsake-tracking", "scs", "django"}, workers: connections},
	{letter: "C", on: "redis", op: opSave, libs: []string{"bare", "limit", "keepsake", "scs", "django"}, workers: connections},
	{letter: "D", on: "redis", op: opNew, libs: []string{"bare", "limit", "keepsake", "scs"}, workers: connections, full: true},
	{letter: "B", on: "sqlite", op: opRead, libs: []string{"bare", "limit", "keepsake", "keepsake-many", "scs", "django"}, workers: connections},
	{letter: "C", on: "sqlite", op: opSave, libs: []string{"bare", "limit", "keepsake", "keepsake-many", "scs", "django"}, workers: connections},
	{letter: "D", on: "sqlite", op: opNew, libs: []string{"bare", "limit", "keepsake", "scs"}, workers: connections},
	{letter: "B", on: "postgres", op: opRead, libs: []string{"bare", "limit", "keepsake", "keepsake-many", "scs", "django"}, workers: connections},
	{letter: "C", on: "postgres", op: opSave, libs: []string{"bare", "limit", "keepsake", "keepsake-many", "scs", "django"}, workers: connections},
	{letter: "D", on: "postgres", op: opNew, libs: []string{"bare", "limit", "keepsake", "scs"}, workers: connections, full: true},

	{letter: "E", on: "memory", op: opRead, libs: []string{"bare", "keepsake", "keepsake-idle", "keepsake-every"}, workers: connections},
	{letter: "E", on: "redis", op: opRead, libs: []string{"bare", "keepsake", "keepsake-idle", "keepsake-every"}, workers: connections},
	{letter: "E", on: "sqlite", op: opRead, libs: []string{"bare", "keepsake", "keepsake-idle", "keepsake-every"}, workers: connections},
	{letter: "E", on: "postgres", op: opRead, libs: []string{"bare", "keepsake", "keepsake-idle", "keepsake-every"}, workers: connections},

	{letter: "F", on: "cookie", op: opSave, libs: []string{"bare", "keepsake", "django"}, workers: connections},

	{letter: "G", on: "memory", libs: []string{"keepsake", "scs"}},
	{letter: "G", on: "redis", libs: []string{"keepsake", "scs", "django"}},
	{letter: "G", on: "sqlite", libs: []string{"keepsake", "scs", "django"}},
	{letter: "G", on: "postgres", libs: []string{"keepsake", "scs", "django"}},
}

// everything measures what was asked for.
func (r *run) everything() {
	for _, w := range workloads {
		if !r.wants(w.letter, w.on) || w.full && r.quick && len(r.only) == 0 {
			continue
		}
		r.note("%s%s", w.name(), w.op)
		var err error
		if w.inside {
			err = r.inside(w)
		} else {
			err = r.overHTTP(w)
		}
		if err != nil {
			r.note("%s: %v", w.name(), err)
		}
	}
	for _, on := range []string{"sqlite", "postgres"} {
		if r.wants("H", on) {
			r.note("H %s", on)
			if err := r.cleanUp(on); err != nil {
				r.note("H %s: %v", on, err)
			}
		}
	}
	for _, on := range []string{"redis", "sqlite", "postgres"} {
		if r.wants("I", on) {
			r.note("I %s", on)
			if err := r.listDevices(on); err != nil {
				r.note("I %s: %v", on, err)
			}
		}
	}
	for _, on := range []string{"redis", "sqlite", "postgres"} {
		if r.wants("L", on) {
			r.loseOn(on)
		}
	}
}

// loseOn counts what is lost when many write to one session: each to a value of its
// own, and then all to one counter.
func (r *run) loseOn(on string) {
	workers, writes := 50, 200
	if r.quick {
		writes = 50
	}
	url, err := r.machine.url(on)
	if err != nil {
		r.note("%s: %v", on, err)
		return
	}
	for _, same := range []bool{false, true} {
		what := "own values"
		if same {
			what = "one counter"
		}
		for _, lib := range []string{"keepsake", "scs", "django"} {
			c, err := r.start(contestantOf(lib, on, url))
			if err != nil {
				r.note("%s %s: %v", on, lib, err)
				continue
			}
			name := fmt.Sprintf("%d workers × %d, %s, on %s, %s", workers, writes, what, on, lib)
			r.note("L %s", name)
			l, err := losses(name, c, workers, writes, same)
			c.end()
			if err != nil {
				r.note("%s: %v", l.name, err)
				continue
			}
			r.losses = append(r.losses, &l)
		}
	}
}

// contestantOf is the contestant of that name on on.
func contestantOf(name, on, url string) spec {
	lib, as, _ := strings.Cut(name, "-")
	if on == "nobody" {
		on = "memory"
	}
	return spec{Lib: lib, As: as, On: on, URL: url}
}

// sessionsOf is how many sessions a contestant gets, where others get n.
func sessionsOf(name string, n int) int {
	if strings.HasSuffix(name, "-many") {
		return visitorsMany
	}
	return n
}

// start starts a contestant's server.
func (r *run) start(s spec) (*child, error) {
	if s.Lib == "django" {
		return r.startDjango(s)
	}
	return startChild(s)
}

func (r *run) inside(w workload) error {
	url, err := r.machine.url(w.on)
	if err != nil {
		return err
	}
	var all []contestant
	for _, lib := range w.libs {
		sub, err := open(contestantOf(lib, w.on, url))
		if err != nil {
			return err
		}
		defer sub.close()
		var cookies []string
		if w.op != opNew && w.on != "nobody" && w.on != "codec" {
			if cookies, err = visitors(sub.ops[opNew], sessionsOf(lib, visitorsInside)); err != nil {
				return err
			}
		}
		h := sub.ops[w.op]
		if h == nil {
			continue
		}
		all = append(all, inProcess(lib, h, w.op, max(w.workers, 1), cookies))
	}
	slice := r.slice / 4
	if w.workers > 1 {
		slice = r.slice
	}
	if w.op == opNew {
		slice = min(slice, 50*time.Millisecond) // or the sessions of a run fill the memory
	}
	r.results.contest(w.name(), r.rounds, slice, all)
	return nil
}

func (r *run) overHTTP(w workload) error {
	url, err := r.machine.url(w.on)
	if err != nil {
		return err
	}
	var all []contestant
	for _, lib := range w.libs {
		s := contestantOf(lib, w.on, url)
		if lib == "limit" && w.on == "memory" {
			continue
		}
		c, err := r.start(s)
		if err != nil {
			r.note("%s%s: %v", w.name(), lib, err)
			continue
		}
		defer c.end()
		n := sessionsOf(lib, visitorsHTTP)
		if w.op == opNew || lib == "bare" {
			n = 0
		}
		if w.letter == "G" {
			one, lost, err := burst(lib, c)
			if err != nil {
				return err
			}
			lost.name = "G " + w.on + " " + lib
			r.losses = append(r.losses, lost)
			all = append(all, one)
			continue
		}
		one, err := overHTTP(lib, c, w.op, w.workers, n)
		if err != nil {
			r.note("%s%s: %v", w.name(), lib, err)
			continue
		}
		all = append(all, one)
	}
	r.results.contest(w.name(), r.rounds, r.slice, all)
	return nil
}
