package memcached_test

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/memcached"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// backends are Django's, and how Keepsake works beside them.
var backends = []struct {
	name         string
	distribution memcached.Distribution
}{
	{"PyMemcacheCache", memcached.Rendezvous},
	{"PyLibMCCache", memcached.Modula},
}

func manager(t *testing.T, e sessions.Engine) *sessions.Manager {
	t.Helper()
	m, err := sessions.New(settings(), e)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// load opens a session of Go's.
func load(t *testing.T, m *sessions.Manager, key string) *sessions.Session {
	t.Helper()
	s := m.Open(key)
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDjangoSessions: Django and Go work on the same sessions, in turn, on three
// servers; each key lies on one of them.
func TestDjangoSessions(t *testing.T) {
	for _, backend := range backends {
		t.Run(backend.name, func(t *testing.T) {
			servers, addresses := start(t, 3)
			d := startDjango(t, args{"backend": backend.name, "location": addresses})
			c := open(t, memcached.Options{Servers: addresses, Distribution: backend.distribution})
			m := manager(t, engine.Cache(c))
			holders := map[int]int{}
			for i := range 40 {
				var key string
				if i%2 == 0 {
					d.must("create", args{"data": args{"n": i, "text": "naïve 𝄞", "list": []any{1.5, nil, true}}}, &key)
				} else {
					s := m.Open("")
					s.Set("n", i)
					s.Set("text", "naïve 𝄞")
					s.Set("list", []any{1.5, nil, true})
					if err := s.Save(t.Context()); err != nil {
						t.Fatal(err)
					}
					key = s.Key()
				}
				d.must("change", args{"key": key, "data": args{"django": i}}, nil)
				s := load(t, m, key)
				if sessions.Get(s, "n", -1) != i || sessions.Get(s, "django", -1) != i || sessions.Get(s, "text", "") != "naïve 𝄞" || s.Len() != 4 {
					t.Fatalf("Go reads %d values of session %d: %v", s.Len(), i, s.Keys())
				}
				s.Set("go", i)
				if err := s.Save(t.Context()); err != nil {
					t.Fatal(err)
				}
				var values map[string]any
				d.must("load", args{"key": key}, &values)
				if got, want := fmt.Sprint(values), fmt.Sprintf("map[django:%[1]d go:%[1]d list:[1.5 <nil> true] n:%[1]d text:naïve 𝄞]", i); got != want {
					t.Fatalf("Django reads %s, not %s", got, want)
				}
				var on []int
				for n, server := range servers {
					if left(t, server, ":1:django.contrib.sessions.cache"+key) != -2 {
						on = append(on, n)
					}
				}
				if len(on) != 1 {
					t.Fatalf("session %d lies on the servers %v", i, on)
				}
				holders[on[0]]++
			}
			if len(holders) != len(servers) {
				t.Errorf("the test has no point: sessions lie on %v", holders)
			}
		})
	}
}

// TestDjangoEndings: what one ends is over for the other.
func TestDjangoEndings(t *testing.T) {
	for _, backend := range backends {
		t.Run(backend.name, func(t *testing.T) {
			servers, addresses := start(t, 1)
			d := startDjango(t, args{"backend": backend.name, "location": addresses[0]})
			m := manager(t, engine.Cache(open(t, memcached.Options{Servers: memcached.SplitLocation(addresses[0])})))
			create := func(expiry any) (key string) {
				t.Helper()
				d.must("create", args{"data": args{"user": 1}, "expiry": expiry}, &key)
				return key
			}
			exists := func(what, key string, want bool) {
				t.Helper()
				var inDjango bool
				d.must("exists", args{"key": key}, &inDjango)
				inGo, err := m.Exists(t.Context(), key)
				if err != nil || inGo != want || inDjango != want {
					t.Errorf("%s: it exists in Django: %v, in Go: %v, %v", what, inDjango, inGo, err)
				}
			}
			key := create(nil)
			exists("made by Django", key, true)
			s := load(t, m, key)
			s.Set("late", true)
			d.must("delete", args{"key": key}, nil)
			exists("deleted by Django", key, false)
			if err := s.Save(t.Context()); !errors.Is(err, sessions.ErrInterrupted) {
				t.Errorf("Save of what Django has deleted: %v", err)
			}
			exists("saved late", key, false)

			key = create(nil)
			if err := load(t, m, key).Flush(t.Context()); err != nil {
				t.Errorf("Flush: %v", err)
			}
			exists("flushed by Go", key, false)

			key = create(nil)
			s = load(t, m, key)
			if err := s.CycleKey(t.Context()); err != nil {
				t.Errorf("CycleKey: %v", err)
			}
			exists("the new key of a rotation", s.Key(), true)
			if values := d.value(key, "user"); values != nil {
				t.Errorf("Django reads the old key of a rotation: %v", values)
			}

			// An expiry of more than 30 days is another one to memcached.
			for _, days := range []int{1, 30, 31, 365} {
				seconds := days * 24 * 60 * 60
				byDjango := create(seconds)
				ours := m.Open("")
				ours.Set("user", 1)
				ours.ExpireAfter(time.Duration(seconds) * time.Second)
				if err := ours.Save(t.Context()); err != nil {
					t.Fatal(err)
				}
				for who, key := range map[string]string{"Django": byDjango, "Go": ours.Key()} {
					exists(fmt.Sprintf("for %d days, made by %s", days, who), key, true)
					if got := left(t, servers[0], ":1:django.contrib.sessions.cache"+key); got < seconds-5 || got > seconds+5 {
						t.Errorf("for %d days, made by %s, it has %d s left", days, who, got)
					}
				}
			}
		})
	}
}

// TestDjangoOddities: long and foreign keys, sockets, locations as one text, and
// values that pylibmc has compressed.
func TestDjangoOddities(t *testing.T) {
	t.Run("prefixes", func(t *testing.T) {
		_, addresses := start(t, 3)
		c := open(t, memcached.Options{Servers: memcached.SplitLocation(strings.Join(addresses, ";"))})
		for prefix, valid := range map[string]bool{
			strings.Repeat("p", 250-len(":1:django.contrib.sessions.cache")-32): true,
			strings.Repeat("p", 251-len(":1:django.contrib.sessions.cache")-32): false,
			"naïve-𝄞":     true,
			"white space": false,
		} {
			d := startDjango(t, args{"backend": "PyMemcacheCache", "location": strings.Join(addresses, ";"), "key_prefix": prefix})
			m := manager(t, engine.CacheEngine{Cache: c, Keys: cache.Keys{Prefix: prefix}})
			for i := range 10 { // on whichever server
				s := m.Open("")
				s.Set("n", i)
				err := s.Save(t.Context())
				djangoErr := d.call("create", args{"data": args{"n": 1}}, nil)
				if !valid {
					if !errors.Is(err, memcached.ErrInvalidKey) || djangoErr == nil {
						t.Errorf("%.20q: %v; Django: %v", prefix, err, djangoErr)
					}
					break
				}
				if err != nil || djangoErr != nil {
					t.Fatalf("%.20q: %v; Django: %v", prefix, err, djangoErr)
				}
				if got := d.value(s.Key(), "n"); got != float64(i) {
					t.Errorf("%.20q: Django reads %v, not %d", prefix, got, i)
				}
			}
		}
	})
	t.Run("socket", func(t *testing.T) {
		_, addresses := start(t, 2)
		locations := []string{"unix:" + socket(t, addresses[0]), socket(t, addresses[1])}
		for _, backend := range backends {
			d := startDjango(t, args{"backend": backend.name, "location": locations})
			m := manager(t, engine.Cache(open(t, memcached.Options{Servers: locations, Distribution: backend.distribution})))
			for i := range 10 {
				var key string
				d.must("create", args{"data": args{"n": i}}, &key)
				if got := sessions.Get(load(t, m, key), "n", -1); got != i {
					t.Errorf("%s: Go reads %d, not %d", backend.name, got, i)
				}
			}
		}
	})
	t.Run("compressed", func(t *testing.T) {
		s := testserver.Memcached(t)
		d := startDjango(t, args{"backend": "PyLibMCCache", "location": s.Addr})
		c := open(t, memcached.Options{Servers: []string{s.Addr}})
		m := manager(t, engine.Cache(c))
		key := compressedSession(t, s.Addr)
		session := load(t, m, key)
		if got := sessions.Get(session, "text", ""); got != strings.Repeat("long ", 1000) {
			t.Errorf("Go reads %.20q", got)
		}
		session.Set("go", 1)
		if err := session.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d.value(key, "go") != 1.0 || d.value(key, "text") != strings.Repeat("long ", 1000) {
			t.Error("Django does not read what was compressed before")
		}
	})
	t.Run("no sessions", func(t *testing.T) {
		s := testserver.Memcached(t)
		d := startDjango(t, args{"backend": "PyMemcacheCache", "location": s.Addr})
		m := manager(t, engine.Cache(open(t, memcached.Options{Servers: []string{s.Addr}})))
		key := strings.Repeat("k", 32)
		for _, value := range []any{"a text", 42, 1.5, []any{1}, nil} {
			d.must("set", args{"name": "django.contrib.sessions.cache" + key, "value": value}, nil)
			session := m.Open(key)
			if err := session.Load(t.Context()); err != nil || session.Len() != 0 {
				t.Errorf("%v is a session of %d values, %v", value, session.Len(), err)
			}
		}
	})
}

// compressedSession stores a session as a pylibmc that is told to compress does.
func compressedSession(t *testing.T, address string) (key string) {
	t.Helper()
	key = strings.Repeat("z", 32)
	out, err := exec.CommandContext(t.Context(), python(t, "django, pylibmc"), "-c", `
import sys, pylibmc
c = pylibmc.Client([sys.argv[1]])
c.set(":1:django.contrib.sessions.cache" + sys.argv[2], {"text": "long " * 1000}, min_compress_len=100)
`, address, key).CombinedOutput()
	if err != nil {
		t.Fatalf("pylibmc: %v\n%s", err, out)
	}
	return key
}
