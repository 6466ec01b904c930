package enginetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// Options say what is special about an engine under test.
type Options struct {
	// Name says what is under test, in the line with all results that Run logs:
	// "cache on Redis". What the test's name has after its first slash is added.
	// "" is the test's name.
	Name string

	// Another opens, as a second process would, what the latest call of Run's
	// open has made. The suite then works through both. Nil: one process.
	Another func(t *testing.T, st sessions.Settings) sessions.Engine

	// Names lists the names of everything that is stored, traces of rotations
	// included, in the store that open has made latest. Nil: not known, and what
	// depends on it is not checked.
	Names func(t *testing.T) []string

	// NoExpiry: the store does not say when its records end, as most caches
	// don't: Expires is zero in what it returns, and is no part of what a record
	// is recognised by.
	NoExpiry bool

	// ClearsItself: the store drops by itself what has expired, as caches do, and
	// ClearExpired finds nothing.
	ClearsItself bool

	// FoldsKeys: the store's table compares keys without case, accents and
	// trailing spaces, as Django's does on MySQL. Create of a variant of a taken
	// key may then be ErrExists, but nothing may find or change the other's
	// record.
	FoldsKeys bool

	// Advance, unless nil, is called whenever time passes: a store whose values
	// end by a clock of its own must let them age by d.
	Advance func(t *testing.T, d time.Duration)

	// NoStore: a cookie engine. Of the suite only those sessions are run that a
	// visitor sees, whose browser has a cookie.
	NoStore bool

	// NoClearer: the store can't clear expired records.
	NoClearer bool

	// Writers is how many goroutines write at once (0: 8).
	Writers int
}

// cases are those that concern an engine with these options.
func (o Options) cases() []contractCase {
	switch {
	case o.NoStore:
		return visitorCases
	case o.NoClearer:
		return slices.Concat(storeCases, listCases, raceCases, sessionCases, visitorCases)
	}
	return slices.Concat(storeCases, listCases, clearCases, raceCases, sessionCases, sessionClearCases, visitorCases)
}

// Run puts an engine through the suite. open returns an engine over an empty
// store; it is called once for each case, one after another. The engine will be
// opened with st; what lies below it may need st.Clock, too.
func Run(t *testing.T, open func(t *testing.T, st sessions.Settings) sessions.Engine, opts Options) {
	t.Helper()
	var results []string
	for _, c := range opts.cases() {
		passed := t.Run(c.name, func(t *testing.T) {
			e := newEnv(t, t.Context(), opts.Writers)
			e.engines = append(e.engines, open(t, e.settings))
			if opts.Another != nil {
				e.engines = append(e.engines, opts.Another(t, e.settings))
			}
			e.clearsItself, e.noExpiry, e.foldsKeys, e.noStore = opts.ClearsItself, opts.NoExpiry, opts.FoldsKeys, opts.NoStore
			if opts.Advance != nil {
				e.clock.passes = func(d time.Duration) { opts.Advance(t, d) }
			}
			if opts.Names != nil {
				e.names = func() []string { return opts.Names(t) }
			}
			c.run(e)
		})
		results = append(results, fmt.Sprintf("%s=%v", c.name, passed))
	}
	t.Logf("enginetest: %s: %s", opts.name(t.Name()), strings.Join(results, "; ")) // scripts/enginetable makes the table
}

// name is what is under test.
func (o Options) name(test string) string {
	top, part, parts := strings.Cut(strings.ReplaceAll(test, "_", " "), "/")
	switch {
	case o.Name == "":
		o.Name = top
	case !parts:
		return o.Name
	}
	return strings.TrimSuffix(o.Name+", "+part, ", ")
}

// contractCase is one part of the contract.
type contractCase struct {
	name string
	run  func(e *env)
}

// tester is what the suite needs of a *testing.T. The package's own test has
// another one, which collects what the suite says of broken stores.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// env is what a case works with: one store, seen by two processes or one.
type env struct {
	tester
	ctx      context.Context
	clock    *clock
	settings sessions.Settings
	engines  []sessions.Engine
	a, b     sessions.Store // of two processes, or the same
	names    func() []string
	writers  int

	clearsItself bool
	noExpiry     bool
	foldsKeys    bool
	noStore      bool
}

func newEnv(t tester, ctx context.Context, writers int, engines ...sessions.Engine) *env {
	t.Helper()
	if writers == 0 {
		writers = 8
	}
	e := &env{tester: t, ctx: ctx, clock: newClock(), engines: engines, writers: writers}
	e.settings = sessions.DefaultSettings()
	e.settings.SecretKey = "the secret key of enginetest, which is long enough for Django"
	e.settings.Clock = e.clock.now
	e.settings.Logger = secrettest.Logger()
	return e
}

// openStores opens the engine below the Manager.
func (e *env) openStores() {
	e.Helper()
	var stores []sessions.Store
	for _, engine := range e.engines {
		backend, err := engine.Open(e.settings)
		if err != nil {
			e.Fatalf("Open: %v", err)
		}
		if backend.Store == nil {
			e.Fatalf("an engine without a store: set Options.NoStore")
		}
		stores = append(stores, backend.Store)
	}
	if m, ok := sessions.Capability[sessions.Migrator](stores[0]); ok {
		if _, err := m.Migrate(e.ctx); err != nil {
			e.Fatalf("Migrate: %v", err)
		}
	}
	e.a, e.b = stores[0], stores[len(stores)-1]
}

// managers opens the engine through sessions.New: one Manager for each process.
func (e *env) managers() (a, b *sessions.Manager) {
	e.Helper()
	var managers []*sessions.Manager
	for _, engine := range e.engines {
		if backend, err := engine.Open(e.settings); e.noStore && err == nil && backend.Store != nil {
			e.Fatalf("an engine with a store: Options.NoStore hides most of the suite from it")
		}
		m, err := sessions.New(e.settings, engine)
		if err != nil {
			e.Fatalf("New: %v", err)
		}
		managers = append(managers, m)
	}
	if _, err := managers[0].Migrate(e.ctx); err != nil {
		e.Fatalf("Migrate: %v", err)
	}
	return managers[0], managers[len(managers)-1]
}

// moment is how exactly the store knows the time.
func (e *env) moment() time.Duration {
	if e.noExpiry {
		return 10 * time.Second // its own clock goes on
	}
	return time.Microsecond
}

// instant is the shortest time after which the store finds an expiry past.
func (e *env) instant() time.Duration {
	if e.noExpiry {
		return time.Second
	}
	return time.Microsecond
}

// broken reports that a sentence of the contract does not hold.
func (e *env) broken(rule, format string, args ...any) {
	e.Helper()
	e.Errorf("%s\n\tbut: %s", rule, fmt.Sprintf(format, args...))
}

// clock is the time that the engine is told.
type clock struct {
	mu      sync.Mutex
	present time.Time
	passes  func(time.Duration)
}

func newClock() *clock {
	return &clock{present: time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.present
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.present = c.present.Add(d)
	if c.passes != nil {
		c.passes(d)
	}
}
