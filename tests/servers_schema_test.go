package tests

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// manager opens a Manager and makes its table.
func manager(t testing.TB, st sessions.Settings, e sessions.Engine) *sessions.Manager {
	t.Helper()
	m, err := sessions.New(st, e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

// The table that Django's migrate makes: what `manage.py sqlmigrate sessions
// 0001` prints, as the server's catalog shows it.
var djangoSchema = map[string]struct {
	columns, indexes string   // queries
	want             []string // of both
}{
	"pgx": {
		`SELECT concat_ws(' ', column_name, data_type, character_maximum_length, is_nullable, column_default) FROM information_schema.columns
			WHERE table_schema = 'public' AND table_name = 'django_session' ORDER BY ordinal_position`,
		`SELECT indexdef FROM pg_indexes WHERE tablename = 'django_session' ORDER BY indexname`,
		[]string{
			"session_key character varying 40 NO",
			"session_data text NO",
			"expire_date timestamp with time zone NO",
			"CREATE INDEX django_session_expire_date_a5c62663 ON public.django_session USING btree (expire_date)",
			"CREATE UNIQUE INDEX django_session_pkey ON public.django_session USING btree (session_key)",
			"CREATE INDEX django_session_session_key_c0390e0f_like ON public.django_session USING btree (session_key varchar_pattern_ops)",
		},
	},
	"mysql": {
		`SELECT concat_ws(' ', column_name, column_type, is_nullable, column_default) FROM information_schema.columns
			WHERE table_schema = database() AND table_name = 'django_session' ORDER BY ordinal_position`,
		`SELECT concat_ws(' ', index_name, column_name, non_unique) FROM information_schema.statistics
			WHERE table_schema = database() AND table_name = 'django_session' ORDER BY index_name`,
		[]string{
			"session_key varchar(40) NO",
			"session_data longtext NO",
			"expire_date datetime(6) NO",
			"django_session_expire_date_a5c62663 expire_date 1",
			"PRIMARY session_key 0",
		},
	},
}

func TestMigrateMakesDjangosTable(t *testing.T) {
	eachSQLServer(t, func(t *testing.T, server sqlServer) {
		db := server.open(t)
		m, err := sessions.New(settings(), engine.Database(db))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []bool{true, false, false} {
			if made, err := m.Migrate(t.Context()); err != nil || made != want {
				t.Errorf("Migrate %d: %v, %v", i+1, made, err)
			}
		}
		schema := djangoSchema[server.driver]
		got := slices.Concat(column(t, db, schema.columns), column(t, db, schema.indexes))
		if !slices.Equal(got, schema.want) {
			t.Errorf("the table is\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(schema.want, "\n"))
		}
	})
}

// TestMigrateTogether has several processes start at once on an empty database.
func TestMigrateTogether(t *testing.T) {
	eachSQLServer(t, func(t *testing.T, server sqlServer) {
		var all sync.WaitGroup
		start := make(chan struct{})
		for range 8 {
			m, err := sessions.New(settings(), engine.Database(server.open(t)))
			if err != nil {
				t.Fatal(err)
			}
			all.Go(func() {
				<-start
				if _, err := m.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
				s := m.Open("") // once it says that the table is there, it is
				s.Set("a", 1)
				if err := s.Save(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		all.Wait()
		schema := djangoSchema[server.driver]
		if got := column(t, server.open(t), schema.indexes); len(got) != len(schema.want)-3 {
			t.Errorf("the indexes are\n%s", strings.Join(got, "\n"))
		}
	})
}

func TestTableInASchema(t *testing.T) {
	server := sqlServers[0].start(t)
	db := server.open(t)
	exec(t, db, `CREATE SCHEMA "Shop"`)
	m := manager(t, settings(), engine.DatabaseEngine{DB: db, Table: "Shop.sessions"})
	if made, err := m.Migrate(t.Context()); made || err != nil {
		t.Errorf("the second Migrate: %v, %v", made, err)
	}
	key := stored(t, m, map[string]any{"a": 1})
	if got := column(t, db, `SELECT session_key FROM "Shop".sessions`); !slices.Equal(got, []string{key}) {
		t.Errorf("the table has %q", got)
	}
	// A table of that name elsewhere is another one.
	public := manager(t, settings(), engine.DatabaseEngine{DB: db, Table: "sessions"})
	if exists, err := public.Exists(t.Context(), key); exists || err != nil {
		t.Errorf("the session exists in another schema's table: %v, %v", exists, err)
	}
	got := column(t, db, `SELECT schemaname || '.' || indexname FROM pg_indexes WHERE schemaname = 'Shop' ORDER BY 1`)
	if want := []string{"Shop.sessions_expire_date", "Shop.sessions_pkey", "Shop.sessions_session_key_like"}; !slices.Equal(got, want) {
		t.Errorf("the indexes are %q, not %q", got, want)
	}
}

func TestFurtherColumns(t *testing.T) {
	eachSQLServer(t, func(t *testing.T, server sqlServer) {
		db := server.open(t)
		account := engine.Column{Name: "account_id", Type: "integer NULL", Value: func(v *sessions.Values) any {
			var id int64
			if found, err := v.Decode("_auth_user_id", &id); !found || err != nil {
				return nil
			}
			return id
		}}
		m := manager(t, settings(), engine.DatabaseEngine{DB: db, Table: "shop_session", Columns: []engine.Column{account}})
		accounts := func(when string, want ...string) {
			t.Helper()
			got := column(t, db, "SELECT account_id FROM shop_session WHERE session_key NOT LIKE 'trace:%' ORDER BY account_id")
			if !slices.Equal(got, want) {
				t.Errorf("%s: the accounts are %q, not %q", when, got, want)
			}
		}
		key := stored(t, m, map[string]any{"basket": 1})
		accounts("created, anonymous", "NULL")
		s := loaded(t, m, key)
		s.Set("_auth_user_id", 7)
		if err := s.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		accounts("saved", "7")
		s.Set("_auth_user_id", 8)
		if err := s.CycleKey(t.Context()); err != nil {
			t.Fatal(err)
		}
		accounts("rotated", "8")
		s.Delete("_auth_user_id")
		if err := s.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		accounts("anonymous again", "NULL")
		stored(t, m, map[string]any{"_auth_user_id": 9})
		if got := column(t, db, "SELECT count(*) FROM shop_session WHERE account_id = 9"); got[0] != "1" {
			t.Errorf("created for an account: %s rows", got[0])
		}
	})
}

// TestLocalTimes has USE_TZ off: MySQL's table then holds local times, and
// PostgreSQL's instants, as ever.
func TestLocalTimes(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	ends := time.Now().UTC().AddDate(0, 0, 9).Truncate(24 * time.Hour).Add(12*time.Hour + 123456*time.Microsecond)
	eachSQLServer(t, func(t *testing.T, server sqlServer) {
		db := server.open(t)
		st := settings()
		st.UseTZ, st.TimeZone = false, zone
		m := manager(t, st, engine.Database(db))
		s := m.Open("")
		s.ExpireAt(ends)
		if err := s.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		query, want := "SELECT CAST(expire_date AS CHAR) FROM django_session", ends.In(zone)
		if server.driver == "pgx" {
			query, want = "SELECT to_char(expire_date AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') FROM django_session", ends
		}
		if got := column(t, db, query); got[0] != want.Format("2006-01-02 15:04:05.000000") {
			t.Errorf("stored %s, not %v", got[0], want)
		}
		again := loaded(t, m, s.Key())
		again.Set("a", 1) // compares the date with what is stored
		if err := again.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := again.ExpiryDate(); !got.Equal(ends) {
			t.Errorf("it expires at %v, not at %v", got, ends)
		}
	})
}
