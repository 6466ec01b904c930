package sessions_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

const twoWeeks = 14 * 24 * time.Hour

// TestExpiry: what each form stores, and what it means now, after a reload, and
// three seconds later.
func TestExpiry(t *testing.T) {
	at := siteNow.Add(time.Hour)
	berlin := time.FixedZone("", 2*3600)
	for _, tt := range []struct {
		name   string
		set    func(*sessions.Session)
		stored string // of _session_expiry
		age    time.Duration
		later  time.Duration // the age three seconds later
		close  bool
	}{
		{"none", func(*sessions.Session) {}, "", twoWeeks, twoWeeks, false},
		{"after 5 minutes", func(s *sessions.Session) { s.ExpireAfter(5 * time.Minute) }, "300", 5 * time.Minute, 5 * time.Minute, false},
		{"after 1.5 s", func(s *sessions.Session) { s.ExpireAfter(1500 * time.Millisecond) }, "1.5", 1500 * time.Millisecond, 1500 * time.Millisecond, false},
		{"after half a second is no browser close", func(s *sessions.Session) { s.ExpireAfter(time.Second / 2) }, "0.5", time.Second / 2, time.Second / 2, false},
		{"after a nanosecond is no browser close", func(s *sessions.Session) { s.ExpireAfter(1) }, "1e-09", 0, 0, false},
		{"after nothing has ended", func(s *sessions.Session) { s.ExpireAfter(0) }, "-1", -time.Second, -time.Second, false},
		{"after less than nothing", func(s *sessions.Session) { s.ExpireAfter(-10 * time.Minute) }, "-600", -10 * time.Minute, -10 * time.Minute, false},
		{"after 292 years", func(s *sessions.Session) { s.ExpireAfter(math.MaxInt64) }, "9223372036.854776", math.MaxInt64, math.MaxInt64, false},
		{"at", func(s *sessions.Session) { s.ExpireAt(at) }, `"2026-03-01T13:00:00+00:00"`, time.Hour, time.Hour - 3*time.Second, false},
		{"at, in another zone", func(s *sessions.Session) { s.ExpireAt(at.In(berlin)) }, `"2026-03-01T15:00:00+02:00"`, time.Hour, time.Hour - 3*time.Second, false},
		{"at, with microseconds", func(s *sessions.Session) { s.ExpireAt(at.Add(1999 * time.Nanosecond)) }, `"2026-03-01T13:00:00.000001+00:00"`, time.Hour, time.Hour - 3*time.Second, false},
		{"at, rounded down", func(s *sessions.Session) { s.ExpireAt(at.Add(-time.Microsecond)) }, `"2026-03-01T12:59:59.999999+00:00"`, time.Hour - time.Second, time.Hour - 4*time.Second, false},
		{"at, 0.9 s left", func(s *sessions.Session) { s.ExpireAt(siteNow.Add(900 * time.Millisecond)) }, `"2026-03-01T12:00:00.900000+00:00"`, 0, -3 * time.Second, false},
		{"at, just gone", func(s *sessions.Session) { s.ExpireAt(siteNow.Add(-time.Microsecond)) }, `"2026-03-01T11:59:59.999999+00:00"`, -time.Second, -4 * time.Second, false},
		{"at the beginning of time", func(s *sessions.Session) { s.ExpireAt(time.Time{}) }, `"0001-01-01T00:00:00+00:00"`, -292 * 365 * 24 * time.Hour, -292 * 365 * 24 * time.Hour, false},
		{"at, before the years of Python", func(s *sessions.Session) { s.ExpireAt(time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)) }, `"0001-01-01T00:00:00+00:00"`, -292 * 365 * 24 * time.Hour, -292 * 365 * 24 * time.Hour, false},
		{"at, after the years of Python", func(s *sessions.Session) { s.ExpireAt(time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)) }, `"9999-12-31T23:59:59.999999+00:00"`, 292 * 365 * 24 * time.Hour, 292 * 365 * 24 * time.Hour, false},
		{"at browser close", func(s *sessions.Session) { s.ExpireAtBrowserClose() }, "0", twoWeeks, twoWeeks, true},
		{"by default again", func(s *sessions.Session) { s.ExpireAfter(time.Hour); s.ExpireByDefault() }, "", twoWeeks, twoWeeks, false},
		{"the last one counts", func(s *sessions.Session) { s.ExpireAfter(time.Hour); s.ExpireAtBrowserClose() }, "0", twoWeeks, twoWeeks, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site := newSite(t)
			s := site.Open("")
			tt.set(s)
			want := "{}"
			if tt.stored != "" {
				want = `{"_session_expiry":` + tt.stored + "}"
			}
			equal(t, "stored", sessionText(s), want)
			check := func(what string, s *sessions.Session, age time.Duration) {
				t.Helper()
				got := s.ExpiryAge()
				if year := 365 * 24 * time.Hour; (age > 200*year) == (got > 200*year) && (age < -200*year) == (got < -200*year) && (age > 200*year || age < -200*year) {
					got = age
				}
				equal(t, what+": ExpiryAge", got, age)
				equal(t, what+": ExpiresAtBrowserClose", s.ExpiresAtBrowserClose(), tt.close)
			}
			check("at once", s, tt.age)

			again := site.Open("")
			if tt.stored != "" { // as another process reads it
				again.Set("_session_expiry", rawJSON(tt.stored))
			}
			check("read back", again, tt.age)
			site.clock.Advance(3 * time.Second)
			check("later", again, tt.later)
		})
	}
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// TestForeignExpiry reads what a Django, or nobody, has stored.
func TestForeignExpiry(t *testing.T) {
	const ever = time.Duration(math.MaxInt64)
	for stored, want := range map[string]struct {
		age   time.Duration
		close bool
	}{
		`null`: {twoWeeks, false}, `false`: {twoWeeks, true}, `0`: {twoWeeks, true}, `0.0`: {twoWeeks, true}, `-0.0`: {twoWeeks, true},
		`true`: {time.Second, false}, `60`: {time.Minute, false}, `60.25`: {60250 * time.Millisecond, false}, `-1`: {-time.Second, false},
		`1e300`: {ever, false}, `Infinity`: {ever, false}, `-Infinity`: {math.MinInt64, false}, `NaN`: {twoWeeks, false},
		`1000000000000000000000000000000`:  {ever, false},
		`-1000000000000000000000000000000`: {math.MinInt64, false},
		`9223372036854775807`:              {ever, false},
		`[]`:                               {twoWeeks, false}, `{}`: {twoWeeks, false}, `""`: {twoWeeks, false}, `"soon"`: {twoWeeks, false},
		`"2026-03-01T13:00:00+00:00"`: {time.Hour, false}, `"2026-03-01T13:00:00"`: {time.Hour, false}, `"2026-03-01T14:00:00.5+01:00"`: {time.Hour, false},
		`"2026-03-01 13:00:00Z"`: {time.Hour, false},
	} {
		s := newSite(t).Open("")
		s.Set("_session_expiry", rawJSON(stored))
		equal(t, stored+": ExpiryAge", s.ExpiryAge(), want.age)
		equal(t, stored+": ExpiresAtBrowserClose", s.ExpiresAtBrowserClose(), want.close)
		if err := s.Save(t.Context()); err != nil {
			t.Errorf("%s: Save: %v", stored, err)
		}
		if year := s.ExpiryDate().UTC().Year(); year < 1 || year > 9999 {
			t.Errorf("%s: it would end in the year %d", stored, year)
		}
		equal(t, stored+": Err", s.Err(), nil)
	}
}

