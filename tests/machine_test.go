package tests

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// dict is Python's dict of the values that the machine uses.
type dict struct {
	names  []string
	values map[string]string // JSON
}

func (d dict) clone() dict {
	c := dict{slices.Clone(d.names), map[string]string{}}
	for name, value := range d.values {
		c.values[name] = value
	}
	return c
}

func (d *dict) set(name, value string) {
	if _, found := d.values[name]; !found {
		d.names = append(d.names, name)
	}
	d.values[name] = value
}

func (d *dict) del(name string) bool {
	_, found := d.values[name]
	delete(d.values, name)
	d.names = slices.DeleteFunc(d.names, func(other string) bool { return other == name })
	return found
}

func (d dict) String() string {
	var all []string
	for _, name := range d.names {
		all = append(all, name+"="+d.values[name])
	}
	return strings.Join(all, " ")
}

// errModelTaken is the model's ErrTaken.
var errModelTaken = errors.New("taken")

// modelSession is what a session object should be: what it shows, and what it
// is to do to the latest stored values.
type modelSession struct {
	s     *sessions.Session
	shows dict
	edits []func(*dict) error
	key   string // of the stored session, "" for none

	// It was opened with a key that had just been rotated: it is empty, and
	// must not write.
	traced bool
}

// machine runs two session objects against a model of the store.
type machine struct {
	t      *rapid.T
	m      *sessions.Manager
	now    time.Time
	stored map[string]dict
	ended  map[string]bool

	// Ended by a rotation, a moment ago.
	rotated map[string]bool
	all     [2]*modelSession
}

func (w *machine) edit(ms *modelSession, e func(*dict) error) {
	if err := e(&ms.shows); err != nil {
		w.t.Fatalf("the model refuses its own edit: %v", err)
	}
	ms.edits = append(ms.edits, e)
}

// open gives slot i a session object of that key, as another request has it.
func (w *machine) open(i int, key string) {
	ms := &modelSession{s: w.m.Open(key), traced: w.rotated[key], shows: dict{values: map[string]string{}}}
	if err := ms.s.Load(w.t.Context()); err != nil {
		w.t.Fatalf("Load: %v", err)
	}
	if d, alive := w.stored[key]; alive {
		ms.key, ms.shows = key, d.clone()
	}
	if ms.s.Key() != ms.key {
		w.t.Fatalf("a session of key %q has key %q after Load", ms.key, ms.s.Key())
	}
	w.all[i] = ms
}

// save does to the model what s.Save has just done, and checks its answer.
func (w *machine) save(ms *modelSession, err error) {
	w.t.Helper()
	switch d, alive := w.stored[ms.key]; {
	case ms.traced:
		if !errors.Is(err, sessions.ErrInterrupted) {
			w.t.Fatalf("Save under a rotated key: %v", err)
		}
		return
	case ms.key == "":
		if err != nil {
			w.t.Fatalf("Save of a new session: %v", err)
		}
		if _, taken := w.stored[ms.s.Key()]; taken || ms.s.Key() == "" {
			w.t.Fatalf("Save of a new session gave it the key %q", ms.s.Key())
		}
		ms.key = ms.s.Key()
	case !alive:
		if !errors.Is(err, sessions.ErrInterrupted) {
			w.t.Fatalf("Save of an ended session: %v", err)
		}
		return
	default:
		fresh := d.clone()
		for _, e := range ms.edits {
			if e(&fresh) != nil {
				if !errors.Is(err, sessions.ErrTaken) {
					w.t.Fatalf("Save with a taken value: %v", err)
				}
				return
			}
		}
		if err != nil {
			w.t.Fatalf("Save: %v", err)
		}
		ms.shows = fresh
	}
	w.stored[ms.key] = ms.shows.clone()
	ms.edits = nil
}

func (w *machine) check() {
	for i, ms := range w.all {
		got := shown(ms.s)
		if want := ms.shows.String(); got != want {
			w.t.Fatalf("session %d shows %q, want %q", i, got, want)
		}
		if ms.s.Len() != len(ms.shows.names) || ms.s.Err() != nil {
			w.t.Fatalf("session %d: Len %d, Err %v", i, ms.s.Len(), ms.s.Err())
		}
	}
	for key, d := range w.stored {
		s := w.m.Open(key)
		if err := s.Load(w.t.Context()); err != nil || s.Key() != key || shown(s) != d.String() {
			w.t.Fatalf("stored: %q (%v), want %q", shown(s), err, d)
		}
	}
	for key := range w.ended {
		if alive, err := w.m.Exists(w.t.Context(), key); alive || err != nil {
			w.t.Fatalf("an ended session is alive: %v, %v", alive, err)
		}
	}
}

func shown(s *sessions.Session) string {
	var all []string
	for name, raw := range s.Items() {
		all = append(all, name+"="+string(raw))
	}
	return strings.Join(all, " ")
}

// end takes a session out of the model's store.
func (w *machine) end(key string) {
	if key != "" {
		delete(w.stored, key)
		w.ended[key] = true
	}
}

