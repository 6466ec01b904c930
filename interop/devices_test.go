package interop

import (
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/auth/devices"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/engine"
)

// tracked is a site whose sessions are the ones of a Django, and which knows the
// devices of its users.
type tracked struct {
	*members
	d       *django
	devices *devices.Devices
}

// trackedOn makes the site on a ground, with the users in its database.
func trackedOn(t testing.TB, p *python, g ground) *tracked {
	t.Helper()
	settings := djangoSettings{"SECRET_KEY": secret, "USE_TZ": true}
	maps.Copy(settings, g.django(standard))
	if g.db == nil { // a cache: the users are elsewhere
		file := filepath.Join(t.TempDir(), "users.sqlite3")
		settings["DATABASES"] = databases(sqliteDatabase(file))
		g.db = openDB(t, "sqlite", "file:"+file+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)")
	}
	w := &tracked{d: p.open(t, djangoConfig{Settings: settings})}
	w.d.must("migrate", nil, nil)
	addMembers(w.d)

	st := sessions.DefaultSettings()
	st.SecretKey = secret
	st.Logger = slog.New(slog.DiscardHandler)
	e := g.engine(standard)
	m, err := sessions.New(st, e)
	check(t, err)
	index, err := devices.Table(g.db, devices.TableOptions{})
	check(t, err)
	if c, ok := e.(engine.CacheEngine); ok {
		index = devices.InCache(c.Cache, cache.Keys{})
	}
	w.devices, err = devices.New(m, devices.Options{Index: index})
	check(t, err)
	_, err = w.devices.Migrate(t.Context())
	check(t, err)
	users, err := auth.Table(g.db, auth.TableOptions{})
	check(t, err)
	w.members = &members{Manager: m, users: users, t: t}
	w.auth, err = auth.New(m, auth.Options{
		Backends: []auth.Backend{auth.ModelBackend{Users: users, Hasher: md5Hashers(t)}},
		Tracker:  w.devices,
	})
	check(t, err)
	return w
}

// id is a user's primary key.
func (w *tracked) id(username string) string {
	w.t.Helper()
	user, err := w.users.ByUsername(w.t.Context(), username)
	check(w.t, err)
	return user.ID
}

func (w *tracked) list(username string) []devices.Device {
	w.t.Helper()
	list, next, err := w.devices.List(w.t.Context(), w.id(username), "")
	check(w.t, err)
	equal(w.t, "further pages", next, "")
	return list
}

// A login at Django is among the devices at Go, what Go ends is over at Django,
// and what Django ends is gone at Go.
func TestDevicesBesideDjango(t *testing.T) {
	all, err := allPythons()
	check(t, err)
	newest(t)
	for _, s := range []struct {
		name  string
		old   bool // for every Django
		since [2]int
		share func(testing.TB) ground
	}{
		{"db, SQLite", true, [2]int{}, onDatabase(onSQLite)},
		{"db, PostgreSQL", false, [2]int{}, onDatabase(onPostgres)},
		{"db, MariaDB", false, [2]int{}, onDatabase(onMariaDB)},
		{"cache, Redis", false, [2]int{4, 0}, onCache(djangosRedis)},
		{"cached_db, PostgreSQL and Redis", false, [2]int{4, 0}, onCachedDB(onPostgres, djangosRedis)},
	} {
		for i, p := range all {
			if p.before(s.since[0], s.since[1]) || !s.old && i < len(all)-1 {
				continue
			}
			t.Run(s.name+"/"+p.django, func(t *testing.T) { devicesBeside(t, trackedOn(t, p, s.share(t))) })
		}
	}
}

func devicesBeside(t *testing.T, w *tracked) {
	seen, unseen, byGo := w.d.signIn("alice", "alice", ""), w.d.signIn("alice", "alice", ""), w.signIn("alice", "alice", "")
	bobs := w.d.signIn("bob", "bob", "")
	equal(t, "devices before Go has seen Django's", len(w.list("alice")), 1)
	equal(t, "who", w.who(seen), "alice")
	equal(t, "devices with the one that was seen", len(w.list("alice")), 2)
	entered, err := w.devices.Rebuild(t.Context())
	check(t, err)
	equal(t, "entered by Rebuild", entered, 2)
	equal(t, "devices with all of them", len(w.list("alice")), 3)
	equal(t, "bob's", len(w.list("bob")), 1)
	for _, device := range w.list("alice") {
		equal(t, "backend", device.Backend, "django.contrib.auth.backends.ModelBackend")
	}

	// Go ends one of them: it is over at Django, the others are not.
	live := map[string]bool{seen: true, unseen: true, byGo: true}
	for key := range live { // Django may have it in its cache
		equal(t, "who at Django before", w.d.who(key), "alice")
	}
	handle := w.list("alice")[0].Handle
	if err := w.devices.Revoke(t.Context(), w.id("bob"), handle); !errors.Is(err, devices.ErrNoDevice) {
		t.Errorf("bob ends alice's: %v", err)
	}
	check(t, w.devices.Revoke(t.Context(), w.id("alice"), handle))
	for key := range live {
		if w.d.who(key) == "" {
			delete(live, key)
			equal(t, "who at Go", w.who(key), "")
		}
	}
	equal(t, "sessions left at Django", len(live), 2)
	equal(t, "devices left", len(w.list("alice")), 2)

	// Django ends one, and gives the other one another key.
	var keys []string
	for key := range live {
		keys = append(keys, key)
	}
	w.d.must("logout", args{"key": keys[0]}, nil)
	equal(t, "devices after the logout at Django", len(w.list("alice")), 1)
	key := w.d.text("cycle", args{"key": keys[1]})
	equal(t, "devices after cycle_key at Django", len(w.list("alice")), 0)
	equal(t, "who", w.who(key), "alice")
	equal(t, "devices after it was seen", len(w.list("alice")), 1)

	// Everything of a user who was disabled.
	w.d.must("change_user", args{"username": "alice", "is_active": false}, nil)
	ended, err := w.devices.RevokeAll(t.Context(), w.id("alice"))
	check(t, err)
	equal(t, "ended by RevokeAll", ended, 1)
	w.d.must("change_user", args{"username": "alice", "is_active": true}, nil)
	equal(t, "alice at Django", w.d.who(key), "")
	equal(t, "bob at Django", w.d.who(bobs), "bob")
}
