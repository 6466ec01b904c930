package sessions

import (
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/keepsake-go/sessions/internal/pyjson"
)

// expiryName is where Django keeps a session's own expiry.
const expiryName = "_session_expiry"

// Expiry says when a session ends: what Django's set_expiry takes, and what is
// stored under "_session_expiry". The zero value is Django's None: the
// Settings' CookieAge and ExpireAtBrowserClose decide.
type Expiry struct {
	kind    expiryKind
	seconds float64   // expiryAfter
	instant time.Time // expiryAt
}

type expiryKind int

const (
	expiryDefault      expiryKind = iota
	expiryAfter                   // slides: so long after each save
	expiryAt                      // fixed
	expiryBrowserClose            // the cookie's; the store keeps CookieAge
)

// ExpiryAfter is the expiry d after each save: set_expiry(seconds). Zero or
// less has ended at once: it is never the browser-close that Python's 0 means.
// Django counts in seconds; a fraction is kept as a float.
func ExpiryAfter(d time.Duration) Expiry {
	if d == 0 {
		d = -time.Second
	}
	return Expiry{kind: expiryAfter, seconds: d.Seconds()}
}

// ExpiryAt is the expiry at t, to the microsecond: set_expiry(datetime). What is
// outside of Python's years, 1 to 9999, is their first or last moment.
func ExpiryAt(t time.Time) Expiry {
	t = t.Truncate(time.Microsecond)
	if year := t.Year(); year < 1 || year > 9999 {
		t = t.UTC() // whose year may be another one
	}
	return Expiry{kind: expiryAt, instant: withinYears(t)}
}

// ExpiryAtBrowserClose is the expiry of a cookie that ends with the browser:
// set_expiry(0).
func ExpiryAtBrowserClose() Expiry { return Expiry{kind: expiryBrowserClose} }

// ExpireAfter makes the session end d after each save: Django's set_expiry with
// a number of seconds. Zero or less ends it at once.
func (s *Session) ExpireAfter(d time.Duration) { s.SetExpiry(ExpiryAfter(d)) }

// ExpireAt makes the session end at t, whenever it is saved: Django's set_expiry
// with a datetime, or with a timedelta for time.Now().Add(d).
func (s *Session) ExpireAt(t time.Time) { s.SetExpiry(ExpiryAt(t)) }

// ExpireAtBrowserClose makes the cookie end with the browser: Django's
// set_expiry(0). The store still drops the session after CookieAge.
func (s *Session) ExpireAtBrowserClose() { s.SetExpiry(ExpiryAtBrowserClose()) }

// ExpireByDefault goes back to what the Settings say: Django's set_expiry(None).
func (s *Session) ExpireByDefault() { s.SetExpiry(Expiry{}) }

// SetExpiry sets the session's own expiry: Django's set_expiry.
func (s *Session) SetExpiry(e Expiry) {
	s.lock()
	defer s.mu.Unlock()
	if !s.openToChange() {
		return
	}
	if e.kind == expiryDefault {
		if _, found := s.values.Get(expiryName); found {
			s.change(edit{op: opDelete, name: expiryName})
		}
		return
	}
	s.change(edit{op: opSet, name: expiryName, member: Member{Name: expiryName, JSON: e.json(s.m.settings)}})
}

// Expiry is the session's own expiry, as it was set. What is stored but means
// nothing reads as the zero Expiry.
func (s *Session) Expiry() Expiry {
	s.lock()
	defer s.mu.Unlock()
	if !s.open() {
		return Expiry{}
	}
	return s.expiry()
}

func (s *Session) expiry() Expiry { return storedExpiry(&s.values, s.m.settings) }

// ExpiryAge is how long the session would live from now on if it were saved
// now: Django's get_expiry_age(), and within its Timeouts. It is negative for one
// that has ended, and for a fixed expiry it is whole seconds, rounded down.
func (s *Session) ExpiryAge() time.Duration {
	s.lock()
	defer s.mu.Unlock()
	if !s.open() {
		return Expiry{}.age(s.m.now(), s.m.settings)
	}
	return s.age(s.m.now())
}

func (s *Session) age(now time.Time) time.Duration {
	return s.m.settings.limits(&s.values).age(now, s.expiry().age(now, s.m.settings))
}

// ExpiryDate is when the session would end if it were saved now: Django's
// get_expiry_date(), and within its Timeouts.
func (s *Session) ExpiryDate() time.Time {
	s.lock()
	defer s.mu.Unlock()
	if !s.open() {
		return Expiry{}.date(s.m.now(), s.m.settings)
	}
	return s.values.expiryDate(s.m.settings, s.m.now())
}

