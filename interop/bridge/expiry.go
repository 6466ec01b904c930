package main

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
)

// expiry is what set_expiry() and get_expiry_age() take.
type expiry struct {
	sessions.Expiry
	stored string // the JSON that set_expiry() stores as it is, "" for dates
	float  bool   // in Python it is no int
	naive  bool   // a date without an offset
}

const expiryName = "_session_expiry"

// seconds is a number of seconds as an expiry.
func seconds(f float64) sessions.Expiry {
	switch {
	case f == 0:
		return sessions.ExpiryAtBrowserClose()
	case math.Abs(f) > math.MaxInt64/float64(time.Second):
		return sessions.ExpiryAfter(time.Duration(math.Copysign(math.MaxInt64, f)))
	}
	whole, fraction := math.Modf(f)
	return sessions.ExpiryAfter(time.Duration(whole)*time.Second + time.Duration(math.Round(fraction*1e9)))
}

func (b *bridge) expiry(r *request, name string) expiry {
	e := &request{fields: r.object(name)}
	switch kind := e.text("t"); kind {
	case "none":
		return expiry{}
	case "int", "float":
		text := string(e.value("v"))
		f, err := strconv.ParseFloat(text, 64)
		if err != nil && !math.IsInf(f, 0) {
			panic(bad(name, "a number"))
		}
		return expiry{Expiry: seconds(f), stored: text, float: kind == "float" && f != 0}
	case "bool":
		f := 0.0
		if e.boolean("v") {
			f = 1
		}
		return expiry{Expiry: seconds(f), stored: boolean(f == 1)}
	case "timedelta":
		var parts []int64
		e.decode("v", &parts, "three integers")
		if len(parts) != 3 {
			panic(bad(name, "three integers"))
		}
		d := time.Duration(parts[0])*24*time.Hour + time.Duration(parts[1])*time.Second + time.Duration(parts[2])*time.Microsecond
		return expiry{Expiry: sessions.ExpiryAt(b.now().Add(d))}
	case "datetime":
		t, naive := b.date(e.text("v"))
		return expiry{Expiry: sessions.ExpiryAt(t), naive: naive}
	case "str":
		text := e.text("v")
		if text == "" {
			return expiry{stored: `""`}
		}
		made := expiry{stored: quoted(text)}
		if _, ok := parseDate(text, time.UTC); ok {
			t, naive := b.date(text)
			made.Expiry, made.naive = sessions.ExpiryAt(t), naive
		}
		return made
	}
	panic(bad(name, "an expiry"))
}

// now is timezone.now().
func (b *bridge) now() time.Time {
	now := b.clock.now().Truncate(time.Microsecond)
	if !b.site.settings.UseTZ {
		return now.In(b.site.settings.TimeZone)
	}
	return now
}

// date reads a datetime's isoformat(). Without an offset it is in TIME_ZONE.
func (b *bridge) date(text string) (t time.Time, naive bool) {
	t, ok := parseDate(text, b.site.settings.TimeZone)
	if !ok {
		panic(badRequest("Invalid isoformat string: " + pythonRepr(text)))
	}
	return t, len(text) < 6 || !strings.ContainsAny(text[len(text)-6:], "+-Z") || len(text) <= len("2006-01-02")
}

func parseDate(text string, zone *time.Location) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04:05-07:00", "2006-01-02T15:04:05Z07:00", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil { // fractions are read in any case
			return t, true
		}
	}
	return time.Time{}, false
}

// isoFormat is the datetime's isoformat().
func (b *bridge) isoFormat(t time.Time, naive bool) string {
	layout := "2006-01-02T15:04:05"
	if naive || !b.site.settings.UseTZ {
		t = t.In(b.site.settings.TimeZone)
	}
	if t.Nanosecond()/1000 != 0 {
		layout += ".000000"
	}
	if !naive && b.site.settings.UseTZ {
		layout += "-07:00"
	}
	return quoted(t.Format(layout))
}

// setExpiry stores numbers, texts and booleans as Django does, as they are: a
// time.Duration does not know whether it was an int or a float.
func setExpiry(b *bridge, h *handle, r *request) (string, error) {
	e := b.expiry(r, "value")
	if e.stored != "" {
		h.Set(expiryName, json.RawMessage(e.stored))
	} else {
		h.SetExpiry(e.Expiry)
	}
	return null, nil
}

// from are the arguments of get_expiry_age() and get_expiry_date(). given says
// whether there were any.
func (b *bridge) from(h *handle, r *request) (modification time.Time, e expiry, given bool, err error) {
	modification = b.now()
	if given = !r.null("modification"); given {
		modification, e.naive = b.date(r.text("modification"))
	}
	if !r.null("expiry") {
		naive := e.naive
		e = b.expiry(r, "expiry")
		if e.float || e.stored != "" || e.Expiry == (sessions.Expiry{}) {
			e.naive = naive
		}
		return modification, e, true, nil
	}
	if err := h.Load(ctx); err != nil {
		return modification, e, given, err
	}
	e.Expiry = h.Expiry()
	if value, _, err := sessions.Lookup[json.RawMessage](h.Session, expiryName); err == nil {
		f, notNumber := strconv.ParseFloat(string(value), 64)
		e.float = notNumber == nil && f != 0 && strings.ContainsAny(string(value), ".eEIN")
	}
	return modification, e, given, nil
}

func getExpiryAge(b *bridge, h *handle, r *request) (string, error) {
	modification, e, given, err := b.from(h, r)
	if err != nil {
		return "", err
	}
	age := h.ExpiryAgeFrom(modification, e.Expiry)
	if !given {
		age = h.ExpiryAge()
	}
	text := number(age.Seconds())
	if e.float && !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return inString(text), nil
}

func getExpiryDate(b *bridge, h *handle, r *request) (string, error) {
	modification, e, given, err := b.from(h, r)
	if err != nil {
		return "", err
	}
	date := h.ExpiryDateFrom(modification, e.Expiry)
	if !given {
		date = h.ExpiryDate()
	}
	return b.isoFormat(date, e.naive), nil
}

func getExpireAtBrowserClose(_ *bridge, h *handle, _ *request) (string, error) {
	return boolean(h.ExpiresAtBrowserClose()), nil
}

// number is a number as Python writes it, an int where it is whole.
func number(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return strconv.FormatInt(int64(f), 10)
	}
	return repr(f)
}

// repr is Python's repr of a float.
func repr(f float64) string {
	var v sessions.Values
	if err := v.Encode("f", f); err != nil {
		return ""
	}
	m, _ := v.Get("f")
	return m.JSON
}
