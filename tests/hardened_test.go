package tests

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// TestHardenedSQLite puts the database engine, hardened, through the suite as
// two processes.
func TestHardenedSQLite(t *testing.T) {
	var path string
	var db *sql.DB
	enginetest.Run(t, func(t *testing.T, _ sessions.Settings) sessions.Engine {
		path = filepath.Join(t.TempDir(), "sessions.db")
		db = openFile(t, drivers[0].name, drivers[0].options, path)
		return engine.Hardened(engine.Database(db))
	}, enginetest.Options{
		Name:  "db on SQLite, hardened",
		Names: func(t *testing.T) []string { return names(t, db) },
		Another: func(t *testing.T, _ sessions.Settings) sessions.Engine {
			return engine.Hardened(engine.Database(openFile(t, drivers[0].name, drivers[0].options, path)))
		},
	})
}

// TestHardenedServers: the names fit the columns of real servers, and keys that
// differ in case only are others there, too.
func TestHardenedServers(t *testing.T) {
	for _, server := range sqlServers[:2] {
		t.Run(server.name, func(t *testing.T) {
			server := server.start(t)
			var db *sql.DB
			var table string
			cases := 0
			open := func(t *testing.T) sessions.Engine {
				db = server.open(t)
				return engine.Hardened(engine.DatabaseEngine{DB: db, Table: table})
			}
			enginetest.Run(t, func(t *testing.T, _ sessions.Settings) sessions.Engine {
				cases++
				table = fmt.Sprintf("hardened_%d", cases)
				return open(t)
			}, enginetest.Options{
				Name:    "db, hardened",
				Another: func(t *testing.T, _ sessions.Settings) sessions.Engine { return open(t) },
				Names:   func(t *testing.T) []string { return column(t, db, "SELECT session_key FROM "+table) },
			})
		})
	}
}

// TestHardenedCachedDB puts the pair of database and cache, hardened, through the
// suite as two processes. The cache's time is its own.
func TestHardenedCachedDB(t *testing.T) {
	var path string
	var shared *cache.Local
	open := func(t *testing.T, _ sessions.Settings) sessions.Engine {
		return engine.Hardened(engine.CachedDB(openFile(t, drivers[0].name, drivers[0].options, path), shared))
	}
	enginetest.Run(t, func(t *testing.T, st sessions.Settings) sessions.Engine {
		path = filepath.Join(t.TempDir(), "sessions.db")
		shared = cache.NewLocal(cache.LocalOptions{Clock: st.Clock})
		return open(t, st)
	}, enginetest.Options{Name: "cached_db on SQLite, hardened", Another: open})
}

// TestHardenedCachedDBDump: the cache, whose values Django could read, shows
// neither keys nor values either; with encryption alone it shows no values.
func TestHardenedCachedDBDump(t *testing.T) {
	for _, row := range []struct {
		name     string
		codec    codec.Maker
		hardened bool
		shown    []string
	}{
		{"hardened", nil, true, nil},
		{"encrypted", codec.EncryptedOptions{}, false, []string{"the key"}},
		{"as Django", codec.SignedOptions{Uncompressed: true}, false, []string{"the key", "user's name", "ada.lovelace"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			noted := &notingCache{Cache: cache.NewLocal(cache.LocalOptions{})}
			pair := engine.CachedDB(openFile(t, drivers[0].name, drivers[0].options, filepath.Join(t.TempDir(), "sessions.db")), noted)
			pair.Database.Codec = row.codec
			var e sessions.Engine = pair
			if row.hardened {
				e = engine.Hardened(pair)
			}
			m, err := sessions.New(settings(), e)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			key := stored(t, m, map[string]any{"user's name": "ada.lovelace"})
			before := noted.hits
			if got := sessions.Get(loaded(t, m, key), "user's name", ""); got != "ada.lovelace" {
				t.Errorf("its owner reads %q", got)
			}
			if noted.hits == before {
				t.Error("the cache did not answer")
			}
			shown := secrettest.Shown(noted.text, key, "user's name", "ada.lovelace")
			if i := slices.Index(shown, key); i >= 0 {
				shown[i] = "the key"
			}
			if !slices.Equal(shown, row.shown) {
				t.Errorf("the cache shows %q", shown)
			}
		})
	}
}

// notingCache notes what is stored, and counts what is found.
type notingCache struct {
	cache.Cache
	text string
	hits int
}

func (c *notingCache) Get(ctx context.Context, key string) (cache.Item, error) {
	item, err := c.Cache.Get(ctx, key)
	if err == nil && strings.HasSuffix(item.Value, "Keepsak1") {
		c.hits++
	}
	return item, err
}

