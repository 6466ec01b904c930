package tests

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/auth/devices"
	"github.com/keepsake-go/sessions/engine"
)

// keepsEntries is the contract of devices.Index.
func keepsEntries(t *testing.T, g ground) {
	x := g.index
	if m, ok := x.(sessions.Migrator); ok {
		for _, want := range []bool{true, false} {
			made, err := m.Migrate(t.Context())
			noError(t, err)
			same(t, "Migrate made something", made, want)
		}
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	entry := func(user, name string, seen time.Duration) devices.Entry {
		return devices.Entry{
			Session: name, UserID: user, Handle: strings.Repeat(strings.ToUpper(name[:1]), 26),
			Created: now.Add(-time.Hour), LastSeen: now.Add(seen), Expires: now.Add(time.Hour),
			Address: "192.0.2.1", UserAgent: "Browser é😀", Backend: "a.b.C",
		}
	}
	put := func(e devices.Entry, want bool, former ...string) {
		t.Helper()
		entered, err := x.Put(t.Context(), e, former...)
		noError(t, err)
		same(t, "Put entered "+e.Session, entered, want)
	}
	list := func(user string, want ...devices.Entry) {
		t.Helper()
		for _, limit := range []int{1, 2, 100} {
			var found []devices.Entry
			for position := (devices.Position{}); ; {
				page, err := x.List(t.Context(), user, position, limit)
				noError(t, err)
				if len(page) > limit {
					t.Fatalf("a page of %d with limit %d", len(page), limit)
				}
				found = append(found, page...)
				if len(page) < limit {
					break
				}
				position = devices.Position{LastSeen: page[limit-1].LastSeen, Handle: page[limit-1].Handle}
			}
			if fmt.Sprint(found) != fmt.Sprint(want) {
				t.Errorf("user %q, limit %d:\n\t%v\nwant\n\t%v", user, limit, found, want)
			}
		}
	}

	a, b, c := entry("7", "aaa", -2*time.Second), entry("7", "bbb", -time.Second), entry("7", "ccc", -time.Second)
	put(a, true)
	put(b, true)
	put(c, true)
	list("7", c, b, a) // those seen at once by their handles
	for _, user := range []string{"", "77", "7 ", " 7", "07"} {
		list(user)
		if _, err := x.Find(t.Context(), user, a.Handle); !errors.Is(err, devices.ErrNoDevice) {
			t.Errorf("user %q finds user 7's: %v", user, err)
		}
		noError(t, x.Remove(t.Context(), user, "aaa", "bbb"))
	}
	upper, lower := entry("Zoe", "ddd", 0), entry("zoe", "eee", 0)
	put(upper, true)
	put(lower, true)
	list("Zoe", upper)
	list("zoe", lower)

	// Seen again: what is new counts, where it is known.
	seen := a
	seen.LastSeen, seen.Expires = now, now.Add(2*time.Hour)
	seen.Handle, seen.Created = strings.Repeat("X", 26), now
	seen.Address, seen.UserAgent, seen.Backend = "", "", "d.E"
	put(seen, false)
	a.LastSeen, a.Expires, a.Backend = seen.LastSeen, seen.Expires, "d.E"
	list("7", a, c, b)
	seen.Address, seen.UserAgent = "2001:db8::1", "Other"
	put(seen, false)
	put(seen, false) // exactly as it is
	a.Address, a.UserAgent = "2001:db8::1", "Other"
	list("7", a, c, b)
	found, err := x.Find(t.Context(), "7", a.Handle)
	noError(t, err)
	same(t, "Find", fmt.Sprint(found), fmt.Sprint(a))

	// Under another name, or several.
	moved := b
	moved.Session = "bbb2"
	put(moved, false, "nothing", "bbb", "nothing either")
	list("7", a, c, moved)
	put(moved, false, "ccc") // there already: the former one goes
	list("7", a, moved)
	fresh := entry("7", "fff", -time.Minute)
	put(fresh, true, "unknown")
	list("7", a, moved, fresh)

	// Add leaves alone what is there.
	again := a
	again.LastSeen, again.Address = now.Add(time.Minute), "x"
	var many []devices.Entry
	for i := range 150 {
		e := entry("8", fmt.Sprintf("h%03d", i), -time.Duration(i)*time.Second)
		e.Handle = fmt.Sprintf("HHHHHHHHHHHHHHHHHHHHHHHH%02d", i%100)
		many = append(many, e)
	}
	added, err := x.Add(t.Context(), append([]devices.Entry{again}, many...))
	noError(t, err)
	same(t, "added", added, 150)
	list("7", a, moved, fresh)
	list("8", many...)
	added, err = x.Add(t.Context(), many)
	noError(t, err)
	same(t, "added again", added, 0)

	var names []string
	for _, e := range many[:140] {
		names = append(names, e.Session)
	}
	noError(t, x.Remove(t.Context(), "8", append(names, "nothing")...))
	list("8", many[140:]...)
	noError(t, x.Remove(t.Context(), "8"))

	// What is over goes, where somebody has to see to that.
	if clearer, ok := x.(sessions.Clearer); ok {
		old := entry("9", "ooo", -time.Hour)
		old.Expires = now.Add(-time.Minute)
		put(old, true)
		n, err := clearer.ClearExpired(t.Context(), 10)
		noError(t, err)
		same(t, "cleared", n, 1)
		list("9")
		list("7", a, moved, fresh)
	}

	// At once, nothing is lost.
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			e := entry("p", fmt.Sprint("p", i), time.Duration(i)*time.Second)
			if _, err := x.Put(t.Context(), e); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	page, err := x.List(t.Context(), "p", devices.Position{}, 100)
	noError(t, err)
	same(t, "entered at once", len(page), 8)
}

// A rebuilt index takes for the last use what the store knows of the last save.
func TestDevicesRebuiltDates(t *testing.T) {
	s := newShop(t, grounds[1].make(t))
	var keys []string
	for range 2 {
		session := s.Open("")
		noError(t, session.Load(t.Context()))
		noError(t, auth.SessionLogin(t.Context(), session, auth.Identity{UserID: "7", Backend: "tests.Everybody"}, nil))
		keys = append(keys, session.Key())
		s.pass(time.Hour)
	}
	begin := time.Now()
	s.pass(time.Hour)
	_, err := s.devices.Rebuild(t.Context())
	noError(t, err)
	all := s.all("7")
	if len(all) != len(keys) {
		t.Fatalf("%d devices", len(all))
	}
	for i, ago := range []time.Duration{time.Hour, 0} {
		want := begin.Add(ago)
		if off := all[i].LastSeen.Sub(want).Abs(); off > time.Minute || !all[i].Created.Equal(all[i].LastSeen) {
			t.Errorf("device %d: seen %v, created %v, want about %v", i, all[i].LastSeen, all[i].Created, want)
		}
	}
}

// What is over is so by the site's clock, as it was entered.
func TestDevicesClearExpiredClock(t *testing.T) {
	db := openFile(t, drivers[0].name, drivers[0].options, filepath.Join(t.TempDir(), "db.sqlite3"))
	st, now := settings(), time.Date(2001, 1, 1, 12, 0, 0, 0, time.UTC)
	st.Clock = func() time.Time { return now }
	m, err := sessions.New(st, engine.Memory())
	noError(t, err)
	x := table(t, db)
	d, err := devices.New(m, devices.Options{Index: x})
	noError(t, err)
	_, err = d.Migrate(t.Context())
	noError(t, err)
	for i, expires := range []time.Duration{-time.Hour, time.Hour} {
		_, err = x.Put(t.Context(), devices.Entry{
			Session: fmt.Sprint("s", i), UserID: "7", Handle: strings.Repeat("A", 26),
			Created: now, LastSeen: now, Expires: now.Add(expires),
		})
		noError(t, err)
	}
	cleared, err := d.ClearExpired(t.Context())
	noError(t, err)
	same(t, "cleared", cleared, 1)
	left, err := x.List(t.Context(), "7", devices.Position{}, 10)
	noError(t, err)
	same(t, "left", len(left), 1)
}
