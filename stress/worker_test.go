package stress

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/memcached"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/engine"
)

// config says what application a process is to be. It travels in the environment.
type config struct {
	Engine      string // "database", "cache", "cached_db" or "file"
	Driver, DSN string
	Cache       string // "redis", "cluster", "memcached", "local", "filebased" or "database"
	Addrs       []string
	Dir         string // of files
	Strict      bool
	EntryLife   time.Duration
	Idle        time.Duration // an idle timeout, with a touch at every read
	SaveTimeout time.Duration

	MaxStoreCalls int
	Jitter        time.Duration // at most so long before and after each step of a store
}

// workerVariable is set where the test binary is to be the application.
const workerVariable = "KEEPSAKE_STRESS_WORKER"

// work is the application: a real server on the engine. It ends with its standard
// input, and says on its standard output where it listens, and what it has
// acknowledged.
func work(text string) error {
	var c config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	a := &app{}
	st := sessions.DefaultSettings()
	st.SecretKey = "the secret key of the stress tests, which is long enough for Django"
	st.CookieSecure = false
	st.SaveTimeout = c.SaveTimeout
	st.WarnSize = -1
	st.MaxStoreCalls = c.MaxStoreCalls
	st.Logger = slog.New(slog.DiscardHandler)
	st.Clock = func() time.Time { return time.Now().Add(time.Duration(a.ahead.Load())) }
	if c.Idle > 0 {
		st.Timeouts.Idle, st.TouchInterval = c.Idle, time.Millisecond
	}
	e, err := c.open(st.Clock, &a.raw)
	if err != nil {
		return err
	}
	if a.m, err = sessions.New(st, writes{e, &a.writes}); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	a.say("listening", listener.Addr().String())
	return http.Serve(listener, a.routes())
}

// open makes the engine, with connections of its own.
func (c config) open(clock func() time.Time, r *raw) (sessions.Engine, error) {
	var db *sql.DB
	if c.Driver != "" {
		var err error
		if db, err = sql.Open(c.Driver, c.DSN); err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(8)
		db.SetMaxIdleConns(8)
	}
	kept, err := c.openCache(db, clock)
	if err != nil {
		return nil, err
	}
	if c.Jitter > 0 && kept != nil {
		kept = jitterCache{kept, c.Jitter}
	}
	*r = raw{db: db, cache: kept, first: "?", second: "?"}
	if c.Cache == "database" {
		r.db = nil // it is the cache's
	}
	if c.Driver == "pgx" {
		r.first, r.second = "$1", "$2"
	}
	var e sessions.Engine
	switch c.Engine {
	case "database":
		e = engine.Database(db)
	case "cache":
		e = engine.Cache(kept)
	case "cached_db":
		pair := engine.CachedDB(db, kept)
		pair.Strict, pair.EntryLife = c.Strict, c.EntryLife
		e = pair
	case "file":
		e, r.dir = engine.File(c.Dir), c.Dir
	default:
		return nil, fmt.Errorf("no engine %q", c.Engine)
	}
	if c.Jitter > 0 {
		e = jitterEngine{e, c.Jitter}
	}
	return e, nil
}

func (c config) openCache(db *sql.DB, clock func() time.Time) (cache.Cache, error) {
	switch c.Cache {
	case "redis", "cluster":
		opened, _, err := redis.OpenOptions(redis.Options{Addrs: c.Addrs, Cluster: c.Cache == "cluster", ConnectTimeout: time.Second, Timeout: 2 * time.Second})
		return opened, err
	case "memcached":
		return memcached.Open(memcached.Options{Servers: c.Addrs, Timeout: 2 * time.Second})
	case "local":
		return cache.NewLocal(cache.LocalOptions{Clock: clock}), nil
	case "filebased":
		return cache.NewFileBased(cache.FileBasedOptions{Dir: c.Dir, Clock: clock})
	case "database":
		return cache.NewDatabase(db, cache.DatabaseOptions{Table: "stress_cache", Clock: clock})
	}
	return nil, nil
}

// app is the application.
type app struct {
	m      *sessions.Manager
	raw    raw
	writes atomic.Int64 // asked of the store
	ahead  atomic.Int64 // of the real time, for its clock

	out sync.Mutex
}

// say writes a line that outlives this process: it is in the pipe when say returns.
func (a *app) say(words ...string) {
	a.out.Lock()
	defer a.out.Unlock()
	w := bufio.NewWriter(os.Stdout)
	for i, word := range words {
		if i > 0 {
			_ = w.WriteByte(' ')
		}
		_, _ = w.WriteString(word)
	}
	_ = w.WriteByte('\n')
	_ = w.Flush()
}