// TestSessionIsADict plays random sequences of everything that can be done to a
// session, through two objects of the same session as two requests have them,
// against a model: an ordered dictionary, and edits that are applied to the
// latest stored values at the save.
func TestSessionIsADict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &machine{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), stored: map[string]dict{}, ended: map[string]bool{}, rotated: map[string]bool{}}
		st := settings()
		st.Clock = func() time.Time { return w.now }
		var err error
		if w.m, err = sessions.New(st, engine.Memory()); err != nil {
			t.Fatal(err)
		}
		w.open(0, "")
		w.open(1, "")
		name := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		number := rapid.IntRange(0, 3)
		slot := rapid.IntRange(0, 1)
		pick := func(t *rapid.T) (*modelSession, string, int) {
			return w.all[slot.Draw(t, "session")], name.Draw(t, "name"), number.Draw(t, "n")
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { w.check() },
			"set": func(t *rapid.T) {
				ms, name, n := pick(t)
				ms.s.Set(name, n)
				w.edit(ms, func(d *dict) error { d.set(name, fmt.Sprint(n)); return nil })
			},
			"get": func(t *rapid.T) {
				ms, name, _ := pick(t)
				want, found := ms.shows.values[name]
				raw, ok, err := sessions.Lookup[json.RawMessage](ms.s, name)
				if err != nil || ok != found || string(raw) != want || ms.s.Has(name) != found {
					t.Fatalf("Lookup(%s) = %s, %v, %v; want %s, %v", name, raw, ok, err, want, found)
				}
				if got := sessions.Get(ms.s, name, -1); found && fmt.Sprint(got) != want || !found && got != -1 {
					t.Fatalf("Get(%s) = %d", name, got)
				}
			},
			"delete": func(t *rapid.T) {
				ms, name, _ := pick(t)
				_, found := ms.shows.values[name]
				if ms.s.Delete(name) != found {
					t.Fatalf("Delete(%s) = %v", name, !found)
				}
				if found {
					w.edit(ms, func(d *dict) error { d.del(name); return nil })
				}
			},
			"update": func(t *rapid.T) {
				ms, name, n := pick(t)
				sessions.Update(ms.s, name, func(old int) int { return old*2 + n })
				w.edit(ms, func(d *dict) error {
					old := 0
					_, _ = fmt.Sscan(d.values[name], &old)
					d.set(name, fmt.Sprint(old*2+n))
					return nil
				})
			},
			"setdefault": func(t *rapid.T) {
				ms, name, n := pick(t)
				want, found := ms.shows.values[name]
				got := sessions.SetDefault(ms.s, name, n)
				if found && fmt.Sprint(got) != want || !found && got != n {
					t.Fatalf("SetDefault(%s, %d) = %d", name, n, got)
				}
				if !found {
					w.edit(ms, func(d *dict) error {
						if _, found := d.values[name]; !found {
							d.set(name, fmt.Sprint(n))
						}
						return nil
					})
				}
			},
			"pop": func(t *rapid.T) {
				ms, name, _ := pick(t)
				want, found := ms.shows.values[name]
				got := sessions.Pop(ms.s, name, -1)
				if found && fmt.Sprint(got) != want || !found && got != -1 {
					t.Fatalf("Pop(%s) = %d", name, got)
				}
				if found {
					w.edit(ms, func(d *dict) error {
						if d.values[name] != want {
							return errModelTaken
						}
						d.del(name)
						return nil
					})
				}
			},
			"clear": func(t *rapid.T) {
				ms, _, _ := pick(t)
				ms.s.Clear()
				w.edit(ms, func(d *dict) error { *d = dict{values: map[string]string{}}; return nil })
			},
			"expire after": func(t *rapid.T) {
				ms, _, n := pick(t)
				ms.s.ExpireAfter(time.Duration(n+1) * time.Hour)
				w.edit(ms, func(d *dict) error { d.set("_session_expiry", fmt.Sprint((n+1)*3600)); return nil })
			},
			"expire by default": func(t *rapid.T) {
				ms, _, _ := pick(t)
				ms.s.ExpireByDefault()
				if _, found := ms.shows.values["_session_expiry"]; found {
					w.edit(ms, func(d *dict) error { d.del("_session_expiry"); return nil })
				}
			},
			"save": func(t *rapid.T) {
				ms, _, _ := pick(t)
				w.save(ms, ms.s.Save(t.Context()))
			},
			"mark and save": func(t *rapid.T) {
				ms, _, _ := pick(t)
				ms.s.MarkModified()
				w.now = w.now.Add(time.Millisecond)
				w.save(ms, ms.s.Save(t.Context()))
			},
			"open the other's": func(t *rapid.T) {
				i := slot.Draw(t, "session")
				w.open(i, w.all[1-i].key)
			},
			"open anew": func(t *rapid.T) {
				i := slot.Draw(t, "session")
				w.open(i, w.all[i].key)
			},
			"flush": func(t *rapid.T) {
				ms, _, _ := pick(t)
				err := ms.s.Flush(t.Context())
				if ms.traced || w.rotated[ms.key] {
					if !errors.Is(err, sessions.ErrInterrupted) {
						t.Fatalf("Flush under a rotated key, of a session that lives on: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatalf("Flush: %v", err)
				}
				w.end(ms.key)
				ms.key, ms.shows, ms.edits = "", dict{values: map[string]string{}}, nil
			},
			"cycle key": func(t *rapid.T) {
				ms, _, _ := pick(t)
				old := ms.key
				err := ms.s.CycleKey(t.Context())
				w.save(ms, err)
				if err == nil && old != "" {
					if ms.s.Key() == old {
						t.Fatalf("CycleKey kept the key")
					}
					w.end(old)
					w.rotated[old] = true
					ms.key = ms.s.Key()
					w.stored[ms.key] = ms.shows.clone()
				}
			},
		})
	})
}
