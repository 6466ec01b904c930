package interop

import (
	"strconv"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// frozen is a present with microseconds, in New York's summer time.
var frozen = time.Unix(1790000000, 123456000).UTC()

// ageText is an age as Django's get_expiry_age has it: whole seconds as an int.
func ageText(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10)
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
}

// agree compares what the two sides see in one stored session.
func agree(t *testing.T, s *sessions.Session, seen djangoSession) {
	t.Helper()
	equal(t, "get_expiry_age", ageText(s.ExpiryAge()), seen.Age)
	equal(t, "get_expiry_date", s.ExpiryDate().UnixMicro(), seen.Date)
	equal(t, "get_expire_at_browser_close", s.ExpiresAtBrowserClose(), seen.BrowserClose)
}

func micros(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }

// An expiryForm is a form of set_expiry, and Keepsake's for the same.
type expiryForm struct {
	name   string
	django args
	set    func(s *sessions.Session)
}

var expiries = expiriesAt(frozen)

func expiriesAt(now time.Time) []expiryForm {
	hour := now.Add(time.Hour)
	second := hour.Truncate(time.Second)
	later := 48*time.Hour + 3*time.Second + 4*time.Microsecond
	return []expiryForm{
		{"None", args{"t": "none"}, func(s *sessions.Session) { s.ExpireByDefault() }},
		{"0", args{"t": "seconds", "v": "0"}, func(s *sessions.Session) { s.ExpireAtBrowserClose() }},
		{"300", args{"t": "seconds", "v": "300"}, func(s *sessions.Session) { s.ExpireAfter(5 * time.Minute) }},
		{"90.5", args{"t": "seconds", "v": "90.5"}, func(s *sessions.Session) { s.ExpireAfter(90500 * time.Millisecond) }},
		{"year", args{"t": "seconds", "v": "31536000"}, func(s *sessions.Session) { s.ExpireAfter(365 * 24 * time.Hour) }},
		{"datetime", args{"t": "date", "v": epochText(hour)}, func(s *sessions.Session) { s.ExpireAt(hour) }},
		{"datetime without microseconds", args{"t": "date", "v": epochText(second)}, func(s *sessions.Session) { s.ExpireAt(second) }},
		{"timedelta", args{"t": "delta", "v": micros(later)}, func(s *sessions.Session) { s.ExpireAt(now.Add(later)) }},
	}
}

func TestDjangoSetsExpiry(t *testing.T) {
	eachZone(t, func(t *testing.T, site *site) {
		site.freeze(frozen)
		d := site.django()
		m := site.keepsake()
		for _, e := range expiries {
			t.Run(e.name, func(t *testing.T) {
				key := d.text("create", args{"data": `{"a": 1}`, "expiry": e.django})
				s := load(t, m, key)
				agree(t, s, d.load(key))

				// Saved again: what slides has slid, what is fixed stays.
				before := d.row(key)
				s.MarkModified()
				check(t, s.Save(t.Context()))
				equal(t, "row", *d.row(key), *before)
			})
		}
	})
}

// Go's rows are Django's, byte for byte.
func TestGoSetsExpiry(t *testing.T) {
	eachZone(t, func(t *testing.T, site *site) {
		site.freeze(frozen)
		d := site.django()
		m := site.keepsake()
		for _, e := range expiries {
			t.Run(e.name, func(t *testing.T) {
				theirs := d.text("create", args{"data": `{"a": 1}`, "expiry": e.django})
				s := create(t, m, map[string]any{"a": 1})
				e.set(s)
				check(t, s.Save(t.Context()))
				agree(t, s, d.load(s.Key()))
				equal(t, "payload", d.text("payload", args{"key": s.Key()}), d.text("payload", args{"key": theirs}))
				equal(t, "row", *d.row(s.Key()), *d.row(theirs))
			})
		}
	})
}

