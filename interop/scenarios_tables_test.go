package interop

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

func (s *stack) db() bool { return s.engine == "db" }

// describing asks a database what it knows of a table: its columns, its indexes
// and whatever else there is to compare.
var describing = map[string][]string{
	"django.db.backends.sqlite3": {"SELECT sql FROM sqlite_master WHERE tbl_name = 'django_session' AND sql IS NOT NULL ORDER BY name"},
	"django.db.backends.postgresql": {
		`SELECT concat_ws(' ', column_name, ordinal_position, data_type, character_maximum_length, datetime_precision, is_nullable, collation_name, 'default', column_default)` +
			` FROM information_schema.columns WHERE table_name = 'django_session' ORDER BY 1`,
		`SELECT indexdef FROM pg_indexes WHERE tablename = 'django_session' ORDER BY 1`,
		`SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'django_session'::regclass ORDER BY 1`,
	},
	"django.db.backends.mysql": {
		`SELECT concat_ws(' ', column_name, ordinal_position, column_type, is_nullable, character_set_name, collation_name, 'default', column_default)` +
			` FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'django_session' ORDER BY 1`,
		`SELECT concat_ws(' ', index_name, seq_in_index, column_name, non_unique, sub_part, index_type)` +
			` FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'django_session' ORDER BY 1`,
		`SELECT concat_ws(' ', engine, table_collation) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'django_session'`,
	},
}

func describe(x *pair, g ground) string {
	x.Helper()
	var lines []string
	for _, query := range describing[g.database["ENGINE"].(string)] {
		rows, err := g.db.Query(query)
		check(x, err)
		defer rows.Close()
		for rows.Next() {
			var line string
			check(x, rows.Scan(&line))
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
		check(x, rows.Err())
	}
	return strings.Join(lines, "\n")
}

// fresh is a second store of the stack, on which nobody has worked yet.
func (x *pair) fresh() (ground, *sides) {
	g := x.spare()
	s := x.open(standard, g, djangoSettings{})
	s.d.t = x.T
	return g, s
}

// spare is an empty store beside the common one. A database is made once and
// emptied, since making one takes long.
func (x *pair) spare() ground {
	x.Helper()
	if x.second == nil || x.second.db == nil {
		g := x.stack.share(x.place.t)
		x.second = &g
		return g
	}
	for _, table := range []string{"django_session", "django_migrations", "accounts_customsession"} {
		_, err := x.second.db.Exec("DROP TABLE IF EXISTS " + table)
		check(x, err)
	}
	return *x.second
}

// Keepsake uses the table that Django's migrate has made, as it is.
func djangoMigrates(x *pair) {
	g, s := x.fresh()
	s.d.must("migrate", nil, nil)
	before := describe(x, g)
	made, err := s.m.Migrate(x.Context())
	check(x, err)
	x.same("Keepsake's Migrate makes anything", made, false)
	x.same("the table after it", describe(x, g), before)
	x.same("lines about it", strings.Count(before, "\n") >= 1, true)
	x.same("values", payload(load(x, s.m, s.d.text("create", args{"data": `{"a": 1}`}))), `{"a":1}`)
}

// Keepsake's Migrate makes the table that Django's migrate makes, and Django
// adopts it.
func goMigrates(x *pair) {
	g, s := x.fresh()
	made, err := s.m.Migrate(x.Context())
	check(x, err)
	x.same("Keepsake's Migrate makes anything", made, true)
	key := x.put(s, `{"a":1}`)
	ours := describe(x, g)
	if err := s.d.call("migrate", nil, nil); err == nil {
		x.Error("Django's migrate made the table again")
	}
	s.d.must("migrate", args{"fake_initial": true}, nil)
	x.same("values", s.d.load(key).Data, `{"a": 1}`)
	x.same("the table", ours, describe(x, x.ground))
}

// accountID is the column of testdata/accounts.
var accountID = engine.Column{
	Name: "account_id", Type: "integer NULL",
	Value: func(v *sessions.Values) any {
		var user string
		if _, err := v.Decode("_auth_user_id", &user); err != nil {
			return nil
		}
		id, err := strconv.Atoi(user)
		if err != nil {
			return nil
		}
		return id
	},
}

// ownTable is an engine with a table of one's own on a store.
func (x *pair) ownTable(g ground) *sides {
	x.Helper()
	own := g
	own.engine = func(v variant) sessions.Engine {
		return engine.DatabaseEngine{DB: g.db, Table: "accounts_customsession", Columns: []engine.Column{accountID}, Codec: v.codec()}
	}
	s := x.open(standard, own, djangoSettings{
		"INSTALLED_APPS": []string{"django.contrib.sessions", "accounts"}, "SESSION_ENGINE": "accounts.models",
	})
	s.d.t = x.T
	return s
}

// account is what the column holds, for either side.
func (x *pair) account(g ground, s *sides, key, want string) {
	x.Helper()
	var theirs *int
	s.d.must("account", args{"key": key}, &theirs)
	seen := "NULL"
	if theirs != nil {
		seen = strconv.Itoa(*theirs)
	}
	x.same("account_id for Django", seen, want)
	var ours sql.NullInt64
	check(x, g.db.QueryRow(fmt.Sprintf("SELECT account_id FROM accounts_customsession WHERE session_key = '%s'", key)).Scan(&ours))
	seen = "NULL"
	if ours.Valid {
		seen = strconv.FormatInt(ours.Int64, 10)
	}
	x.same("account_id", seen, want)
}

// Django's table, with a column that create_model_instance fills.
func djangosOwnTable(x *pair) {
	s := x.ownTable(x.ground)
	s.d.must("migrate", nil, nil)
	key := s.d.text("create", args{"data": `{"_auth_user_id": "7"}`})
	x.account(x.ground, s, key, "7")
	x.change(s, key, `{"cat":"dog"}`)
	x.account(x.ground, s, key, "7")
	x.change(s, key, `{"_auth_user_id":"8"}`)
	x.account(x.ground, s, key, "8")
	session := load(x, s.m, key)
	check(x, session.CycleKey(x.Context()))
	x.account(x.ground, s, session.Key(), "8")
	x.same("values", s.d.load(session.Key()).Data, `{"_auth_user_id": "8", "cat": "dog"}`)
	session.Delete("_auth_user_id")
	check(x, session.Save(x.Context()))
	x.account(x.ground, s, session.Key(), "NULL")
	n, err := s.m.ClearExpired(x.Context(), nil)
	check(x, err)
	x.same("cleared", n, 0)
}

// Keepsake's table with that column, which Django fills, too.
func gosOwnTable(x *pair) {
	g := x.spare()
	s := x.ownTable(g)
	made, err := s.m.Migrate(x.Context())
	check(x, err)
	x.same("Keepsake's Migrate makes anything", made, true)
	key := x.put(s, `{"_auth_user_id":"9"}`)
	x.account(g, s, key, "9")
	s.d.text("change", args{"key": key, "data": `{"cat": "dog"}`})
	x.account(g, s, key, "9")
	x.same("values", payload(load(x, s.m, key)), `{"_auth_user_id":"9","cat":"dog"}`)
	key = s.d.text("cycle", args{"key": key})
	x.account(g, s, key, "9")
	x.account(g, s, x.put(s, `{"cat":"dog"}`), "NULL")
	x.account(g, s, s.d.text("create", args{"data": `{"cat": "dog"}`}), "NULL")
}
