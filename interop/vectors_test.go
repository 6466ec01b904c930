package interop

import (
	"database/sql"
	"encoding/json"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// A vector is one case of the root's testdata/vectors.json: what real Djangos
// from 3.2 to 6.1 answered. The fields that its kind lacks are zero.
type vector struct {
	ID   string
	Kind string
	In   struct {
		SecretKey, Key, Time, How, DataBefore string
		SetExpiry, TimeZone                   string
		UseTZ                                 bool
		CookieAge                             int
	}
	Out struct {
		SessionData, ExpireDateText, StoredExpiry string
		SQL                                       []string
	}
	Versions []string
}

// vectors returns the cases of one kind that today's Djangos agree on, at
// least min of them.
func vectors(t *testing.T, kind string, min int) []vector {
	t.Helper()
	raw, err := os.ReadFile("../testdata/vectors.json")
	check(t, err)
	// encoding/json matches names without regard to case but not to "_".
	text := string(raw)
	for _, name := range []string{
		"secret_key", "set_expiry", "data_before", "cookie_age", "USE_TZ", "TIME_ZONE",
		"session_data", "expire_date_text", "stored_expiry",
	} {
		text = strings.ReplaceAll(text, `"`+name+`":`, `"`+strings.ReplaceAll(name, "_", "")+`":`)
	}
	var file struct{ Cases []vector }
	check(t, json.Unmarshal([]byte(text), &file))
	found := slices.DeleteFunc(file.Cases, func(v vector) bool {
		return v.Kind != kind || !slices.Contains(v.Versions, "6.1.1")
	})
	if len(found) < min {
		t.Fatalf("%d vectors of kind %s, want at least %d", len(found), kind, min)
	}
	return found
}

// site is an empty database under the vector's settings, where its time stands.
func (v vector) site(t *testing.T) (s *site, now time.Time) {
	t.Helper()
	micros, ok := new(big.Rat).SetString(v.In.Time)
	if !ok {
		t.Fatalf("bad time %q", v.In.Time)
	}
	now = time.UnixMicro(micros.Mul(micros, big.NewRat(1e6, 1)).Num().Int64()).UTC()
	s = newSite(t)
	s.settings.SecretKey, s.settings.CookieAge = v.In.SecretKey, time.Duration(v.In.CookieAge)*time.Second
	s.settings.UseTZ, s.settings.TimeZone = v.In.UseTZ, zone(t, v.In.TimeZone)
	s.freeze(now)
	return s, now
}

// expire sets what the vector's Django set.
func (v vector) expire(t *testing.T, s *sessions.Session, now time.Time, zone *time.Location) {
	t.Helper()
	switch v.In.How {
	case "default", "whole": // None
	case "int":
		equal(t, "set_expiry", v.In.SetExpiry, "10")
		s.ExpireAfter(10 * time.Second)
	case "datetime":
		layout := "2006-01-02 15:04:05.999999"
		if v.In.UseTZ {
			layout += "-07:00"
		}
		at, err := time.ParseInLocation(layout, v.In.SetExpiry, zone)
		check(t, err)
		s.ExpireAt(at.UTC())
	case "timedelta":
		equal(t, "set_expiry", v.In.SetExpiry, "1 day, 0:00:00.000005")
		s.ExpireAt(now.Add(24*time.Hour + 5*time.Microsecond))
	default:
		t.Fatalf("unknown expiry %q", v.In.How)
	}
}

// Every row that Djangos wrote in every time zone is written the same, byte for
// byte, and read.
func TestRowVectors(t *testing.T) {
	for _, v := range vectors(t, "sqlite-row", 22) {
		t.Run(strings.TrimPrefix(v.ID, "sqlite/"), func(t *testing.T) {
			site, now := v.site(t)
			m := site.keepsake()
			_, err := m.Migrate(t.Context())
			check(t, err)

			s := m.Open(v.In.Key)
			equal(t, "data_before", v.In.DataBefore, `{"cat": "dog"}`)
			check(t, s.Insert(t.Context())) // a key of one's own is for Insert only
			s.Set("cat", "dog")
			v.expire(t, s, now, site.settings.TimeZone)
			check(t, s.Save(t.Context()))

			db := site.open()
			var data, expires, types string
			check(t, db.QueryRow("SELECT session_data, CAST(expire_date AS TEXT), typeof(session_data) || ' ' || typeof(expire_date)"+
				" FROM django_session WHERE session_key = ?", v.In.Key).Scan(&data, &expires, &types))
			equal(t, "expire_date", expires, v.Out.ExpireDateText)
			equal(t, "types", types, "text text")
			equal(t, "session_data", data, v.Out.SessionData)

			v.read(t, m, db)
		})
	}
}

// read puts Django's row in the place of ours.
func (v vector) read(t *testing.T, m *sessions.Manager, db *sql.DB) {
	t.Helper()
	_, err := db.Exec("UPDATE django_session SET session_data = ?, expire_date = ?", v.Out.SessionData, v.Out.ExpireDateText)
	check(t, err)
	s := load(t, m, v.In.Key)
	equal(t, "cat", sessions.Get(s, "cat", ""), "dog")
	stored := sessions.Get(s, "_session_expiry", json.RawMessage("null"))
	equal(t, "_session_expiry", string(stored), v.Out.StoredExpiry)

	// Saving it anew at the same time gives the same row: the two sides mean the
	// same expiry by what is stored.
	s.MarkModified()
	check(t, s.Save(t.Context()))
	var expires string
	check(t, db.QueryRow("SELECT CAST(expire_date AS TEXT) FROM django_session").Scan(&expires))
	equal(t, "expire_date, saved again", expires, v.Out.ExpireDateText)
}
