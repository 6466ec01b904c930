package interop

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// djangoCache is a cache of a Django's: testdata/caches_driver.py.
type djangoCache struct {
	t      *testing.T
	config map[string]any
}

type operation []any

// do has Django carry out operations, in a process of its own, and returns their
// results.
func (d djangoCache) do(ops ...operation) []any {
	d.t.Helper()
	d.config["ops"] = ops
	config, err := json.Marshal(d.config)
	check(d.t, err)
	out := newest(d.t).output(d.t, "caches_driver.py", string(config))
	var results []any
	if err := json.Unmarshal([]byte(out), &results); err != nil {
		d.t.Fatalf("Django: %v in %q", err, out)
	}
	return results
}

// sharedCaches are the caches that a Django and we keep in one place.
var sharedCaches = []struct {
	name, backend, zone string
	useTZ               bool
}{
	{"file-based", "filebased", "UTC", true},
	{"database", "db", "UTC", true},
	{"database without USE_TZ", "db", "Asia/Kolkata", false},
}

// eachSharedCache runs a test on each of them, with limit as MAX_ENTRIES.
func eachSharedCache(t *testing.T, limit int, test func(t *testing.T, d djangoCache, c cache.Cache, keys cache.Keys, culled *int)) {
	for _, shared := range sharedCaches {
		t.Run(shared.name, func(t *testing.T) {
			dir := t.TempDir()
			d := djangoCache{t, map[string]any{
				"backend": shared.backend, "location": filepath.Join(dir, "cache"), "database": filepath.Join(dir, "cache.sqlite3"),
				"prefix": "shop", "version": 3, "use_tz": shared.useTZ, "time_zone": shared.zone, "secret_key": secret,
				"options": map[string]int{"MAX_ENTRIES": max(limit, cache.DefaultMaxEntries)},
			}}
			culled := new(int)
			onCull := func(live int) { *culled += live }
			var c cache.Cache
			var err error
			if shared.backend == "filebased" {
				c, err = cache.NewFileBased(cache.FileBasedOptions{Dir: filepath.Join(dir, "cache"), MaxEntries: limit, OnCull: onCull})
			} else {
				d.config["location"] = "my_cache"
				d.do(operation{"createcachetable"})
				var db *sql.DB
				if db, err = sql.Open("sqlite", "file:"+filepath.Join(dir, "cache.sqlite3")+"?_pragma=busy_timeout(10000)"); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = db.Close() })
				zone, zoneErr := time.LoadLocation(shared.zone)
				if zoneErr != nil {
					t.Fatal(zoneErr)
				}
				c, err = cache.NewDatabase(db, cache.DatabaseOptions{Table: "my_cache", MaxEntries: limit, OnCull: onCull, TimeZone: zone})
			}
			if err != nil {
				t.Fatal(err)
			}
			test(t, d, c, cache.Keys{Prefix: "shop", Version: 3}, culled)
		})
	}
}

// pickledDog is {"cat": "dog"}.
const pickledDog = "\x80\x05\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x03cat\x94\x8c\x03dog\x94s."