func (c *notingCache) Add(ctx context.Context, key, value string, ttl time.Duration) (cache.Item, error) {
	c.text += key + " " + value + "\n"
	return c.Cache.Add(ctx, key, value, ttl)
}

func (c *notingCache) Swap(ctx context.Context, key string, old cache.Item, value string, ttl time.Duration) (cache.Item, error) {
	c.text += key + " " + value + "\n"
	return c.Cache.Swap(ctx, key, old, value, ttl)
}

func (c *notingCache) Set(ctx context.Context, key, value string, ttl time.Duration) error {
	c.text += key + " " + value + "\n"
	return c.Cache.Set(ctx, key, value, ttl)
}

// TestHardenedColumns: columns are filled from what nobody else can read.
func TestHardenedColumns(t *testing.T) {
	db := openFile(t, drivers[0].name, drivers[0].options, filepath.Join(t.TempDir(), "sessions.db"))
	m, err := sessions.New(settings(), engine.Hardened(accounts(db)))
	if err != nil {
		t.Fatal(err)
	}
	if made, err := m.Migrate(t.Context()); !made || err != nil {
		t.Fatalf("Migrate: %v, %v", made, err)
	}
	key := stored(t, m, map[string]any{"_auth_user_id": "7"})
	s := loaded(t, m, key)
	account := func() (id sql.NullInt64) {
		if err := db.QueryRow("SELECT account_id FROM accounts_customsession").Scan(&id); err != nil {
			t.Fatal(err)
		}
		return id
	}
	if id := account(); id.Int64 != 7 {
		t.Errorf("account_id is %v, not 7", id)
	}
	s.Delete("_auth_user_id")
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if id := account(); id.Valid {
		t.Errorf("account_id is %v, not NULL", id)
	}
}

// TestSecurity09_HardenedStoresHoldNoKeys: neither the table nor the database's files show a key or a
// value, after all that can happen to a session; and nothing in the table works as
// a cookie.
func TestSecurity09_HardenedStoresHoldNoKeys(t *testing.T) {
	for _, hardened := range []bool{true, false} {
		t.Run(fmt.Sprintf("hardened %v", hardened), func(t *testing.T) {
			dir := t.TempDir()
			db := openFile(t, drivers[0].name, drivers[0].options, filepath.Join(dir, "sessions.db"))
			inner := engine.DatabaseEngine{DB: db, Codec: codec.SignedOptions{Uncompressed: true}}
			plain, err := sessions.New(settings(), inner)
			if err != nil {
				t.Fatal(err)
			}
			m := plain
			if hardened {
				if m, err = sessions.New(settings(), engine.Hardened(engine.Database(db))); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := m.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			first := stored(t, m, map[string]any{"user's name": "ada.lovelace"})
			s := loaded(t, m, first)
			s.Set("battle plan", "attack at dawn")
			if err := s.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.CycleKey(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := sessions.Get(loaded(t, m, s.Key()), "user's name", ""); got != "ada.lovelace" {
				t.Fatalf("its owner reads %q", got)
			}

			var all strings.Builder
			files, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(files) == 0 {
				t.Fatalf("files %v, %v", files, err)
			}
			for _, file := range files {
				content, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				all.Write(content)
			}
			secrets := []string{first, s.Key(), "user's name", "ada.lovelace", "battle plan", "attack at dawn"}
			shown := secrettest.Shown(all.String(), secrets...)
			if !hardened {
				if len(shown) != len(secrets) { // what is looked for is there to be found
					t.Errorf("files of a database that is not hardened show only %q", shown)
				}
				return
			}
			if len(shown) > 0 {
				t.Errorf("its files show %q", shown)
			}
			signed, err := codec.NewSigned(settings(), codec.SignedOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, data := range column(t, db, "SELECT session_data FROM django_session") {
				if _, err := signed.Decode(data); !errors.Is(err, sessions.ErrCorrupt) {
					t.Errorf("a payload, read without the encryption: %v", err)
				}
			}
			found := names(t, db)
			if len(found) != 2 {
				t.Fatalf("%d rows, not a session and a trace", len(found))
			}
			for _, name := range found {
				_, rest, _ := strings.Cut(name, ":")
				for _, cookie := range []string{name, rest} {
					for what, m := range map[string]*sessions.Manager{"hardened": m, "not hardened": plain} {
						if s := loaded(t, m, cookie); s.Key() != "" || s.Len() != 0 {
							t.Errorf("%s: the cookie %s opens a session", what, cookie)
						}
					}
				}
			}
		})
	}
}