// ExpiryAgeFrom is ExpiryAge for a session saved at modification with expiry e
// and no Timeouts: Django's get_expiry_age(modification=…, expiry=…).
func (s *Session) ExpiryAgeFrom(modification time.Time, e Expiry) time.Duration {
	return e.age(modification, s.m.settings)
}

// ExpiryDateFrom is ExpiryDate for a session saved at modification with expiry e
// and no Timeouts: Django's get_expiry_date(modification=…, expiry=…).
func (s *Session) ExpiryDateFrom(modification time.Time, e Expiry) time.Time {
	return e.date(modification, s.m.settings)
}

// ExpiresAtBrowserClose reports whether the cookie ends with the browser:
// Django's get_expire_at_browser_close().
func (s *Session) ExpiresAtBrowserClose() bool {
	return s.Expiry().atBrowserClose(s.m.settings)
}

func (e Expiry) atBrowserClose(st *Settings) bool {
	if e.kind == expiryDefault {
		return st.ExpireAtBrowserClose
	}
	return e.kind == expiryBrowserClose
}

// age is the time that a session lives that is saved at modification.
func (e Expiry) age(modification time.Time, st *Settings) time.Duration {
	switch e.kind {
	case expiryAfter:
		return secondsDuration(e.seconds)
	case expiryAt:
		// timedelta.days*86400 + timedelta.seconds
		return wholeSeconds(e.instant.Sub(modification))
	default:
		return st.CookieAge
	}
}

// wholeSeconds is d rounded down.
func wholeSeconds(d time.Duration) time.Duration {
	rest := d % time.Second
	d -= rest
	if rest < 0 && d > math.MinInt64+time.Second {
		d -= time.Second
	}
	return d
}

// The years that Python and every database can hold.
var (
	minDate = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	maxDate = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
)

// date is when a session ends that is saved at modification.
func (e Expiry) date(modification time.Time, st *Settings) time.Time {
	date := e.instant
	if e.kind != expiryAt {
		date = modification.Add(e.age(modification, st))
	}
	return withinYears(date)
}

func withinYears(t time.Time) time.Time {
	if t.Before(minDate) {
		return minDate
	}
	if t.After(maxDate) {
		return maxDate
	}
	return t
}

// secondsDuration is seconds as a Duration to the microsecond, at most 292
// years either way.
func secondsDuration(seconds float64) time.Duration {
	const most = math.MaxInt64 / float64(time.Second)
	switch {
	case seconds >= most:
		return math.MaxInt64
	case seconds <= -most:
		return math.MinInt64
	}
	whole, fraction := math.Modf(seconds)
	return time.Duration(whole)*time.Second + time.Duration(math.RoundToEven(fraction*1e6))*time.Microsecond
}

// ExpiryDate is when a session with these values ends that was saved, or used
// where it has an idle timeout, at modification: for engines that keep no expiry
// of their own beside the values.
func (v *Values) ExpiryDate(st Settings, modification time.Time) time.Time {
	return v.expiryDate(&st, modification)
}

func (v *Values) expiryDate(st *Settings, modification time.Time) time.Time {
	return st.limits(v).date(modification, storedExpiry(v, st).date(modification, st))
}

// json is what Django's set_expiry stores for e.
func (e Expiry) json(st *Settings) string {
	switch e.kind {
	case expiryAfter:
		if e.seconds == math.Trunc(e.seconds) && math.Abs(e.seconds) < 1<<53 {
			return strconv.FormatInt(int64(e.seconds), 10)
		}
		return string(pyjson.AppendFloat(nil, e.seconds))
	case expiryAt:
		return `"` + isoFormat(e.instant, st) + `"`
	case expiryBrowserClose:
		return "0"
	default:
		return "null"
	}
}

// storedExpiry reads what Django's set_expiry, or ours, has stored.
func storedExpiry(values *Values, st *Settings) Expiry {
	m, found := values.Get(expiryName)
	if !found || m.JSON == "" {
		return Expiry{}
	}
	var value any
	if err := pyjson.Unmarshal(m.JSON, &value); err != nil {
		return Expiry{}
	}
	seconds := math.NaN()
	switch value := value.(type) {
	case string:
		if t, ok := parseISO(value, st); ok {
			return Expiry{kind: expiryAt, instant: t}
		}
		return Expiry{}
	case int64:
		seconds = float64(value)
	case *big.Int:
		seconds, _ = value.Float64()
	case float64:
		seconds = value
	case bool: // an int in Python
		seconds = 0
		if value {
			seconds = 1
		}
	}
	switch {
	case math.IsNaN(seconds):
		return Expiry{}
	case seconds == 0:
		return Expiry{kind: expiryBrowserClose}
	default:
		return Expiry{kind: expiryAfter, seconds: seconds}
	}
}
