package interop

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// The engines of keepsake_django, beside the stock ones.
const (
	stockEngines    = "django.contrib.sessions.backends."
	keepsakeEngines = "keepsake_django."
)

// hammered are the stacks on which both sides write at once.
var hammered = []stack{
	{engine: "db", server: "SQLite", share: onDatabase(onSQLite)},
	{engine: "db", server: "PostgreSQL", needs: "psycopg2", share: onDatabase(onPostgres)},
	{engine: "db", server: "MariaDB", needs: "MySQLdb", share: onDatabase(onMariaDB)},
	{engine: "cache", server: "Redis", since: [2]int{4, 0}, needs: "redis", share: onCache(djangosRedis)},
	{engine: "cache", server: "Redis, django-redis", alike: true, needs: "redis django_redis", share: onCache(djangoRedis)},
	{engine: "cache", server: "Memcached", needs: "pymemcache", share: onCache(pyMemcache)},
	{engine: "cache", server: "Memcached, pylibmc", needs: "pylibmc", share: onCache(pyLibMC)},
	{engine: "cached_db", server: "PostgreSQL+Redis", since: [2]int{4, 0}, needs: "psycopg2 redis", share: onCachedDB(onPostgres, djangosRedis)},
	{engine: "cached_db", server: "PostgreSQL+Redis, django-redis", alike: true, needs: "psycopg2 redis django_redis", share: onCachedDB(onPostgres, djangoRedis)},
	{engine: "cached_db", server: "MariaDB+Memcached", needs: "MySQLdb pymemcache", share: onCachedDB(onMariaDB, pyMemcache)},
	{engine: "cached_db", server: "SQLite+Memcached, pylibmc", alike: true, needs: "pylibmc", share: onCachedDB(onSQLite, pyLibMC)},
}

// hammeredByAll are those for every Django.
var hammeredByAll = []string{"db/SQLite", "cache/Redis, django-redis", "cached_db/MariaDB+Memcached"}

// A duo is a Django, in several processes, and a Keepsake on one store.
type duo struct {
	testing.TB
	python *python
	ground ground
	m      *sessions.Manager
	stock  *django // with Django's own engine
	ours   *django // with keepsake_django's
}

// newDuo shares a stack, whose tables are made.
func newDuo(t testing.TB, p *python, s *stack) *duo {
	t.Helper()
	if p.before(s.since[0], s.since[1]) {
		missing(t, "Django %s has no such cache", p.django)
	}
	for _, module := range strings.Fields(s.needs) {
		if !slices.Contains(p.clients, module) {
			missing(t, "%s has no module %s", p.program, module)
		}
	}
	x := &duo{TB: t, python: p, ground: s.share(t)}
	st := sessions.DefaultSettings()
	st.SecretKey, st.SaveTimeout, st.Logger = secret, time.Minute, slog.New(slog.DiscardHandler)
	var err error
	x.m, err = sessions.New(st, x.ground.engine(standard))
	check(t, err)
	x.stock, x.ours = x.django(stockEngines), x.django(keepsakeEngines)
	for _, op := range x.ground.prepare {
		x.stock.must(op, nil, nil)
	}
	return x
}

// django starts a process of the Django, with the engines of that package.
func (x *duo) django(engines string) *django {
	x.Helper()
	settings := djangoSettings{
		"INSTALLED_APPS": []string{"django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"},
		"SECRET_KEY":     secret, "USE_TZ": true, "TIME_ZONE": "UTC", "DATABASES": databases(sqliteDatabase(":memory:")),
	}
	maps.Copy(settings, x.ground.django(standard))
	engine := settings["SESSION_ENGINE"].(string)
	settings["SESSION_ENGINE"] = engines + engine[strings.LastIndex(engine, ".")+1:]
	return x.python.open(x, djangoConfig{Settings: settings})
}

// The workers of each side. Django's are threads of several processes.
const (
	djangoProcesses, djangoThreads = 5, 5
	goWorkers                      = djangoProcesses * djangoThreads
	namesEach                      = 3
)

