package sessions

import (
	"strings"
	"time"
)

// isoFormat is Python's datetime.isoformat(): microseconds only when there are
// any, the offset as +HH:MM. With USE_TZ off it is the local time of TIME_ZONE
// without an offset, as Django keeps it.
func isoFormat(t time.Time, st *Settings) string {
	layout := "2006-01-02T15:04:05"
	if !st.UseTZ {
		t = localWithinYears(t.In(st.location()))
	}
	if t.Nanosecond()/1000 != 0 {
		layout += ".000000"
	}
	if st.UseTZ {
		layout += "-07:00"
		if _, offset := t.Zone(); offset%60 != 0 {
			layout += ":00"
		}
	}
	return t.Format(layout)
}

// parseISO is Python's datetime.fromisoformat() without its week dates: a date,
// alone or with a time after any one character, extended or basic, a fraction,
// an offset or Z. A time without an offset is in TIME_ZONE.
func parseISO(text string, st *Settings) (time.Time, bool) {
	dateLayout, n := "2006-01-02", 10
	if len(text) >= 8 && strings.IndexByte(text[:8], '-') < 0 {
		dateLayout, n = "20060102", 8
	}
	if len(text) < n {
		return time.Time{}, false
	}
	if len(text) == n {
		t, err := time.ParseInLocation(dateLayout, text, st.location())
		return t, err == nil
	}
	date, rest := text[:n], text[n:]
	separator := 1
	for separator < len(rest) && rest[separator]&0xc0 == 0x80 {
		separator++ // the rest of a UTF-8 character
	}
	clock, zone := rest[separator:], ""
	if i := strings.IndexAny(clock, "+-Z"); i >= 0 {
		clock, zone = clock[:i], clock[i:]
	}

	layout := dateLayout + " "
	whole, fraction, _ := strings.Cut(strings.Replace(clock, ",", ".", 1), ".")
	switch {
	case len(whole) == 2:
		layout += "15"
	case len(whole) == 5:
		layout += "15:04"
	case len(whole) == 8:
		layout += "15:04:05"
	case len(whole) == 4:
		layout += "1504"
	case len(whole) == 6:
		layout += "150405"
	default:
		return time.Time{}, false
	}
	value := date + " " + whole
	if fraction != "" {
		layout += ".999999999"
		value += "." + fraction[:min(len(fraction), 6)]
	}
	switch len(zone) {
	case 0:
	case 1:
		layout += "Z07:00" // reads Z
	case 3:
		layout += "-07"
	case 5:
		layout += "-0700"
	case 6:
		layout += "-07:00"
	case 9:
		layout += "-07:00:00"
	default:
		return time.Time{}, false
	}
	t, err := time.ParseInLocation(layout, value+zone, st.location())
	return t, err == nil
}

// localWithinYears keeps a time's local date within the years that can be written:
// near their ends a zone may lead out of them.
func localWithinYears(t time.Time) time.Time {
	switch {
	case t.Year() > maxDate.Year():
		return time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, t.Location())
	case t.Year() < minDate.Year():
		return time.Date(1, 1, 1, 0, 0, 0, 0, t.Location())
	}
	return t
}
