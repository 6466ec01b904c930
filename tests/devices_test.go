package tests

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/auth/devices"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// everybody vouches for whoever is asked for; whose ID begins with a minus is not
// active.
type everybody struct{}

func (everybody) Name() string { return "tests.Everybody" }

func (everybody) User(_ context.Context, id string) (*auth.User, error) {
	return &auth.User{ID: id, Username: id, Password: "secret of " + id, Active: true}, nil
}

// A ground is where sessions and the index of devices are kept.
type ground struct {
	engine sessions.Engine
	index  devices.Index
}

// grounds are those that devices are tested on. Each call makes an empty one.
var grounds = []struct {
	name string
	make func(t testing.TB) ground
}{
	{"memory", func(t testing.TB) ground {
		return ground{engine.Memory(), devices.InCache(cache.NewLocal(cache.LocalOptions{}), cache.Keys{})}
	}},
	{"db on SQLite", func(t testing.TB) ground {
		db := openFile(t, drivers[0].name, drivers[0].options, filepath.Join(t.TempDir(), "db.sqlite3"))
		return ground{engine.Database(db), table(t, db)}
	}},
	{"db on PostgreSQL", func(t testing.TB) ground { return onServer(t, sqlServers[0].start(t)) }},
	{"db on MariaDB", func(t testing.TB) ground { return onServer(t, sqlServers[1].start(t)) }},
	{"db on MariaDB, found rows and times", func(t testing.TB) ground { return onServer(t, sqlServers[2].start(t)) }},
	{"cache on Redis", func(t testing.TB) ground {
		c := redisCache(t, testserver.Redis(t, testserver.RedisOptions{}).URL())
		return ground{engine.Cache(c), devices.InCache(c, cache.Keys{})}
	}},
	{"cached_db on PostgreSQL and Redis", func(t testing.TB) ground {
		db := sqlServers[0].start(t).open(t)
		c := redisCache(t, testserver.Redis(t, testserver.RedisOptions{}).URL())
		return ground{engine.CachedDB(db, c), table(t, db)}
	}},
	{"file", func(t testing.TB) ground {
		db := openFile(t, drivers[0].name, drivers[0].options, filepath.Join(t.TempDir(), "db.sqlite3"))
		return ground{engine.File(t.TempDir()), table(t, db)}
	}},
}

func onServer(t testing.TB, server sqlServer) ground {
	db := server.open(t)
	return ground{engine.Database(db), table(t, db)}
}

func table(t testing.TB, db *sql.DB) devices.Index {
	t.Helper()
	x, err := devices.Table(db, devices.TableOptions{})
	noError(t, err)
	return x
}

