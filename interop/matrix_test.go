package interop

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/pyjson"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// A scenario is something that visitors, sites and their administrators do: a
// column of the matrix. What one side does the other one sees.
type scenario struct {
	name     string
	applies  func(*stack) bool // nil: to all
	since    [2]int            // the first Django that has it
	toGo     func(x *pair)     // Django does it, Keepsake sees it; nil: there is nothing to see
	toDjango func(x *pair)     // the other way round
}

var scenarios = []scenario{
	{name: "values", toGo: djangoWritesValues, toDjango: goWritesValues},
	{name: "vectors", toGo: djangoWritesVectors, toDjango: goWritesVectors},
	{name: "python", applies: (*stack).pickled, toGo: pythonSurvivesSaves, toDjango: pythonSurvivesNewKeys},
	{name: "changes", toGo: changesFromDjangos, toDjango: changesFromGos},
	{name: "expiry", toGo: djangoSetsExpiries, toDjango: goSetsExpiries},
	{name: "keys", toGo: djangoChangesKeys, toDjango: goChangesKeys},
	{name: "delete", applies: (*stack).stored, toGo: djangoDeletes, toDjango: goDeletes},
	{name: "clear", applies: (*stack).cleared, toGo: goClearsDjangos, toDjango: djangoClearsGos},
	{name: "names", applies: (*stack).stored, toGo: djangoUnderOtherNames, toDjango: goUnderOtherNames},
	{name: "cache", applies: (*stack).cachedDB, toDjango: gosAreInDjangosCache},
	{name: "schema", applies: (*stack).table, toGo: djangoMigrates, toDjango: goMigrates},
	{name: "columns", applies: (*stack).db, toGo: djangosOwnTable, toDjango: gosOwnTable},
	{name: "timeouts", toGo: djangosComeUnderTimeouts, toDjango: goSetsTimeouts},
	{name: "open", applies: (*stack).stored, toGo: djangoEndsWhatIsOpen},
	{name: "visits", toGo: djangosVisitors, toDjango: gosVisitors},
	{name: "serializer", applies: (*stack).signed, toGo: djangoSerializes, toDjango: goSerializes},
	{name: "rotation", since: [2]int{4, 1}, toGo: djangoFirst, toDjango: goFirst},
	{name: "messages", toGo: djangosMessages, toDjango: gosMessages},
	{name: "csrf", toGo: djangosForms, toDjango: gosForms},
	{name: "async", since: [2]int{5, 1}, toGo: asyncWrites, toDjango: asyncReads},
	{name: "ends", toGo: djangosHaveEnded, toDjango: gosHaveEnded},
}

// TestMatrix runs every scenario in both directions, on every stack, with every
// Django.
func TestMatrix(t *testing.T) {
	all, err := allPythons()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		for i := range stacks {
			s := &stacks[i]
			if p.before(s.since[0], s.since[1]) {
				continue
			}
			t.Run(p.django+"/"+s.name(), func(t *testing.T) {
				t.Parallel()
				for _, module := range strings.Fields(s.needs) {
					if !slices.Contains(p.clients, module) {
						missing(t, "%s has no module %s", p.program, module)
					}
				}
				newPlace(t, p, s).run()
			})
		}
	}
	if os.Getenv("KEEPSAKE_PYTHON") != "" {
		return
	}
	for _, version := range series {
		if !slices.ContainsFunc(all, func(p *python) bool { return strings.HasPrefix(p.django, version+".") }) {
			t.Run(version, func(t *testing.T) {
				if slices.Contains(passing, version) {
					t.Logf("no Django %s: scripts/djangos could not get it", version)
					return
				}
				missing(t, "no Django %s: scripts/djangos gets it on Debian", version)
			})
		}
	}
}

// A place is a store that a Django and Keepsake share for all scenarios.
type place struct {
	t      *testing.T
	python *python
	stack  *stack
	ground ground
	second *ground // see spare
	sides  map[variant]*sides
	ending ending
	site   *web
}

// sides are a Django and a Keepsake with the same settings and one clock.
type sides struct {
	d      *django
	m      *sessions.Manager
	frozen time.Time // zero: the clock runs
}

func newPlace(t *testing.T, p *python, s *stack) *place {
	w := &place{t: t, python: p, stack: s, ground: s.share(t), sides: map[variant]*sides{}}
	for _, op := range w.ground.prepare {
		w.open(standard, w.ground, nil).d.must(op, nil, nil)
	}
	return w
}