func (a *app) routes() http.Handler {
	visit := func(f func(w http.ResponseWriter, r *http.Request, s *sessions.Session) error) sessions.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			pause(r)
			if s.Key() == "" {
				http.Error(w, "no session", http.StatusUnauthorized)
				return
			}
			if err := f(w, r, s); err != nil {
				a.m.Error(w, r, err)
			}
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/new", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		s.Set("n", 0)
		s.Set("token", "t")
	}))
	mux.Handle("/read", visit(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) error {
		_, err := fmt.Fprint(w, sessions.Get(s, "n", int64(0)))
		return err
	}))
	// What it answers has been saved; where acknowledgements are asked for, they
	// are given before the answer.
	mux.Handle("/update", visit(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) error {
		count := func(n int64) int64 { return n + 1 }
		sessions.Update(s, "n", count)
		if name := r.FormValue("name"); name != "" {
			sessions.Update(s, name, count)
		}
		if err := s.Save(r.Context()); err != nil {
			return err
		}
		if word := r.FormValue("ack"); word != "" {
			a.say("ack", word)
		}
		_, err := fmt.Fprint(w, sessions.Get(s, "n", int64(0)))
		return err
	}))
	mux.Handle("/set", visit(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) error {
		name := r.FormValue("name")
		value, _ := strconv.ParseInt(r.FormValue("value"), 10, 64)
		before := sessions.Get(s, name, int64(0))
		s.Set(name, value)
		_, err := fmt.Fprint(w, before)
		return err
	}))
	mux.Handle("/touch", visit(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) error {
		s.MarkModified()
		return nil
	}))
	mux.Handle("/pop", visit(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) error {
		token := sessions.Pop(s, "token", "")
		if err := wait(r); err != nil {
			return err
		}
		_, err := io.WriteString(w, token)
		return err
	}))
	mux.Handle("/login", visit(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) error {
		s.Set("user", 1)
		return s.CycleKey(r.Context())
	}))
	mux.Handle("/logout", visit(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) error {
		return s.Flush(r.Context())
	}))
	outer := http.NewServeMux()
	outer.Handle("/", a.m.Handler(mux))
	outer.HandleFunc("/migrate", func(w http.ResponseWriter, r *http.Request) {
		if _, err := a.m.Migrate(r.Context()); err != nil && !errors.Is(err, sessions.ErrUnsupported) {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	outer.HandleFunc("/clock", func(w http.ResponseWriter, r *http.Request) {
		ahead, _ := time.ParseDuration(r.FormValue("ahead"))
		a.ahead.Store(int64(ahead))
	})
	outer.HandleFunc("/audit", a.audit)
	outer.HandleFunc("/burst", a.burst)
	return outer
}

// audit shows what is stored under a key, as numbers by name.
func (a *app) audit(w http.ResponseWriter, r *http.Request) {
	s := a.m.Open(r.FormValue("key"))
	switch err := s.Load(r.Context()); {
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	case s.Key() == "":
		http.Error(w, "no session", http.StatusNotFound)
		return
	}
	all := map[string]int64{}
	for _, name := range s.Keys() {
		all[name] = 1
		if name != "token" {
			all[name] = sessions.Get(s, name, int64(-1))
		}
	}
	_ = json.NewEncoder(w).Encode(all)
}

// pause spends the time that the request asks for between load and save.
func pause(r *http.Request) {
	if micros, _ := strconv.Atoi(r.FormValue("pause")); micros > 0 {
		time.Sleep(time.Duration(micros) * time.Microsecond)
	}
}

// wait is until a moment that the request names, the same in all processes.
func wait(r *http.Request) error {
	if millis, _ := strconv.ParseInt(r.FormValue("until"), 10, 64); millis > 0 {
		time.Sleep(time.Until(time.UnixMilli(millis)))
	}
	return nil
}

// jitterEngine has each step of a store take some time more, so that processes
// meet at every point of it.
type jitterEngine struct {
	sessions.Engine
	most time.Duration
}

func (e jitterEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	b, err := e.Engine.Open(st)
	if err == nil {
		b.Store = jitterStore{b.Store, e.most}
	}
	return b, err
}

type jitterStore struct {
	inner sessions.Store
	most  time.Duration
}

// around sleeps now and when the call that it is deferred in ends.
func around(most time.Duration) func() {
	nap := func() {
		switch dice := rand.IntN(16); {
		case dice == 0: // others overtake it by several steps
			time.Sleep(rand.N(10 * most))
		case dice < 8:
			time.Sleep(rand.N(most))
		}
	}
	nap()
	return nap
}

func (s jitterStore) Unwrap() sessions.Store { return s.inner }

func (s jitterStore) Load(ctx context.Context, key string) (sessions.Record, error) {
	defer around(s.most)()
	return s.inner.Load(ctx, key)
}

func (s jitterStore) Create(ctx context.Context, key string, rec sessions.Record) (sessions.Record, error) {
	return s.inner.Create(ctx, key, rec)
}

func (s jitterStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	defer around(s.most)()
	return s.inner.Replace(ctx, key, old, new)
}

func (s jitterStore) Rotate(ctx context.Context, key, newKey string, old, new sessions.Record) (sessions.Record, error) {
	defer around(s.most)()
	return s.inner.Rotate(ctx, key, newKey, old, new)
}

func (s jitterStore) Delete(ctx context.Context, key string) error {
	defer around(s.most)()
	return s.inner.Delete(ctx, key)
}

// jitterCache is the same for each step of a cache.
type jitterCache struct {
	inner cache.Cache
	most  time.Duration
}

func (c jitterCache) Epoch(ctx context.Context) (string, error) {
	if e, ok := c.inner.(cache.Epocher); ok {
		return e.Epoch(ctx)
	}
	return "", nil
}

func (c jitterCache) Migrate(ctx context.Context) (bool, error) {
	if m, ok := c.inner.(cache.Migrator); ok {
		return m.Migrate(ctx)
	}
	return false, nil
}

func (c jitterCache) Get(ctx context.Context, key string) (cache.Item, error) {
	defer around(c.most)()
	return c.inner.Get(ctx, key)
}

func (c jitterCache) Add(ctx context.Context, key, value string, ttl time.Duration) (cache.Item, error) {
	defer around(c.most)()
	return c.inner.Add(ctx, key, value, ttl)
}

func (c jitterCache) Swap(ctx context.Context, key string, old cache.Item, value string, ttl time.Duration) (cache.Item, error) {
	defer around(c.most)()
	return c.inner.Swap(ctx, key, old, value, ttl)
}

func (c jitterCache) Set(ctx context.Context, key, value string, ttl time.Duration) error {
	defer around(c.most)()
	return c.inner.Set(ctx, key, value, ttl)
}

func (c jitterCache) Delete(ctx context.Context, key string) error {
	defer around(c.most)()
	return c.inner.Delete(ctx, key)
}
