package sessions_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // America/New_York on every machine

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// An expiryVector is one case of testdata/vectors.json: what real Djangos from
// 3.2 to 6.1 made of set_expiry(value).
type expiryVector struct {
	ID   string
	Kind string
	In   struct {
		Value, Type, Time string
		UseTZ             bool   `json:"USE_TZ"`
		TimeZone          string `json:"TIME_ZONE"`
	}
	Out struct {
		Stored  string
		Age     string `json:"get_expiry_age"`
		Date    string `json:"get_expiry_date"`
		Browser string `json:"get_expire_at_browser_close"`
	}
	Versions []string
}

// expiryDifferences are where Keepsake differs from today's Djangos on purpose:
// mostly, Django raises in the middle of a request and Keepsake goes on.
var expiryDifferences = map[string]struct{ age, date, why string }{
	"expiry/True/datestr": {"103473999", "2030-01-01T00:00:00-05:00", "a text without an offset is in TIME_ZONE; Django can't compare it with an aware now"},
	"expiry/False/zstr":   {"103455999", "2030-01-01T00:00:00+00:00", "a text with an offset is that instant; Django can't compare it with a naive now"},
	"expiry/False/isostr": {"103473999", "2030-01-01T00:00:00", "the time that really passes; Django's is that of the wall clock, an hour off in winter"},
	"expiry/True/bigint":  {bigAge, "2319-01-01T14:00:36.978231+00:00", "31 688 years: the longest time.Duration instead of an OverflowError"},
	"expiry/False/bigint": {bigAge, "2319-01-01T14:00:36.978231+00:00", "the same"},
}

// bigAge is the longest time.Duration in seconds.
var bigAge = strconv.FormatFloat(time.Duration(math.MaxInt64).Seconds(), 'f', -1, 64)

func TestExpiryVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []json.RawMessage }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, c := range file.Cases {
		var v expiryVector
		if !strings.Contains(string(c), `"set-expiry"`) {
			continue
		}
		if err := json.Unmarshal(c, &v); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(v.Versions, "6.1.1") { // 3.2 stored datetimes otherwise
			tested[v.ID] = true
			t.Run(v.ID, v.test)
		}
	}
	if len(tested) < 24 {
		t.Errorf("%d vectors, want at least 24", len(tested))
	}
	for id := range expiryDifferences {
		if !tested[id] {
			t.Errorf("the difference %s has no vector any more", id)
		}
	}
}

func (v expiryVector) test(t *testing.T) {
	zone, err := time.LoadLocation(v.In.TimeZone)
	if err != nil {
		t.Fatal(err)
	}
	if v.In.Time != "1790000000.123456" {
		t.Fatalf("the clock stands at %s", v.In.Time)
	}
	now := time.Unix(1790000000, 123456000).UTC()
	st := sessions.DefaultSettings()
	st.SecretKey = strings.Repeat("0123456789", 5)
	st.UseTZ, st.TimeZone = v.In.UseTZ, zone
	st.Clock = func() time.Time { return now }
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		t.Fatal(err)
	}

	s := m.Open("")
	v.set(t, s, now, zone)
	stored, _, err := sessions.Lookup[json.RawMessage](s, "_session_expiry")
	if err != nil {
		t.Fatal(err)
	}
	if len(stored) == 0 {
		stored = json.RawMessage("null")
	}
	if string(stored) != v.Out.Stored {
		t.Errorf("stored %s, want %s", stored, v.Out.Stored)
	}

	age, date := v.Out.Age, v.Out.Date
	if age == "true" {
		age = "1" // True is an int in Python
	}
	if difference, found := expiryDifferences[v.ID]; found {
		age, date = difference.age, difference.date
		t.Logf("deliberately not Django's %s, %s: %s", v.Out.Age, v.Out.Date, difference.why)
	}
	if got := strconv.FormatFloat(s.ExpiryAge().Seconds(), 'f', -1, 64); got != age {
		t.Errorf("ExpiryAge %s, want %s", got, age)
	}
	layout := "2006-01-02T15:04:05"
	if strings.ContainsAny(date[len(layout):], "+-") {
		layout += "-07:00"
	}
	want, err := time.ParseInLocation(layout, date, zone)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.ExpiryDate(); !got.Truncate(time.Microsecond).Equal(want) {
		t.Errorf("ExpiryDate %v, want %v", got, want)
	}
	if got := strconv.FormatBool(s.ExpiresAtBrowserClose()); got != v.Out.Browser {
		t.Errorf("ExpiresAtBrowserClose %s, want %s", got, v.Out.Browser)
	}
}

// set does what the vector's set_expiry did.
func (v expiryVector) set(t *testing.T, s *sessions.Session, now time.Time, zone *time.Location) {
	t.Helper()
	switch v.In.Type {
	case "NoneType":
		s.ExpireByDefault()
	case "int", "float":
		seconds, err := strconv.ParseFloat(v.In.Value, 64)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case seconds == 0:
			s.ExpireAtBrowserClose()
		case seconds > time.Duration(math.MaxInt64).Seconds():
			s.Set("_session_expiry", int64(seconds)) // a time.Duration can't say it
		default:
			s.ExpireAfter(time.Duration(seconds * float64(time.Second)))
		}
	case "bool": // no counterpart, but a Django may have stored it
		s.Set("_session_expiry", v.In.Value == "True")
	case "str":
		s.Set("_session_expiry", v.In.Value)
	case "datetime":
		layout := "2006-01-02 15:04:05"
		if v.In.UseTZ {
			layout += "-07:00"
		}
		at, err := time.ParseInLocation(layout, v.In.Value, zone)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(v.In.Value, "+00:00") {
			at = at.UTC()
		}
		s.ExpireAt(at)
	case "timedelta":
		delta, found := map[string]time.Duration{
			"2 days, 0:00:03.000004": 48*time.Hour + 3*time.Second + 4*time.Microsecond,
			"-1 day, 23:59:59":       -time.Second,
		}[v.In.Value]
		if !found {
			t.Fatalf("unknown timedelta %q", v.In.Value)
		}
		s.ExpireAt(now.Add(delta))
	default:
		t.Fatalf("unknown type %q", v.In.Type)
	}
}