// TestSharedCacheValues: what Django sets is read here, and what is written here
// Django reads, under the same keys and for as long.
func TestSharedCacheValues(t *testing.T) {
	dog := map[string]any{"cat": "dog"}
	eachSharedCache(t, 0, func(t *testing.T, d djangoCache, c cache.Cache, keys cache.Keys, _ *int) {
		begin := time.Now()
		d.do(operation{"set", "django's", dog, 3600}, operation{"set", "for ever", dog, nil}, operation{"set", "over", dog, -1})
		item, err := c.Get(t.Context(), keys.Make("django's"))
		if left := item.Ends.Sub(begin); err != nil || item.Value != pickledDog || left < 3598*time.Second || left > 3700*time.Second {
			t.Errorf("Django's: %q for %v, %v", item.Value, left, err)
		}
		if item, err := c.Get(t.Context(), keys.Make("for ever")); err != nil || !item.Ends.IsZero() {
			t.Errorf("Django's without a timeout: %v, %v", item.Ends, err)
		}
		if _, err := c.Get(t.Context(), keys.Make("over")); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("Django's that has ended: %v", err)
		}
		if _, err := c.Get(t.Context(), cache.Keys{Prefix: "shop"}.Make("django's")); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("another VERSION: %v", err)
		}

		swapped, err := c.Swap(t.Context(), keys.Make("django's"), item, "\x80\x05K\x07.", time.Hour)
		if err != nil {
			t.Errorf("Swap of Django's: %v", err)
		}
		for key, ttl := range map[string]time.Duration{"ours": time.Hour, "ours for ever": cache.NoEnd, "short": time.Millisecond} {
			if _, err := c.Add(t.Context(), keys.Make(key), pickledDog, ttl); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(1100 * time.Millisecond)
		got := d.do(operation{"get", "django's"}, operation{"get", "ours"}, operation{"get", "ours for ever"}, operation{"get", "short"},
			operation{"add", "ours", dog, 60}, operation{"add", "short", dog, 60}, operation{"delete", "ours"}, operation{"set", "django's", 8, 60})
		if want := "[7 map[cat:dog] map[cat:dog] <nil> false true <nil> <nil>]"; fmt.Sprint(got) != want {
			t.Errorf("Django has %v, not %v", got, want)
		}

		// What Django did meanwhile is seen.
		current, err := c.Swap(t.Context(), keys.Make("django's"), swapped, "late", time.Hour)
		if !errors.Is(err, cache.ErrConflict) || current.Value != "\x80\x05K\x08." {
			t.Errorf("Swap after Django's set: %q, %v", current.Value, err)
		}
		if _, err := c.Swap(t.Context(), keys.Make("ours"), cache.Item{Value: pickledDog}, "late", time.Hour); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("Swap after Django's delete: %v", err)
		}
	})
}

// TestSharedCacheSessions: a session goes to and fro.
func TestSharedCacheSessions(t *testing.T) {
	eachSharedCache(t, 0, func(t *testing.T, d djangoCache, c cache.Cache, keys cache.Keys, _ *int) {
		st := sessions.DefaultSettings()
		st.SecretKey = secret
		st.Logger = secrettest.Logger()
		m, err := sessions.New(st, engine.CacheEngine{Cache: c, Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		key := d.do(operation{"session_save", map[string]any{"text": "h\u00e9llo \u65e5\u672c", "n": 1, "long": strings.Repeat("x", 5000)}})[0].(string)
		s := m.Open(key)
		if err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if text := sessions.Get(s, "text", ""); text != "h\u00e9llo \u65e5\u672c" {
			t.Errorf("Django's session has %q", text)
		}
		sessions.Update(s, "n", func(n int) int { return n + 41 })
		s.Delete("long")
		if err := s.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		own := m.Open("")
		own.Set("cat", "dog")
		if err := own.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := d.do(operation{"session_load", key}, operation{"session_load", own.Key()}, operation{"session_save", map[string]any{"more": true}, own.Key()})
		if want := "[map[n:42 text:h\u00e9llo \u65e5\u672c] map[cat:dog] " + own.Key() + "]"; fmt.Sprint(got) != want {
			t.Errorf("Django has %v, not %v", got, want)
		}
		again := m.Open(own.Key())
		if err := again.Load(t.Context()); err != nil || !sessions.Get(again, "more", false) || sessions.Get(again, "cat", "") != "dog" {
			t.Errorf("what Django changed is not there: %v", err)
		}
	})
}

// TestSharedCacheCulled: what Django has put there counts for MAX_ENTRIES, and is
// culled.
func TestSharedCacheCulled(t *testing.T) {
	eachSharedCache(t, 4, func(t *testing.T, d djangoCache, c cache.Cache, keys cache.Keys, culled *int) {
		d.do(operation{"set", "a", 1, 60}, operation{"set", "b", 2, 60}, operation{"set", "c", 3, 60}, operation{"set", "d", 4, 60}, operation{"set", "e", 5, 60})
		if err := c.Set(t.Context(), keys.Make("f"), "\x80\x05K\x06.", time.Minute); err != nil {
			t.Fatal(err)
		}
		left := 0
		for _, value := range d.do(operation{"get", "a"}, operation{"get", "b"}, operation{"get", "c"}, operation{"get", "d"}, operation{"get", "e"}, operation{"get", "f"}) {
			if value != nil {
				left++
			}
		}
		if left != 5 || *culled != 1 {
			t.Errorf("Django has %d values, %d were culled", left, *culled)
		}
	})
}
