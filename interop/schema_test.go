package interop

import (
	"slices"
	"strings"
	"testing"
)

// schema is the table django_session as the file describes it: its statements
// without needless white space.
func schema(t *testing.T, s *site) []string {
	t.Helper()
	rows, err := s.open().Query("SELECT sql FROM sqlite_master WHERE tbl_name = 'django_session' AND sql IS NOT NULL ORDER BY name")
	check(t, err)
	defer rows.Close()
	var statements []string
	for rows.Next() {
		var sql string
		check(t, rows.Scan(&sql))
		statements = append(statements, strings.Join(strings.Fields(sql), " "))
	}
	check(t, rows.Err())
	return statements
}

func TestSchemaIsDjangos(t *testing.T) {
	ours := newSite(t)
	made, err := ours.keepsake().Migrate(t.Context())
	check(t, err)
	equal(t, "made", made, true)

	theirs := newSite(t)
	theirs.django()
	equalKeys(t, "schema", schema(t, ours), schema(t, theirs))
	if len(schema(t, ours)) != 2 {
		t.Error("want a table and an index")
	}
}

// The same for the schema of the Djangos that made the vectors.
func TestSchemaVector(t *testing.T) {
	ours := newSite(t)
	_, err := ours.keepsake().Migrate(t.Context())
	check(t, err)
	var want []string
	for _, statement := range vectors(t, "schema", 1)[0].Out.SQL {
		if strings.Contains(statement, "django_session") {
			want = append(want, statement)
		}
	}
	got := schema(t, ours)
	slices.Sort(got)
	slices.Sort(want)
	equalKeys(t, "schema", got, want)
}

// A Django that comes later adopts the table and the sessions in it.
func TestFakeInitial(t *testing.T) {
	site := newSite(t)
	m := site.keepsake()
	_, err := m.Migrate(t.Context())
	check(t, err)
	s := create(t, m, map[string]any{"a": 1})
	before := schema(t, site)

	d := startDjango(t, site.config())
	d.fails("OperationalError", "migrate", nil) // the table exists
	d.must("migrate", args{"fake_initial": true}, nil)
	d.must("migrate", nil, nil) // nothing is left to do
	equalKeys(t, "schema", schema(t, site), before)
	equal(t, "Django's view", d.load(s.Key()).Data, `{"a": 1}`)
	key := d.text("login", nil)
	equal(t, "user", d.text("user", args{"key": key}), "alice")
	load(t, m, key)
}

// Django's own table is used as it is.
func TestMigrateLeavesDjangosTable(t *testing.T) {
	site := newSite(t)
	d := site.django()
	key := d.text("create", args{"data": `{"a": 1}`})
	before := schema(t, site)
	m := site.keepsake()
	made, err := m.Migrate(t.Context())
	check(t, err)
	equal(t, "made", made, false)
	equalKeys(t, "schema", schema(t, site), before)
	load(t, m, key)
}