func (w *place) run() {
	row := matrix.row(w.python, w.stack)
	w.begin()
	for column, sc := range scenarios {
		if sc.applies != nil && !sc.applies(w.stack) || w.python.before(sc.since[0], sc.since[1]) {
			continue
		}
		for direction, do := range [2]func(*pair){sc.toGo, sc.toDjango} {
			if do == nil {
				continue
			}
			w.t.Run(sc.name+"/"+directions[direction], func(t *testing.T) {
				x := &pair{T: t, place: w, sides: w.open(standard, w.ground, nil)}
				x.d.t = t
				defer func() { row[column][direction] = cell{ran: true, failed: t.Failed(), checks: x.checks} }()
				do(x)
			})
		}
	}
}

// open starts the sides of a variant: once, unless Django gets more settings.
func (w *place) open(v variant, g ground, more djangoSettings) *sides {
	if s := w.sides[v]; s != nil && more == nil {
		return s
	}
	s := &sides{}
	st := sessions.DefaultSettings()
	st.SecretKey = secret
	st.Logger = secrettest.Logger()
	st.UseTZ, st.TimeZone, st.CookieName = v.useTZ, zone(w.t, v.zone), v.cookieName
	st.Clock = func() time.Time {
		if s.frozen.IsZero() {
			return time.Now()
		}
		return s.frozen
	}
	var err error
	s.m, err = sessions.New(st, g.engine(v))
	check(w.t, err)
	settings := djangoSettings{
		"INSTALLED_APPS": []string{"django.contrib.sessions"},
		"SECRET_KEY":     secret,
		"USE_TZ":         v.useTZ, "TIME_ZONE": v.zone,
		"SESSION_COOKIE_NAME": v.cookieName,
	}
	for _, further := range []djangoSettings{g.django(v), more} {
		maps.Copy(settings, further)
	}
	s.d = w.python.open(w.t, djangoConfig{Settings: settings, StoreClass: v.storeClass})
	if more == nil {
		w.sides[v] = s
	}
	return s
}

// freeze lets both clocks stand at now; the zero time lets them run.
func (s *sides) freeze(now time.Time) {
	s.frozen = now
	if now.IsZero() {
		s.d.now = ""
	} else {
		s.d.freeze(now)
	}
}

// A pair is the sides in a scenario's test.
type pair struct {
	*testing.T
	*place
	*sides
	checks int // made
}

// as is the pair with other settings.
func (x *pair) as(v variant) *sides {
	s := x.open(v, x.ground, nil)
	s.d.t = x.T
	return s
}

// same is a check.
func (x *pair) same(what string, got, want any) {
	x.Helper()
	x.checks++
	if got != want {
		x.Errorf("%s: %v, want %v", what, got, want)
	}
}

// put makes a session here, with the values of a JSON object.
func (x *pair) put(s *sides, data string, more ...func(*sessions.Session)) string {
	x.Helper()
	session := s.m.Open("")
	fill(x, session, data)
	for _, f := range more {
		f(session)
	}
	check(x, session.Save(x.Context()))
	return session.Key()
}

// fill sets the values of a JSON object.
func fill(t testing.TB, s *sessions.Session, data string) {
	t.Helper()
	check(t, pyjson.ScanObject(data, func(name, raw string) { s.Set(name, json.RawMessage(raw)) }))
	check(t, s.Err())
}

// change sets values of a stored session here, and returns its key.
func (x *pair) change(s *sides, key, data string) string {
	x.Helper()
	session := load(x, s.m, key)
	fill(x, session, data)
	check(x, session.Save(x.Context()))
	return session.Key()
}

// goneForGo is a check that Keepsake has no session of that key.
func (x *pair) goneForGo(what, key string) {
	x.Helper()
	s := x.m.Open(key)
	check(x, s.Load(x.Context()))
	x.same(what+": Keepsake's session", s.Key()+payload(s), "{}")
}

// goneForDjango is a check that Django has no session of that key. The file
// engine makes a new one when it finds an old one ended.
func (x *pair) goneForDjango(what, key string) {
	x.Helper()
	seen := x.d.load(key)
	if seen.Key == key {
		x.Errorf("%s: Django finds the session", what)
	}
	x.same(what+": Django's values", seen.Data, "{}")
}

// stored reports whether Django finds anything under a key, ended or not. For
// cached_db that is the row: its exists() takes any entry of the cache for a
// session, also the mark that Keepsake leaves of one that has ended.
func (x *pair) stored(s *sides, key string) bool {
	x.Helper()
	op := "exists"
	if x.stack.table() {
		op = "row_exists"
	}
	var stored bool
	s.d.must(op, args{"key": key}, &stored)
	return stored
}