func redisCache(t testing.TB, url string) *redis.Cache {
	t.Helper()
	c, closeCache, err := redis.Open(url)
	noError(t, err)
	t.Cleanup(closeCache)
	return c
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// counting counts the calls of an index, and can make it fail.
type counting struct {
	devices.Index
	calls  atomic.Int64
	broken atomic.Bool
}

var errBroken = errors.New("the index is out of order")

func (c *counting) call() error {
	c.calls.Add(1)
	if c.broken.Load() {
		return errBroken
	}
	return nil
}

func (c *counting) Put(ctx context.Context, e devices.Entry, former ...string) (bool, error) {
	if err := c.call(); err != nil {
		return false, err
	}
	return c.Index.Put(ctx, e, former...)
}

func (c *counting) Add(ctx context.Context, entries []devices.Entry) (int, error) {
	if err := c.call(); err != nil {
		return 0, err
	}
	return c.Index.Add(ctx, entries)
}

func (c *counting) Find(ctx context.Context, userID, handle string) (devices.Entry, error) {
	if err := c.call(); err != nil {
		return devices.Entry{}, err
	}
	return c.Index.Find(ctx, userID, handle)
}

func (c *counting) List(ctx context.Context, userID string, after devices.Position, limit int) ([]devices.Entry, error) {
	if err := c.call(); err != nil {
		return nil, err
	}
	return c.Index.List(ctx, userID, after, limit)
}

func (c *counting) Remove(ctx context.Context, userID string, names ...string) error {
	if err := c.call(); err != nil {
		return err
	}
	return c.Index.Remove(ctx, userID, names...)
}

// A shop is a site that keeps track of devices.
type shop struct {
	*sessions.Manager
	t       testing.TB
	auth    *auth.Auth
	devices *devices.Devices
	index   *counting
	events  *eventList
	ahead   *atomic.Int64 // how far the clock is ahead
	handler http.Handler
	// do is what the next request does in place of a page.
	do func(w http.ResponseWriter, r *http.Request, s *sessions.Session)
}

type eventList struct {
	mu  sync.Mutex
	all []sessions.Event
}

func (l *eventList) of(kind sessions.EventKind) (found []sessions.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.all {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func newShop(t testing.TB, g ground, change ...func(*sessions.Settings, *devices.Options)) *shop {
	t.Helper()
	s := &shop{t: t, index: &counting{Index: g.index}, events: &eventList{}, ahead: &atomic.Int64{}}
	if m, ok := g.index.(sessions.Migrator); ok {
		_, err := m.Migrate(t.Context())
		noError(t, err)
	}
	st := settings()
	st.Clock = func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }
	st.OnEvent = func(_ context.Context, e sessions.Event) {
		s.events.mu.Lock()
		defer s.events.mu.Unlock()
		s.events.all = append(s.events.all, e)
	}
	o := devices.Options{Index: s.index}
	for _, change := range change {
		change(&st, &o)
	}
	var err error
	s.Manager, err = sessions.New(st, g.engine)
	noError(t, err)
	_, err = s.Manager.Migrate(t.Context())
	noError(t, err)
	s.devices, err = devices.New(s.Manager, o)
	noError(t, err)
	s.auth, err = auth.New(s.Manager, auth.Options{Backends: []auth.Backend{everybody{}}, Tracker: s.devices})
	noError(t, err)
	s.handler = s.Handler(s.auth.Handler(sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, session *sessions.Session) {
		s.do(w, r, session)
	})))
	return s
}

// A browser has a session at a shop.
type browser struct {
	*shop
	key, agent, addr string
}

func (s *shop) browser(agent string) *browser {
	return &browser{shop: s, agent: agent, addr: "192.0.2.7:4711"}
}