// outcome is what was left of a session that everybody added to.
type outcome struct {
	acknowledged, lost int
	refused            []string
	took               time.Duration
}

func (o outcome) String() string {
	text := fmt.Sprintf("%d of %d lost", o.lost, o.acknowledged)
	if len(o.refused) > 0 {
		text += fmt.Sprintf(", %d refused", len(o.refused))
	}
	return text
}

// hammer lets 25 workers of Django and 25 of Go add their names to one session,
// each in a request of its own.
func (x *duo) hammer(d *django, names int) outcome {
	x.Helper()
	key := create(x, x.m, map[string]any{"began": true}).Key()
	work := make([][djangoThreads][]string, djangoProcesses)
	for process := range work {
		for thread := range work[process] {
			for n := range names {
				work[process][thread] = append(work[process][thread], fmt.Sprintf("django-%d-%d-%d", process, thread, n))
			}
		}
	}
	var (
		o       outcome
		mu      sync.Mutex
		want    []string
		workers sync.WaitGroup
	)
	began := time.Now()
	workers.Go(func() {
		var answer [2][]string // what was acknowledged, and what was not
		err := d.call("hammer", args{"key": key, "processes": work}, &answer)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			o.refused = append(o.refused, err.Error())
		}
		want = append(want, answer[0]...)
		o.refused = append(o.refused, answer[1]...)
	})
	for i := range goWorkers {
		workers.Go(func() {
			for n := range names {
				name := fmt.Sprintf("go-%d-%d", i, n)
				s := x.m.Open(key)
				err := s.Load(x.Context())
				if err == nil {
					s.Set(name, 1)
					err = s.Save(x.Context())
				}
				mu.Lock()
				if err == nil {
					want = append(want, name)
				} else {
					o.refused = append(o.refused, err.Error())
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	o.took = time.Since(began)
	o.acknowledged = len(want)
	s := load(x, x.m, key)
	for _, name := range want {
		if !s.Has(name) {
			o.lost++
		}
	}
	return o
}

// TestNothingIsLostWithKeepsakeDjango: Django and Go add keys to one session at
// once. With keepsake_django none is missing; the stock engines are beside it in
// the table that is printed.
func TestNothingIsLostWithKeepsakeDjango(t *testing.T) {
	p := newest(t)
	var table strings.Builder
	fmt.Fprintf(&table, "\nDjango %s and Go, %d workers each, add keys to one session:\n\n", p.django, goWorkers)
	fmt.Fprintf(&table, "%-44s %-28s %s\n", "", "stock Django", "keepsake_django")
	for i := range hammered {
		s := &hammered[i]
		if s.alike {
			continue
		}
		t.Run(s.name(), func(t *testing.T) {
			x := newDuo(t, p, s)
			stock, ours := x.hammer(x.stock, namesEach), x.hammer(x.ours, namesEach)
			fmt.Fprintf(&table, "%-44s %-28s %s\n", s.name(), stock, ours)
			t.Logf("stock %s in %v, keepsake_django %s in %v", stock, stock.took, ours, ours.took)
			if ours.lost > 0 || len(ours.refused) > 0 || ours.acknowledged != 2*namesEach*goWorkers {
				t.Errorf("with keepsake_django %s, %q", ours, ours.refused)
			}
		})
	}
	fmt.Fprintln(os.Stdout, table.String())
}

// TestKeepsakeDjangoAlone runs the package's own tests with every Django.
func TestKeepsakeDjangoAlone(t *testing.T) {
	all, err := allPythons()
	check(t, err)
	if len(all) == 0 {
		newest(t)
	}
	for _, p := range all {
		t.Run(p.django, func(t *testing.T) {
			t.Parallel()
			output := p.output(t, "package_tests.py")
			last := output[strings.LastIndex(output, "\n")+1:]
			if !strings.HasPrefix(last, "passed ") {
				t.Errorf("Django %s:\n%s", p.django, output)
			}
		})
	}
}