// What has ended is not there, for either side, whoever ended it.
func TestEndedAtOnce(t *testing.T) {
	eachZone(t, func(t *testing.T, site *site) {
		site.freeze(frozen)
		d := site.django()
		m := site.keepsake()
		for _, seconds := range []string{"-1", "-0.000001"} {
			key := d.text("create", args{"data": `{"a": 1}`, "expiry": args{"t": "seconds", "v": seconds}})
			absent(t, m, key)
		}
		for _, age := range []time.Duration{0, -time.Second, -time.Microsecond} {
			s := create(t, m, map[string]any{"a": 1})
			s.ExpireAfter(age)
			check(t, s.Save(t.Context()))
			equal(t, "Django's key", d.load(s.Key()).Key, "")
		}
		s := create(t, m, map[string]any{"a": 1})
		s.ExpireAt(frozen)
		check(t, s.Save(t.Context()))
		equal(t, "Django's key", d.load(s.Key()).Key, "")
	})
}

// A sliding expiry slides on either side's save.
func TestExpirySlides(t *testing.T) {
	site := newSite(t)
	now := frozen
	site.settings.Clock = func() time.Time { return now }
	d := site.django()
	m := site.keepsake()
	key := d.text("create", args{"data": `{"a": 1}`, "expiry": args{"t": "seconds", "v": "300"}})
	now = now.Add(200 * time.Second)
	s := load(t, m, key)
	s.MarkModified()
	check(t, s.Save(t.Context()))
	now = now.Add(200 * time.Second)
	d.freeze(now)
	equal(t, "Django's key", d.load(key).Key, key)
	d.text("change", args{"key": key, "data": `{"a": 2}`})
	now = now.Add(200 * time.Second)
	load(t, m, key)
	now = now.Add(100 * time.Second)
	absent(t, m, key)
	d.freeze(now)
	equal(t, "Django's key at the end", d.load(key).Key, "")
}

// SESSION_EXPIRE_AT_BROWSER_CLOSE and SESSION_COOKIE_AGE mean the same.
func TestDefaultExpiry(t *testing.T) {
	site := newSite(t)
	site.freeze(frozen)
	site.settings.ExpireAtBrowserClose = true
	site.settings.CookieAge = 30 * time.Minute
	d := site.django()
	m := site.keepsake()
	for _, key := range []string{d.text("create", args{"data": `{"a": 1}`}), create(t, m, map[string]any{"a": 1}).Key()} {
		agree(t, load(t, m, key), d.load(key))
		equal(t, "age", d.load(key).Age, "1800")
		equal(t, "browser close", d.load(key).BrowserClose, true)
		equal(t, "expire_date", d.row(key).Expires, "2026-09-21 14:43:20.123456")
	}
}

// The one difference is deliberate: with USE_TZ off, Django adds and subtracts
// wall clock times, so that what reaches across a change of the clocks is an
// hour off. Keepsake's 120 days are 120 times 24 hours. On what is stored, the
// two agree.
func TestClocksGoBack(t *testing.T) {
	const days = 120 * 24 * time.Hour // New York has winter time by then
	eachZone(t, func(t *testing.T, site *site) {
		site.freeze(frozen)
		var off time.Duration
		if !site.settings.UseTZ && site.settings.TimeZone.String() == "America/New_York" {
			off = time.Hour
		}
		d := site.django()
		m := site.keepsake()

		fixed := load(t, m, d.text("create", args{"data": `{}`, "expiry": args{"t": "date", "v": epochText(frozen.Add(days))}}))
		seen := d.load(fixed.Key())
		equal(t, "date", fixed.ExpiryDate().UnixMicro(), seen.Date)
		equal(t, "age", fixed.ExpiryAge(), days)
		equal(t, "Django's age", seen.Age, ageText(days-off))

		sliding := create(t, m, map[string]any{})
		sliding.ExpireAfter(days)
		check(t, sliding.Save(t.Context()))
		seen = d.load(sliding.Key())
		equal(t, "date", sliding.ExpiryDate().UnixMicro(), frozen.Add(days).UnixMicro())
		equal(t, "Django's date", seen.Date, frozen.Add(days+off).UnixMicro())
		equal(t, "Django's age", seen.Age, ageText(days))
	})
}
