package interop

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// Both clearsessions delete exactly what the other would, and what neither side
// can load; the row that ends right now is spared by both, and loaded by none.
func TestClearSessionsAgree(t *testing.T) {
	for _, now := range []time.Time{
		frozen,                          // with microseconds
		frozen.Truncate(time.Second),    // dates without a fraction are shorter texts
		frozen.AddDate(0, 4, 0),         // winter time
		time.Unix(1793511900, 0).UTC(),  // 2026-11-01 01:45 in New York, before the clocks go back
		time.Unix(1772953260, 0).UTC(),  // 2026-03-08 03:01 there, just after they went forward
		time.Unix(1767225600, 50).UTC(), // the turn of the year in UTC; nanoseconds, which Python lacks
	} {
		t.Run(now.Format("2006-01-02T150405.999999999"), func(t *testing.T) {
			eachZone(t, func(t *testing.T, site *site) {
				site.freeze(now)
				d := site.django()
				var want []string
				for i, distance := range []time.Duration{
					-365 * 24 * time.Hour, -3 * time.Hour, -time.Minute, -time.Second, -time.Microsecond,
					0, time.Microsecond, 900 * time.Millisecond, time.Second, time.Minute, 3 * time.Hour, 365 * 24 * time.Hour,
				} {
					key := fmt.Sprintf("key%029d", i)
					d.must("put", args{"key": key, "data": `{"a": 1}`, "expires": epochText(now.Add(distance))}, nil)
					if distance >= 0 {
						want = append(want, key)
					}
				}

				ours := newSite(t) // a copy of the file, for Keepsake to clear
				ours.settings = site.settings
				copyFile(t, site.file, ours.file)
				m := ours.keepsake()
				deleted, err := m.ClearExpired(t.Context(), nil)
				check(t, err)
				equal(t, "deleted by Keepsake", deleted, 5)
				equalKeys(t, "left by Keepsake", ours.keys(), want)

				d.must("clearsessions", nil, nil)
				equalKeys(t, "left by Django", d.keys(), want)

				for _, key := range want {
					seen := d.load(key).Key == key
					exists, err := m.Exists(t.Context(), key)
					check(t, err)
					equal(t, "Django and Keepsake load "+key, exists, seen)
				}
			})
		})
	}
}

// Clearing in batches leaves none over.
func TestClearManySessions(t *testing.T) {
	m, d := both(t)
	past := epochText(time.Now().Add(-time.Hour))
	for i := range 450 {
		d.must("put", args{"key": fmt.Sprintf("key%029d", i), "data": `{"a": 1}`, "expires": past}, nil)
	}
	alive := create(t, m, map[string]any{"a": 1}).Key()
	steps := []int{}
	deleted, err := m.ClearExpired(t.Context(), func(n int) { steps = append(steps, n) })
	check(t, err)
	equal(t, "deleted", deleted, 450)
	if len(steps) < 2 || !slices.IsSorted(steps) {
		t.Errorf("progress: %v, want several batches", steps)
	}
	equalKeys(t, "left", d.keys(), []string{alive})
}

// What a rotation leaves behind does no harm to Django, and goes with time.
func TestTracesAndDjango(t *testing.T) {
	site := newSite(t)
	now := frozen
	site.settings.Clock = func() time.Time { return now }
	d := site.django()
	m := site.keepsake()
	s := create(t, m, map[string]any{"a": 1})
	old := s.Key()
	check(t, s.CycleKey(t.Context()))

	keys := d.keys()
	equal(t, "rows, the trace among them", len(keys), 2)
	trace := keys[slices.IndexFunc(keys, func(key string) bool { return key != s.Key() })]
	if strings.Contains(trace, old) || sessions.ValidKey(trace) {
		t.Errorf("the trace's key %q could be a session's", trace)
	}

	// Nobody can use it, whatever the clocks.
	for _, clock := range []time.Time{now, now.Add(-time.Microsecond).Add(time.Microsecond), now.Add(time.Minute)} {
		d.freeze(clock)
		for _, key := range []string{trace, old} {
			seen := d.load(key)
			equal(t, "Django's key for a trace", seen.Key+seen.Data, "{}")
			equal(t, "user", d.text("user", args{"key": key}), "")
		}
		absent(t, m, trace)
	}
	var all map[string]string
	d.must("decode_all", nil, &all)
	equal(t, "the session in Django's listing", all[s.Key()], `{"a": 1}`)
	equal(t, "the trace in Django's listing", all[trace], `{}`)

	// Keepsake keeps it for a minute; Django's clean-up takes it at once.
	n, err := m.ClearExpired(t.Context(), nil)
	check(t, err)
	equal(t, "cleared within the minute", n, 0)
	now = now.Add(sessions.RotationTrace + time.Second)
	n, err = m.ClearExpired(t.Context(), nil)
	check(t, err)
	equal(t, "cleared after it: a trace is no session", n, 0)
	equalKeys(t, "left by Keepsake", d.keys(), []string{s.Key()})

	check(t, s.CycleKey(t.Context()))
	d.freeze(now.Add(time.Second))
	d.must("clearsessions", nil, nil)
	equalKeys(t, "left by Django", d.keys(), []string{s.Key()})
	equal(t, "Django's key", d.load(s.Key()).Key, s.Key())
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(from + suffix)
		if err != nil && suffix == "" {
			t.Fatal(err)
		}
		if err == nil {
			check(t, os.WriteFile(to+suffix, data, 0o600))
		}
	}
}
