package sessions

import (
	"testing"
	"time"
)

func TestISOFormat(t *testing.T) {
	at := time.Date(2026, 7, 1, 2, 3, 4, 0, time.UTC)
	zone := func(seconds int) *time.Location { return time.FixedZone("", seconds) }
	newYork := zone(-5 * 3600)
	for _, tt := range []struct {
		t    time.Time
		st   Settings
		want string
	}{
		{at, Settings{UseTZ: true}, "2026-07-01T02:03:04+00:00"},
		{at.Add(time.Microsecond), Settings{UseTZ: true}, "2026-07-01T02:03:04.000001+00:00"},
		{at.Add(999 * time.Nanosecond), Settings{UseTZ: true}, "2026-07-01T02:03:04+00:00"},
		{at.Add(500 * time.Millisecond), Settings{UseTZ: true}, "2026-07-01T02:03:04.500000+00:00"},
		{at.In(zone(19800)), Settings{UseTZ: true, TimeZone: newYork}, "2026-07-01T07:33:04+05:30"},
		{at.In(zone(-12600)), Settings{UseTZ: true}, "2026-06-30T22:33:04-03:30"},
		{at.In(zone(1172)), Settings{UseTZ: true}, "2026-07-01T02:22:36+00:19:32"},
		{at, Settings{}, "2026-07-01T02:03:04"},
		{at, Settings{TimeZone: newYork}, "2026-06-30T21:03:04"},
		{at.Add(time.Millisecond), Settings{TimeZone: newYork}, "2026-06-30T21:03:04.001000"},
	} {
		got := isoFormat(tt.t, &tt.st)
		if got != tt.want {
			t.Errorf("isoFormat(%v) = %q, want %q", tt.t, got, tt.want)
		}
		back, ok := parseISO(got, &tt.st)
		if !ok || !back.Equal(tt.t.Truncate(time.Microsecond)) {
			t.Errorf("parseISO(%q) = %v, %v", got, back, ok)
		}
	}
}

// TestParseISO has what Python 3.11's datetime.fromisoformat reads, and what it
// does not.
func TestParseISO(t *testing.T) {
	st := &Settings{TimeZone: time.FixedZone("", 3600)}
	for text, want := range map[string]string{ // in UTC
		"2026-07-01T02:03:04+00:00":        "2026-07-01T02:03:04Z",
		"2026-07-01T02:03:04Z":             "2026-07-01T02:03:04Z",
		"2026-07-01T02:03:04-05:30":        "2026-07-01T07:33:04Z",
		"2026-07-01T02:03:04+0530":         "2026-06-30T20:33:04Z",
		"2026-07-01T02:03:04+05":           "2026-06-30T21:03:04Z",
		"2026-07-01T02:03:04+00:19:32":     "2026-07-01T01:43:32Z",
		"2026-07-01T02:03:04":              "2026-07-01T01:03:04Z",
		"2026-07-01 02:03:04":              "2026-07-01T01:03:04Z",
		"2026-07-01é02:03:04":              "2026-07-01T01:03:04Z",
		"2026-07-01T02:03":                 "2026-07-01T01:03:00Z",
		"2026-07-01T02":                    "2026-07-01T01:00:00Z",
		"2026-07-01":                       "2026-06-30T23:00:00Z",
		"20260701":                         "2026-06-30T23:00:00Z",
		"20260701T020304":                  "2026-07-01T01:03:04Z",
		"20260701T0203":                    "2026-07-01T01:03:00Z",
		"2026-07-01T02:03:04.5":            "2026-07-01T01:03:04.5Z",
		"2026-07-01T02:03:04,5Z":           "2026-07-01T02:03:04.5Z",
		"2026-07-01T02:03:04.123456789Z":   "2026-07-01T02:03:04.123456Z",
		"2026-07-01T02:03:04.000001+00:00": "2026-07-01T02:03:04.000001Z",
	} {
		got, ok := parseISO(text, st)
		if !ok || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("parseISO(%q) = %v, %v, want %s", text, got.UTC(), ok, want)
		}
	}
	for _, text := range []string{
		"", "soon", "2026", "2026-7-1", "2026-13-01", "2026-02-30", "2026-07-01T", "2026-07-01T2", "2026-07-01T25:00:00",
		"2026-07-01T02:03:04+", "2026-07-01T02:03:04+1", "2026-07-01T02:03:04Europe/Berlin", "2026-07-01T02:03:04.x",
		"2026-07-01T02:03:60", "10000-01-01T00:00:00", "2026-07-01T02:03:04ZZ", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "2026-07-01\x80\x80",
	} {
		if got, ok := parseISO(text, st); ok {
			t.Errorf("parseISO(%q) = %v", text, got)
		}
	}
}
