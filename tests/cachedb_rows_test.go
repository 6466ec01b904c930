package tests

import (
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache"
)

// TestDatabaseCacheVectors: rows hold what Django's hold, and what Django wrote
// is read.
func TestDatabaseCacheVectors(t *testing.T) {
	text, err := os.ReadFile("../cache/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			ID  string
			Out struct {
				Key    string `json:"row_key"`
				Base64 string `json:"value_base64"`
				Type   string `json:"expires_type"`
				Length int    `json:"expires_text_length"`
				Age    int
			}
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, driver := range drivers {
		db := openFile(t, driver.name, driver.options, t.TempDir()+"/cache.db")
		c := databaseCache(t, db, cache.DatabaseOptions{Table: "my_cache"})
		for _, v := range file.Cases {
			if v.Out.Base64 == "" {
				continue
			}
			n++
			value, err := base64.StdEncoding.DecodeString(v.Out.Base64)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Set(t.Context(), v.Out.Key, string(value), time.Duration(v.Out.Age)*time.Second); err != nil {
				t.Fatal(err)
			}
			var got, kind string
			var length int
			row := db.QueryRowContext(t.Context(), `SELECT value, typeof(expires), length(CAST(expires AS TEXT)) FROM my_cache WHERE cache_key = ?`, v.Out.Key)
			if err := row.Scan(&got, &kind, &length); err != nil {
				t.Fatal(err)
			}
			if got != v.Out.Base64 || kind != v.Out.Type || length != v.Out.Length {
				t.Errorf("%s: %q, a %s of %d, Django has %q, a %s of %d", v.ID, got, kind, length, v.Out.Base64, v.Out.Type, v.Out.Length)
			}
			exec(t, db, `DELETE FROM my_cache`)
			exec(t, db, fmt.Sprintf(`INSERT INTO my_cache VALUES ('%s', '%s', '2999-01-01 00:00:00')`, v.Out.Key, v.Out.Base64))
			item, err := c.Get(t.Context(), v.Out.Key)
			if err != nil || item.Value != string(value) {
				t.Errorf("%s: Get: %q, %v", v.ID, item.Value, err)
			}
			if _, err := c.Swap(t.Context(), v.Out.Key, item, "new", time.Hour); err != nil {
				t.Errorf("%s: Swap of Django's: %v", v.ID, err)
			}
		}
	}
	if n < 26 {
		t.Fatalf("%d vectors", n)
	}
}

// What `manage.py createcachetable --dry-run` prints, as the catalog shows it.
var djangoCacheSchema = map[string]struct {
	columns, indexes string // queries
	want             []string
}{
	"sqlite": {
		`SELECT lower(name || ' ' || type || ' ' || "notnull" || ' ' || pk) FROM pragma_table_info('my_cache')`,
		`SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`,
		[]string{
			"cache_key varchar(255) 1 1", "value text 1 0", "expires datetime 1 0",
			`CREATE INDEX "my_cache_expires" ON "my_cache" ("expires")`,
		},
	},
	"pgx": {
		`SELECT concat_ws(' ', column_name, data_type, character_maximum_length, is_nullable, column_default) FROM information_schema.columns
			WHERE table_schema = 'public' AND table_name = 'my_cache' ORDER BY ordinal_position`,
		`SELECT indexdef FROM pg_indexes WHERE tablename = 'my_cache' ORDER BY indexname`,
		[]string{
			"cache_key character varying 255 NO", "value text NO", "expires timestamp with time zone NO",
			"CREATE INDEX my_cache_expires ON public.my_cache USING btree (expires)",
			"CREATE UNIQUE INDEX my_cache_pkey ON public.my_cache USING btree (cache_key)",
		},
	},
	"mysql": {
		`SELECT concat_ws(' ', column_name, column_type, is_nullable, column_default) FROM information_schema.columns
			WHERE table_schema = database() AND table_name = 'my_cache' ORDER BY ordinal_position`,
		`SELECT concat_ws(' ', index_name, column_name, non_unique) FROM information_schema.statistics
			WHERE table_schema = database() AND table_name = 'my_cache' ORDER BY index_name`,
		[]string{
			"cache_key varchar(255) NO", "value longtext NO", "expires datetime(6) NO",
			"my_cache_expires expires 1", "PRIMARY cache_key 0",
		},
	},
}

func TestDatabaseCacheMakesDjangosTable(t *testing.T) {
	eachCacheDatabase(t, func(t *testing.T, fresh func(testing.TB), open func(testing.TB) *sql.DB, folds bool) {
		fresh(t)
		db := open(t)
		c, err := cache.NewDatabase(db, cache.DatabaseOptions{Table: "my_cache"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(t.Context(), "k"); err == nil || errors.Is(err, cache.ErrMiss) {
			t.Errorf("without a table: %v", err)
		}
		for i, want := range []bool{true, false, false} {
			if made, err := c.Migrate(t.Context()); err != nil || made != want {
				t.Errorf("Migrate %d: %v, %v", i+1, made, err)
			}
		}
		name := t.Name()[strings.Index(t.Name(), "/")+1:]
		kind := "sqlite"
		switch {
		case folds:
			kind = "mysql"
		case name == "postgresql":
			kind = "pgx"
		}
		schema := djangoCacheSchema[kind]
		got := slices.Concat(column(t, db, schema.columns), column(t, db, schema.indexes))
		if !slices.Equal(got, schema.want) {
			t.Errorf("the table is\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(schema.want, "\n"))
		}
	})
}

// TestDatabaseCacheCull: as Django's, when there are more rows than allowed what
// has ended goes, then the first in the order of their keys; the live are counted.
func TestDatabaseCacheCull(t *testing.T) {
	eachCacheDatabase(t, func(t *testing.T, fresh func(testing.TB), open func(testing.TB) *sql.DB, _ bool) {
		fresh(t)
		for i, test := range []struct {
			frequency int
			left      []string
		}{
			{0, []string{"k3", "k4", "k5", "k6", "k7", "k8", "k9", "last"}},
			{2, []string{"k5", "k6", "k7", "k8", "k9", "last"}},
			{-1, []string{"last"}},
		} {
			now := time.Now()
			db := open(t)
			culled := 0
			table := fmt.Sprint("cull_", i)
			c := databaseCache(t, db, cache.DatabaseOptions{
				Table: table, MaxEntries: 9, CullFrequency: test.frequency,
				Clock: func() time.Time { return now }, OnCull: func(live int) { culled += live },
			})
			add := func(key string, ttl time.Duration) {
				t.Helper()
				if _, err := c.Add(t.Context(), key, "value", ttl); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 10 { // one more than allowed, as in Django
				add(fmt.Sprint("ended ", i), time.Minute)
			}
			now = now.Add(time.Hour)
			for i := range 10 {
				add(fmt.Sprint("k", i), time.Hour)
			}
			if culled != 0 {
				t.Errorf("%d live values were culled for ended ones", culled)
			}
			if err := c.Set(t.Context(), "last", "value", time.Hour); err != nil {
				t.Fatal(err)
			}
			left := column(t, db, "SELECT cache_key FROM "+table+" ORDER BY cache_key")
			if !slices.Equal(left, test.left) || culled != 11-len(test.left) {
				t.Errorf("frequency %d: %v are left, %d were culled", test.frequency, left, culled)
			}
		}
	})
}

// TestDatabaseCacheRows: what can't be read or kept is an error that says so.
func TestDatabaseCacheRows(t *testing.T) {
	eachCacheDatabase(t, func(t *testing.T, fresh func(testing.TB), open func(testing.TB) *sql.DB, folds bool) {
		fresh(t)
		db := open(t)
		c := databaseCache(t, db, cache.DatabaseOptions{Table: "my_cache"})
		for _, text := range []string{"not base64!", "dmFsdWU", "dmFsdW\nU=", "dmFsdWV="} {
			exec(t, db, "DELETE FROM my_cache")
			exec(t, db, "INSERT INTO my_cache (cache_key, value, expires) VALUES ('k', '"+text+"', '2999-01-01 00:00:00')")
			_, getErr := c.Get(t.Context(), "k")
			_, addErr := c.Add(t.Context(), "k", "new", time.Hour)
			_, swapErr := c.Swap(t.Context(), "k", cache.Item{Value: "value"}, "new", time.Hour)
			for what, err := range map[string]error{"Get": getErr, "Add": addErr, "Swap": swapErr} {
				if !errors.Is(err, cache.ErrCorrupt) || strings.Contains(err.Error(), text) {
					t.Errorf("%q: %s: %v", text, what, err)
				}
			}
			if err := c.Set(t.Context(), "k", "new", time.Hour); err != nil {
				t.Errorf("%q: Set: %v", text, err)
			}
		}

		long := strings.Repeat("k", 256)
		if err := c.Set(t.Context(), long, "value", time.Hour); err == nil {
			if item, err := c.Get(t.Context(), long); err != nil || item.Value != "value" {
				t.Errorf("a long key was taken: %q, %v", item.Value, err)
			}
			if _, err := c.Get(t.Context(), long[:255]); !errors.Is(err, cache.ErrMiss) {
				t.Errorf("a long key was cut: %v", err)
			}
		}
		if !folds {
			return
		}
		if err := c.Set(t.Context(), "K", "other", time.Hour); err == nil || errors.Is(err, cache.ErrExists) {
			t.Errorf("Set of a key that the table takes for another's: %v", err)
		}
		if item, err := c.Get(t.Context(), "k"); err != nil || item.Value != "new" {
			t.Errorf("the other's value: %q, %v", item.Value, err)
		}
	})
}

// TestDatabaseCacheTimeZone: beside a Django without USE_TZ dates are in its
// zone, except for the one that means never.
func TestDatabaseCacheTimeZone(t *testing.T) {
	eachCacheDatabase(t, func(t *testing.T, fresh func(testing.TB), open func(testing.TB) *sql.DB, folds bool) {
		fresh(t)
		now := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
		db := open(t)
		text := map[bool]string{true: "SELECT CAST(expires AS CHAR(19)) FROM my_cache ORDER BY cache_key", false: "SELECT CAST(expires AS text) FROM my_cache ORDER BY cache_key"}[folds]
		for zone, want := range map[int]string{0: "2026-01-02 04:04:06", 5 * 3600: "2026-01-02 09:04:06", -9 * 3600: "2026-01-01 19:04:06"} {
			c := databaseCache(t, db, cache.DatabaseOptions{
				Table: "my_cache", TimeZone: time.FixedZone("", zone), Clock: func() time.Time { return now },
			})
			exec(t, db, "DELETE FROM my_cache")
			for key, ttl := range map[string]time.Duration{"a": time.Hour, "b": cache.NoEnd} {
				if err := c.Set(t.Context(), key, "value", ttl); err != nil {
					t.Fatal(err)
				}
			}
			item, err := c.Get(t.Context(), "a")
			if ends := now.Truncate(time.Second).Add(time.Hour + time.Second); err != nil || !item.Ends.Equal(ends) {
				t.Errorf("zone %d: it ends at %v, %v", zone, item.Ends, err)
			}
			if item, err := c.Get(t.Context(), "b"); err != nil || !item.Ends.IsZero() {
				t.Errorf("zone %d: what never ends ends at %v, %v", zone, item.Ends, err)
			}
			if strings.Contains(t.Name(), "postgresql") {
				continue // an instant
			}
			if got := column(t, db, text); !slices.Equal(got, []string{want, "9999-12-31 23:59:59"}) {
				t.Errorf("zone %d: %q", zone, got)
			}
		}
	})
}

func TestDatabaseCacheRefuses(t *testing.T) {
	db := openFile(t, drivers[0].name, drivers[0].options, t.TempDir()+"/cache.db")
	for _, o := range []cache.DatabaseOptions{
		{}, {Table: `a"b`}, {Table: "a", Dialect: "oracle"}, {Table: "a.b"}, {Table: "a", MaxEntries: -1},
	} {
		if _, err := cache.NewDatabase(db, o); err == nil || !strings.HasPrefix(err.Error(), "cache: database: ") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := cache.NewDatabase(nil, cache.DatabaseOptions{Table: "a"}); err == nil {
		t.Error("no database is taken")
	}
}
