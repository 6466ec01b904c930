package testserver

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
)

// SharedPostgres gives the test an empty database of its own on a PostgreSQL
// server that it shares with other tests. The server ends when no test uses it
// any more, or with the binary where TestMain runs the tests through Main.
func SharedPostgres(t testing.TB) PostgresDatabase {
	t.Helper()
	s, name := sharedPostgres.use(t, func(t testing.TB) *PostgresServer { return Postgres(t) })
	d, err := s.create(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// SharedMariaDB is SharedPostgres with MariaDB.
func SharedMariaDB(t testing.TB) MariaDBDatabase {
	t.Helper()
	s, name := sharedMariaDB.use(t, func(t testing.TB) *MariaDBServer { return MariaDB(t) })
	d, err := s.create(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Main wraps a *testing.M: shared servers then last until all tests have run.
//
//	func TestMain(m *testing.M) { os.Exit(testserver.Main(m).Run()) }
func Main(m interface{ Run() int }) interface{ Run() int } { return main{m} }

type main struct{ m interface{ Run() int } }

func (m main) Run() int {
	sharing.Lock()
	keepShared = true
	sharing.Unlock()
	defer Shutdown()
	return m.m.Run()
}

// Shutdown ends the shared servers.
func Shutdown() {
	sharing.Lock()
	defer sharing.Unlock()
	keepShared = false
	sharedPostgres.end()
	sharedMariaDB.end()
}

var (
	sharing        sync.Mutex // guards what follows
	keepShared     bool       // after the last user, too
	sharedPostgres shared[*PostgresServer]
	sharedMariaDB  shared[*MariaDBServer]
)

// shared is a server that several tests use.
type shared[S any] struct {
	users int
	names int // of databases, so far
	owner *owner
	s     S
}

// use starts the server unless it runs, and returns a new name for a database.
func (h *shared[S]) use(t testing.TB, start func(testing.TB) S) (S, string) {
	t.Helper()
	sharing.Lock()
	defer sharing.Unlock()
	if h.owner == nil {
		o := &owner{TB: t}
		defer func() { // also when start ends the test
			if h.owner == nil {
				o.end()
			}
		}()
		h.s = start(o)
		h.owner = o
	}
	h.users++
	h.names++
	t.Cleanup(func() {
		sharing.Lock()
		defer sharing.Unlock()
		if h.users--; h.users == 0 && !keepShared {
			h.end()
		}
	})
	return h.s, fmt.Sprintf("test%d", h.names)
}

func (h *shared[S]) end() {
	if h.owner != nil {
		h.owner.end()
		h.owner = nil
	}
}

// owner is the first user's test, for the start; what it is to clean up is kept
// for the end of the server.
type owner struct {
	testing.TB
	cleanups []func()
}

func (o *owner) Cleanup(f func()) { o.cleanups = append(o.cleanups, f) }

// Failed and Errorf are called in the end, when the test may be over.
func (o *owner) Failed() bool { return false }

func (o *owner) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (o *owner) end() {
	for _, f := range slices.Backward(o.cleanups) {
		f()
	}
}