func TestExpiryFrom(t *testing.T) {
	s := newSite(t).Open("")
	modification := siteNow.Add(-time.Hour)
	for _, tt := range []struct {
		name   string
		expiry sessions.Expiry
		age    time.Duration
		date   time.Time
	}{
		{"default", sessions.Expiry{}, twoWeeks, modification.Add(twoWeeks)},
		{"close", sessions.ExpiryAtBrowserClose(), twoWeeks, modification.Add(twoWeeks)},
		{"after", sessions.ExpiryAfter(90 * time.Second), 90 * time.Second, modification.Add(90 * time.Second)},
		{"at", sessions.ExpiryAt(siteNow), time.Hour, siteNow},
		{"at, gone", sessions.ExpiryAt(modification.Add(-1500 * time.Millisecond)), -2 * time.Second, modification.Add(-1500 * time.Millisecond)},
	} {
		equal(t, tt.name+": age", s.ExpiryAgeFrom(modification, tt.expiry), tt.age)
		if got := s.ExpiryDateFrom(modification, tt.expiry); !got.Equal(tt.date) {
			t.Errorf("%s: date %v, want %v", tt.name, got, tt.date)
		}
	}
	equal(t, "the session has none", s.Expiry(), sessions.Expiry{})
}

// TestExpirySettings: what the default is, and what USE_TZ changes.
func TestExpirySettings(t *testing.T) {
	s := newSite(t, func(st *sessions.Settings) { st.ExpireAtBrowserClose, st.CookieAge = true, time.Minute }).Open("")
	equal(t, "age", s.ExpiryAge(), time.Minute)
	equal(t, "close", s.ExpiresAtBrowserClose(), true)
	s.ExpireAfter(time.Hour)
	equal(t, "close, with an expiry of its own", s.ExpiresAtBrowserClose(), false)

	zone := time.FixedZone("", -5*3600)
	s = newSite(t, func(st *sessions.Settings) { st.UseTZ, st.TimeZone = false, zone }).Open("")
	s.ExpireAt(siteNow.Add(time.Hour))
	equal(t, "USE_TZ = False", sessionText(s), `{"_session_expiry":"2026-03-01T08:00:00"}`)
	equal(t, "age", s.ExpiryAge(), time.Hour)
}

// TestExpiryInTheStore: a sliding expiry moves with each save, a fixed one
// doesn't, and a session whose time has come is a new one.
func TestExpiryInTheStore(t *testing.T) {
	site := newSite(t)
	sliding := kept(t, site.Manager, func(s *sessions.Session) { s.ExpireAfter(10 * time.Minute) })
	fixed := kept(t, site.Manager, func(s *sessions.Session) { s.ExpireAt(siteNow.Add(10 * time.Minute)) })
	dead := site.Open("")
	dead.ExpireAfter(0)
	if err := dead.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	alive, err := site.Exists(t.Context(), dead.Key())
	equal(t, "ExpireAfter(0)", fmt.Sprint(alive, err), "false <nil>")

	site.clock.Advance(9 * time.Minute)
	for _, s := range []*sessions.Session{sliding, fixed} {
		s.Set("a", 1)
		if err := s.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "sliding", sliding.StoredUntil().Sub(siteNow), 19*time.Minute)
	equal(t, "fixed", fixed.StoredUntil().Sub(siteNow), 10*time.Minute)
	site.clock.Advance(time.Minute)
	equal(t, "the fixed one is over", reload(t, site.Manager, fixed).Key(), "")
	equal(t, "the sliding one is not", reload(t, site.Manager, sliding).Key(), sliding.Key())
	fixed.Set("a", 2)
	wantError(t, "Save of what has expired meanwhile", fixed.Save(t.Context()), sessions.ErrInterrupted)
}
