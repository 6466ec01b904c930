package interop

import (
	"time"

	"github.com/keepsake-go/sessions"
)

// forms are the expiries that this Django can keep on this stack.
func (x *pair) forms(now time.Time, byDjango bool) []expiryForm {
	var forms []expiryForm
	for _, e := range expiriesAt(now) {
		// Before 4.1 a datetime had no JSON, and a pickle kept it as itself.
		if kind := e.django["t"]; x.python.before(4, 1) && (kind == "date" || kind == "delta") && !(x.stack.pickled() && byDjango) {
			continue
		}
		forms = append(forms, e)
	}
	return forms
}

// steadyZones are zones in which dates are stored differently. Those without
// USE_TZ never change their clocks: there, Django's two weeks are an hour off when
// it happens, see TestClocksGoBack.
var steadyZones = []struct {
	useTZ bool
	zone  string
}{{true, "UTC"}, {true, "America/New_York"}, {false, "America/Bogota"}, {false, "Asia/Kathmandu"}}

// eachZone runs test with either side in each of the time zones, and both clocks
// standing.
func (x *pair) eachZone(test func(s *sides, now time.Time)) {
	for _, z := range steadyZones {
		v := standard
		v.useTZ, v.zone = z.useTZ, z.zone
		s := x.as(v)
		now := time.Now().UTC().Truncate(time.Microsecond)
		s.freeze(now)
		test(s, now)
		s.freeze(time.Time{})
	}
}

// agree checks that both sides see the same expiry of one session.
func (x *pair) agree(what string, s *sides, key string) {
	x.Helper()
	session, seen := load(x, s.m, key), s.d.load(key)
	x.same(what+": key", seen.Key, key)
	x.same(what+": get_expiry_age", ageText(session.ExpiryAge()), seen.Age)
	x.same(what+": get_expiry_date", session.ExpiryDate().UnixMicro(), seen.Date)
	x.same(what+": get_expire_at_browser_close", session.ExpiresAtBrowserClose(), seen.BrowserClose)
	if x.stack.engine == "db" {
		var stored int64
		s.d.must("expire_date", args{"key": key}, &stored)
		x.same(what+": expire_date", stored, seen.Date)
		x.same(what+": StoredUntil", session.StoredUntil().UnixMicro(), stored)
	}
}

func djangoSetsExpiries(x *pair) {
	x.eachZone(func(s *sides, now time.Time) {
		for _, e := range x.forms(now, true) {
			x.agree(e.name, s, s.d.text("create", args{"data": `{"a": 1}`, "expiry": e.django}))
		}
	})
}

func goSetsExpiries(x *pair) {
	x.eachZone(func(s *sides, now time.Time) {
		for _, e := range x.forms(now, false) {
			x.agree(e.name, s, x.put(s, `{"a":1}`, e.set))
		}
	})
}

// ending are sessions that end by the time in which other scenarios run.
type ending struct {
	at           time.Time
	byDjango, by string
}

// begin makes sessions that live for a second.
func (w *place) begin() {
	x := &pair{T: w.t, place: w, sides: w.open(standard, w.ground, nil)}
	x.d.t = w.t
	w.ending.byDjango = x.d.text("create", args{"data": `{"a": 1}`, "expiry": args{"t": "seconds", "v": "1"}})
	w.ending.by = x.put(x.sides, `{"a":1}`, func(s *sessions.Session) {
		if w.stack.file() && !w.python.before(4, 1) {
			s.ExpireAt(time.Now().Add(time.Second)) // Django's file engine ends no others
		} else {
			s.ExpireAfter(time.Second)
		}
	})
	w.ending.at = time.Now().Add(3 * time.Second) // caches may count in whole seconds
}

func djangosHaveEnded(x *pair) {
	time.Sleep(time.Until(x.ending.at))
	x.goneForGo("a second was set by Django", x.ending.byDjango)
}

func gosHaveEnded(x *pair) {
	time.Sleep(time.Until(x.ending.at))
	x.goneForGo("a second was set by Keepsake", x.ending.by)
	// Django's cookies end with SESSION_COOKIE_AGE only (its ticket 19201), and
	// its files with a datetime only.
	if !x.stack.cookie() && !(x.stack.file() && x.python.before(4, 1)) {
		x.goneForDjango("a second was set by Keepsake", x.ending.by)
	}
}