// ask sends a request that does something, and keeps the cookie.
func (b *browser) ask(do func(r *http.Request, s *sessions.Session) error) {
	b.t.Helper()
	b.shop.do = func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		if err := do(r, s); err != nil {
			b.t.Errorf("%s: %v", b.agent, err)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = b.addr
	r.Header.Set("User-Agent", b.agent)
	if b.key != "" {
		r.AddCookie(&http.Cookie{Name: "sessionid", Value: b.key})
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if b.key = c.Value; c.MaxAge < 0 {
			b.key = ""
		}
	}
}

func (b *browser) login(userID string) *browser {
	b.t.Helper()
	b.ask(func(r *http.Request, s *sessions.Session) error {
		return b.auth.Login(r.Context(), s, &auth.User{ID: userID, Password: "secret of " + userID, Active: true})
	})
	return b
}

func (b *browser) logout() {
	b.t.Helper()
	b.ask(func(r *http.Request, s *sessions.Session) error { return b.auth.Logout(r.Context(), s) })
}

// user is who the shop takes the browser for; it is a visit.
func (b *browser) user() (id string) {
	b.t.Helper()
	b.ask(func(r *http.Request, _ *sessions.Session) error {
		u, err := auth.FromContext(r.Context())
		if u != nil {
			id = u.ID
		}
		return err
	})
	return id
}

// all are the user's devices, through every page.
func (s *shop) all(userID string) (all []devices.Device) {
	s.t.Helper()
	for after := ""; ; {
		page, next, err := s.devices.List(s.t.Context(), userID, after)
		noError(s.t, err)
		all = append(all, page...)
		if after = next; after == "" {
			return all
		}
	}
}

// agents are those of the user's devices.
func (s *shop) agents(userID string) string {
	s.t.Helper()
	var agents []string
	for _, d := range s.all(userID) {
		agents = append(agents, d.UserAgent)
	}
	return strings.Join(agents, ",")
}

// handle is that of the user's device with that agent.
func (s *shop) handle(userID, agent string) string {
	s.t.Helper()
	for _, d := range s.all(userID) {
		if d.UserAgent == agent {
			return d.Handle
		}
	}
	s.t.Fatalf("%s is not among the devices", agent)
	return ""
}

func (s *shop) pass(d time.Duration) { s.ahead.Add(int64(d)) }

func same[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Devices on every ground.
func TestDevices(t *testing.T) {
	for _, g := range grounds {
		t.Run(g.name, func(t *testing.T) {
			g.make(t) // keeps a shared server
			for _, part := range []struct {
				name string
				test func(t *testing.T, g ground)
			}{
				{"index", keepsEntries},
				{"list", listsDevices},
				{"rotation", keepsHandles},
				{"revoke", revokesDevices},
				{"pages", pagesDevices},
				{"limit", limitsDevices},
				{"limit in parallel", limitsInParallel},
				{"heal", healsIndex},
				{"revoke and rotate", revokesRotated},
			} {
				t.Run(part.name, func(t *testing.T) { part.test(t, g.make(t)) })
			}
		})
	}
}

// Logins are listed with what is known of them, the latest first.
func listsDevices(t *testing.T, g ground) {
	s := newShop(t, g)
	begin := time.Now()
	phone := s.browser("phone").login("7")
	s.pass(time.Second)
	laptop := s.browser("laptop")
	laptop.addr = "[2001:db8::1]:80"
	laptop.login("7")
	s.browser("other").login("8")
	s.browser("visitor").user()

	var mine []devices.Device
	laptop.ask(func(r *http.Request, _ *sessions.Session) (err error) {
		mine, _, err = s.devices.List(r.Context(), "7", "")
		return err
	})
	if len(mine) != 2 {
		t.Fatalf("%d devices, want 2", len(mine))
	}
	same(t, "latest", mine[0].UserAgent, "laptop")
	same(t, "its address", mine[0].Address, "2001:db8::1")
	same(t, "it is the one that asks", mine[0].Current, true)
	same(t, "first", mine[1].UserAgent, "phone")
	same(t, "its address", mine[1].Address, "192.0.2.7")
	same(t, "it is the one that asks", mine[1].Current, false)
	for _, d := range mine {
		same(t, "backend", d.Backend, "tests.Everybody")
		if d.Created.Before(begin.Add(-time.Millisecond)) || d.Created.After(begin.Add(time.Minute)) || !d.LastSeen.Equal(d.Created) {
			t.Errorf("created %v, seen %v, the test began at %v", d.Created, d.LastSeen, begin)
		}
		if strings.Contains(phone.key+laptop.key, d.Handle) || len(d.Handle) != 26 {
			t.Errorf("the handle %q", d.Handle)
		}
	}
	if mine[0].Handle == mine[1].Handle {
		t.Error("two devices have one handle")
	}
	same(t, "the other user's", s.agents("8"), "other")
	same(t, "nobody's", s.agents("9"), "")
	same(t, "of an ID that begins like another", s.agents("7 "), "")

	// A visit within the interval is not written, a later one is.
	seen := mine[1].LastSeen
	phone.addr = "198.51.100.1:1"
	calls := s.index.calls.Load()
	same(t, "user", phone.user(), "7")
	same(t, "calls of the index within the interval", s.index.calls.Load()-calls, 0)
	s.pass(6 * time.Minute)
	phone.user()
	same(t, "calls after it", s.index.calls.Load()-calls, 1)
	mine = s.all("7")
	same(t, "seen last", mine[0].UserAgent+" "+mine[0].Address, "phone 198.51.100.1")
	if d := mine[0].LastSeen.Sub(seen); d < 6*time.Minute || !mine[0].Created.Equal(seen) {
		t.Errorf("seen %v later, created %v, want %v", d, mine[0].Created, seen)
	}
}

// The handle stays with a session that gets another key, by whatever way.
func keepsHandles(t *testing.T, g ground) {
	s := newShop(t, g)
	b := s.browser("phone").login("7")
	before := s.all("7")[0]
	key := b.key
	changed := func(what string) {
		t.Helper()
		if b.key == key || b.key == "" {
			t.Errorf("%s: the key has not changed", what)
		}
		key = b.key
		all := s.all("7")
		if len(all) != 1 || all[0].Handle != before.Handle || !all[0].Created.Equal(before.Created) {
			t.Errorf("%s: %+v, want one device as before: %+v", what, all, before)
		}
	}
	b.login("7")
	changed("a second login")
	b.ask(func(r *http.Request, session *sessions.Session) error {
		return s.auth.UpdateSessionAuthHash(r.Context(), session, &auth.User{ID: "7", Password: "secret of 7", Active: true})
	})
	changed("a change of the password")
	b.ask(func(r *http.Request, session *sessions.Session) error {
		if _, err := auth.FromContext(r.Context()); err != nil {
			return err
		}
		return session.CycleKey(r.Context())
	})
	changed("the program's own CycleKey")

	// Another user's login in the same browser is another device.
	b.login("8")
	same(t, "the former user's devices", len(s.all("7")), 0)
	all := s.all("8")
	if len(all) != 1 || all[0].Handle == before.Handle {
		t.Errorf("the new user's devices: %+v", all)
	}
	b.logout()
	same(t, "devices after the logout", len(s.all("8")), 0)
	b.login("7")
	b.ask(func(r *http.Request, session *sessions.Session) error {
		if _, err := auth.FromContext(r.Context()); err != nil {
			return err
		}
		return session.Flush(r.Context())
	})
	entries, err := s.index.Index.List(t.Context(), "7", devices.Position{}, 9)
	noError(t, err)
	same(t, "entries after the program's own Flush", len(entries), 0)
}

// Who is not logged in never comes to the index.
func TestDevicesAnonymous(t *testing.T) {
	s := newShop(t, grounds[1].make(t))
	b := s.browser("visitor")
	for range 3 {
		b.ask(func(r *http.Request, session *sessions.Session) error {
			session.Set("cart", 1)
			return session.CycleKey(r.Context())
		})
		same(t, "user", b.user(), "")
	}
	b.logout()
	same(t, "calls of the index", s.index.calls.Load(), 0)
}

// What Revoke, RevokeOthers and RevokeAll end is over; the rest is not.
func revokesDevices(t *testing.T, g ground) {
	s := newShop(t, g)
	var b []*browser
	for _, agent := range []string{"a", "b", "c", "d", "e"} {
		b = append(b, s.browser(agent).login("7"))
		s.pass(time.Second)
	}
	other := s.browser("other").login("8")

	noError(t, s.devices.Revoke(t.Context(), "7", s.handle("7", "b")))
	revoked := s.events.of(sessions.EventRevoked)
	if len(revoked) != 1 || revoked[0].UserID != "7" || revoked[0].KeyHash == "" {
		t.Errorf("events: %v", revoked)
	}
	same(t, "the revoked one", b[1].user(), "")
	same(t, "its cookie", b[1].key, "")
	same(t, "the others", s.agents("7"), "e,d,c,a")
	same(t, "another one", b[0].user(), "7")

	// Handles work for their user only, and only once.
	hers := s.handle("8", "other")
	for _, handle := range []string{hers, b[0].key, "", "x", strings.Repeat("A", 26), "' OR ''='", "\x00", strings.Repeat("x", 1<<16)} {
		if err := s.devices.Revoke(t.Context(), "7", handle); !errors.Is(err, devices.ErrNoDevice) {
			t.Errorf("Revoke(%.30q): %v", handle, err)
		}
	}
	same(t, "the other user", other.user(), "8")
	gone := s.handle("7", "a")
	noError(t, s.devices.Revoke(t.Context(), "7", gone))
	if err := s.devices.Revoke(t.Context(), "7", gone); !errors.Is(err, devices.ErrNoDevice) {
		t.Errorf("Revoke again: %v", err)
	}

	ended := 0
	b[3].ask(func(r *http.Request, _ *sessions.Session) (err error) {
		if _, err := s.devices.RevokeOthers(r.Context(), "8"); !errors.Is(err, sessions.ErrNoSession) {
			t.Errorf("RevokeOthers of another user: %v", err)
		}
		ended, err = s.devices.RevokeOthers(r.Context(), "7")
		return err
	})
	same(t, "RevokeOthers ended", ended, 2)
	if _, err := s.devices.RevokeOthers(t.Context(), "7"); !errors.Is(err, sessions.ErrNoSession) {
		t.Errorf("RevokeOthers without a request: %v", err)
	}
	same(t, "the current one", b[3].user(), "7")
	same(t, "the others", b[2].user()+b[4].user(), "")
	same(t, "the list", s.agents("7"), "d")

	ended, err := s.devices.RevokeAll(t.Context(), "7")
	noError(t, err)
	same(t, "RevokeAll ended", ended, 1)
	same(t, "the last one", b[3].user(), "")
	ended, err = s.devices.RevokeAll(t.Context(), "7")
	noError(t, err)
	same(t, "RevokeAll of nothing ended", ended, 0)
	same(t, "the other user", other.user(), "8")
}

// Pages hold every device once.
func pagesDevices(t *testing.T, g ground) {
	s := newShop(t, g, func(st *sessions.Settings, o *devices.Options) {
		at := time.Now() // all are seen at once: only the handles differ
		o.PageSize, st.Clock = 3, func() time.Time { return at }
	})
	want := map[string]bool{}
	for i := range 8 {
		agent := fmt.Sprint("browser ", i)
		want[agent] = true
		s.browser(agent).login("7")
	}
	var pages []int
	for after, first := "", true; first || after != ""; first = false {
		page, next, err := s.devices.List(t.Context(), "7", after)
		noError(t, err)
		pages, after = append(pages, len(page)), next
		for _, d := range page {
			if !want[d.UserAgent] {
				t.Errorf("%s comes twice", d.UserAgent)
			}
			delete(want, d.UserAgent)
		}
	}
	same(t, "pages", fmt.Sprint(pages), "[3 3 2]")
	same(t, "left", len(want), 0)
	for _, after := range []string{"x", ".", "1.2", "-1.A", strings.Repeat("9", 40) + ".A"} {
		page, _, err := s.devices.List(t.Context(), "7", after)
		noError(t, err)
		same(t, "a page after nonsense", len(page), 3)
	}
	ended, err := s.devices.RevokeAll(t.Context(), "7")
	noError(t, err)
	same(t, "ended", ended, 8)
}

// Over the limit the session ends that was seen the longest ago. Those that have
// ended otherwise don't count.
func limitsDevices(t *testing.T, g ground) {
	s := newShop(t, g, func(_ *sessions.Settings, o *devices.Options) { o.Limit = 2 })
	a := s.browser("a").login("7")
	s.pass(10 * time.Minute)
	b := s.browser("b").login("7")
	s.pass(10 * time.Minute)
	same(t, "a", a.user(), "7") // seen now
	c := s.browser("c").login("7")
	same(t, "after the third login", s.agents("7"), "c,a")
	same(t, "the one that was not seen", b.user(), "")
	same(t, "the others", a.user()+c.user(), "77")
	same(t, "events", len(s.events.of(sessions.EventRevoked)), 1)

	// A session that ended behind our back makes room.
	noError(t, s.Open(c.key).DeleteStored(t.Context()))
	s.browser("d").login("7")
	same(t, "after another one", s.agents("7"), "d,a")
	same(t, "a", a.user(), "7")
}

// Logins at once leave as many sessions as are allowed, whatever the order.
func limitsInParallel(t *testing.T, g ground) {
	s := newShop(t, g, func(_ *sessions.Settings, o *devices.Options) { o.Limit = 2 })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			session := s.Open("")
			if err := s.auth.Login(t.Context(), session, &auth.User{ID: "7", Password: "secret of 7", Active: true}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	same(t, "sessions", len(s.all("7")), 2)
	live := 0
	for stored, err := range s.All(t.Context()) {
		if errors.Is(err, sessions.ErrUnsupported) {
			return
		}
		noError(t, err)
		if id, found := auth.StoredIdentity(&stored.Values); found && id.UserID == "7" {
			live++
		}
	}
	same(t, "sessions in the store", live, 2)
}

// What the index has lost, or never had, comes back: as its users are seen, and
// with Rebuild. What has ended behind its back goes.
func healsIndex(t *testing.T, g ground) {
	s := newShop(t, g)
	var keys []string
	for i := range 5 {
		session := s.Open("")
		noError(t, session.Load(t.Context()))
		noError(t, auth.SessionLogin(t.Context(), session, auth.Identity{
			UserID: fmt.Sprint(i / 3), Backend: "tests.Everybody", Hash: auth.SessionHash(s.Settings().SecretKey, "secret of "+fmt.Sprint(i/3)),
		}, nil))
		keys = append(keys, session.Key())
	}
	stored(t, s.Manager, map[string]any{"cart": 1})
	same(t, "before", len(s.all("0")), 0)
	b := s.browser("b")
	b.key = keys[0]
	same(t, "user", b.user(), "0")
	same(t, "after it was seen", s.agents("0"), "b")
	handle := s.handle("0", "b")

	entered, err := s.devices.Rebuild(t.Context())
	noError(t, err)
	same(t, "entered", entered, 4)
	same(t, "user 0", len(s.all("0")), 3)
	same(t, "user 1", len(s.all("1")), 2)
	same(t, "the handle of the one that was there", s.handle("0", "b"), handle)
	entered, err = s.devices.Rebuild(t.Context())
	noError(t, err)
	same(t, "entered again", entered, 0)

	// Ended without us: by Django, or expired.
	noError(t, s.Manager.Delete(t.Context(), keys[1]))
	same(t, "user 0, one ended", len(s.all("0")), 2)
	entries, err := s.index.Index.List(t.Context(), "0", devices.Position{}, 9)
	noError(t, err)
	same(t, "entries", len(entries), 2)
	ended, err := s.devices.RevokeAll(t.Context(), "0")
	noError(t, err)
	same(t, "ended", ended, 2)
	same(t, "user", b.user(), "")
}

// A revocation that meets rotations, and the index that is told of them late,
// ends the session under whatever key it has, or says that it could not.
func revokesRotated(t *testing.T, g ground) {
	late := &lateIndex{Index: g.index, wait: make(chan struct{})}
	s := newShop(t, ground{g.engine, late})
	b := s.browser("b").login("7")
	handle := s.handle("7", "b")
	key := b.key

	// The store has rotated, and the index does not know.
	late.hold.Store(true)
	rotated := make(chan struct{})
	go func() {
		defer close(rotated)
		b.login("7")
	}()
	<-late.wait
	same(t, "devices listed meanwhile", len(s.all("7")), 0)
	revoked := make(chan error)
	go func() { revoked <- s.devices.Revoke(t.Context(), "7", handle) }()
	select {
	case err := <-revoked:
		t.Fatalf("Revoke has an answer while the session lives: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	late.hold.Store(false)
	late.wait <- struct{}{}
	<-rotated
	noError(t, <-revoked)
	if b.key == key {
		t.Fatal("the key has not changed")
	}
	same(t, "user", b.user(), "")
}

// The index is never told of a rotation.
func TestDevicesLostRotation(t *testing.T) {
	s := newShop(t, grounds[1].make(t))
	b := s.browser("b").login("7")
	handle, key := s.handle("7", "b"), b.key
	s.index.broken.Store(true)
	b.login("7")
	s.index.broken.Store(false)
	if err := s.devices.Revoke(t.Context(), "7", handle); !errors.Is(err, sessions.ErrRotated) || strings.Contains(err.Error(), key) {
		t.Errorf("Revoke of a session that lives elsewhere: %v", err)
	}
	if ended, err := s.devices.RevokeAll(t.Context(), "7"); !errors.Is(err, sessions.ErrRotated) || ended != 0 {
		t.Errorf("RevokeAll: %d, %v", ended, err)
	}
	s.pass(11 * time.Second)
	same(t, "user", b.user(), "7") // and the index knows it
	ended, err := s.devices.RevokeAll(t.Context(), "7")
	same(t, "ended", ended, 1)
	if err != nil && !errors.Is(err, sessions.ErrRotated) {
		t.Error(err)
	}
	same(t, "user", b.user(), "")
}

// lateIndex is told of rotations when the test wants it.
type lateIndex struct {
	devices.Index
	hold atomic.Bool
	wait chan struct{} // first the index is called, then it goes on
}

func (l *lateIndex) Put(ctx context.Context, e devices.Entry, former ...string) (bool, error) {
	if l.hold.Load() {
		l.wait <- struct{}{}
		<-l.wait
	}
	return l.Index.Put(ctx, e, former...)
}

func (l *lateIndex) Migrate(ctx context.Context) (bool, error) {
	if m, ok := l.Index.(sessions.Migrator); ok {
		return m.Migrate(ctx)
	}
	return false, nil
}

// A session whose key is now another user's is neither shown nor ended.
func TestDevicesOfAnotherUser(t *testing.T) {
	s := newShop(t, grounds[1].make(t))
	b := s.browser("b").login("7")
	handle := s.handle("7", "b")
	session := loaded(t, s.Manager, b.key)
	session.Set("_auth_user_id", "8") // as no program should
	noError(t, session.Save(t.Context()))
	if err := s.devices.Revoke(t.Context(), "7", handle); !errors.Is(err, devices.ErrNoDevice) {
		t.Error(err)
	}
	same(t, "the list", len(s.all("7")), 0)
	found, err := s.Exists(t.Context(), b.key)
	noError(t, err)
	same(t, "the session is there", found, true)
}

// When the index or the store can't be asked nothing is said to have ended, and no
// request fails for the index.
func TestDevicesOutOfOrder(t *testing.T) {
	s := newShop(t, grounds[1].make(t))
	s.index.broken.Store(true)
	b := s.browser("b").login("7")
	same(t, "user", b.user(), "7")
	if _, _, err := s.devices.List(t.Context(), "7", ""); !errors.Is(err, errBroken) {
		t.Errorf("List: %v", err)
	}
	if err := s.devices.Revoke(t.Context(), "7", strings.Repeat("A", 26)); !errors.Is(err, errBroken) {
		t.Errorf("Revoke: %v", err)
	}
	if _, err := s.devices.RevokeAll(t.Context(), "7"); !errors.Is(err, errBroken) {
		t.Errorf("RevokeAll: %v", err)
	}
	s.index.broken.Store(false)
	s.pass(11 * time.Second)
	same(t, "user", b.user(), "7")
	same(t, "the list, after a while", s.agents("7"), "b")

	// The store can't be asked.
	ctx, cancel := context.WithCancel(t.Context())
	entries, err := s.index.Index.List(ctx, "7", devices.Position{}, 9)
	noError(t, err)
	broken := newShop(t, ground{engine.Memory(), s.index.Index})
	cancel()
	lame, err := devices.New(broken.Manager, devices.Options{Index: fixed(entries)})
	noError(t, err)
	if _, _, err := lame.List(ctx, "7", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("List without the store: %v", err)
	}
	if err := lame.Revoke(ctx, "7", entries[0].Handle); !errors.Is(err, context.Canceled) {
		t.Errorf("Revoke without the store: %v", err)
	}
	same(t, "the list", s.agents("7"), "b")
}

// fixed is an index that always has the same, and forgets nothing.
type fixed []devices.Entry

func (f fixed) Put(context.Context, devices.Entry, ...string) (bool, error) { return false, nil }
func (f fixed) Add(context.Context, []devices.Entry) (int, error)           { return 0, nil }
func (f fixed) Remove(context.Context, string, ...string) error             { panic("removed") }

func (f fixed) Find(_ context.Context, _, handle string) (devices.Entry, error) {
	if i := slices.IndexFunc(f, func(e devices.Entry) bool { return e.Handle == handle }); i >= 0 {
		return f[i], nil
	}
	return devices.Entry{}, devices.ErrNoDevice
}

func (f fixed) List(_ context.Context, _ string, after devices.Position, _ int) ([]devices.Entry, error) {
	if after.Handle != "" {
		return nil, nil
	}
	return f, nil
}
