package interop

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/auth/devices"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// perUser is how many sessions each user of the measurement has.
const perUser = 3

// TestDevicesMeasured lists and ends the sessions of single users among many, on
// PostgreSQL and on Redis, beside a Django on the same database, which has to look
// at each session that there is. KEEPSAKE_DEVICES=100000 makes the table of
// docs/devices.md; without it there are few users, and no times matter.
func TestDevicesMeasured(t *testing.T) {
	users := 300
	full := os.Getenv("KEEPSAKE_DEVICES") != ""
	if full {
		var err error
		users, err = strconv.Atoi(os.Getenv("KEEPSAKE_DEVICES"))
		check(t, err)
	}
	var table strings.Builder
	row := func(cells ...any) { fmt.Fprintf(&table, "| %v | %v | %v | %v | %v |\n", cells...) }
	fmt.Fprintf(&table, "%d users with %d sessions each; median of %d users (and the slowest)\n\n", users, perUser, measuredUsers)
	row("sessions in", "List", "RevokeAll", "a Django that looks at every session", "Rebuild of the index")
	row("---", "---", "---", "---", "---")

	server := testserver.Postgres(t, testserver.SQLOptions{Durable: true})
	db, database := openPostgres(t, server.URL())
	m := bulkManager(t, engine.Database(db))
	_, err := m.Migrate(t.Context())
	check(t, err)
	copyRows(t, db, m, users)
	index, err := devices.Table(db, devices.TableOptions{})
	check(t, err)
	timed := measure(t, m, index, users)
	d := startDjango(t, djangoConfig{Settings: djangoSettings{
		"SESSION_ENGINE": "django.contrib.sessions.backends.db", "DATABASES": databases(database), "SECRET_KEY": secret,
	}})
	id := userID(users - 1)
	finds := func(want int) time.Duration {
		var found struct {
			Keys    []string
			Seconds float64
		}
		d.must("sessions_of", args{"user_id": id}, &found)
		equal(t, "sessions that Django finds", len(found.Keys), want)
		return time.Duration(found.Seconds * float64(time.Second))
	}
	scan := finds(perUser)
	ended, err := timed.devices.RevokeAll(t.Context(), id)
	check(t, err)
	equal(t, "ended", ended, perUser)
	finds(0)
	row("PostgreSQL", timed.list, timed.revoke, text(scan)+" (Django "+d.django+")", text(timed.rebuild))

	s := testserver.Redis(t, testserver.RedisOptions{}) // with an append-only file
	c, closeCache, err := redis.Open(s.URL())
	check(t, err)
	t.Cleanup(closeCache)
	m = bulkManager(t, engine.Cache(c))
	setValues(t, c, m, users)
	timed = measure(t, m, devices.InCache(c, cache.Keys{}), users)
	row("Redis", timed.list, timed.revoke, "its cache engine can't list sessions", text(timed.rebuild))

	if full {
		fmt.Println(table.String())
	} else {
		t.Log(table.String())
	}
}

func userID(i int) string { return strconv.Itoa(i + 1) }

// text is a time to three digits.
func text(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1000)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func bulkManager(t testing.TB, e sessions.Engine) *sessions.Manager {
	t.Helper()
	st := sessions.DefaultSettings()
	st.SecretKey = secret
	st.Logger = slog.New(slog.DiscardHandler)
	m, err := sessions.New(st, e)
	check(t, err)
	return m
}

// filled yields the sessions of all users, in no order of users: keys, and what is
// stored.
func filled(t testing.TB, m *sessions.Manager, users int, yield func(key, data string)) {
	t.Helper()
	for n := range perUser {
		for i := range users {
			var v sessions.Values
			id := userID(i)
			check(t, v.Encode("_auth_user_id", id))
			check(t, v.Encode("_auth_user_backend", "django.contrib.auth.backends.ModelBackend"))
			check(t, v.Encode("_auth_user_hash", auth.SessionHash(secret, "md5$salt$"+id)))
			check(t, v.Encode("cart", []int{n, i}))
			data, err := m.Encode(v)
			check(t, err)
			yield(strings.ToLower(rand.Text())+"000000", data)
		}
	}
}

// copyRows fills Django's table with COPY.
func copyRows(t testing.TB, db *sql.DB, m *sessions.Manager, users int) {
	t.Helper()
	var rows [][]any
	expires := time.Now().Add(14 * 24 * time.Hour)
	filled(t, m, users, func(key, data string) { rows = append(rows, []any{key, data, expires}) })
	conn, err := db.Conn(t.Context())
	check(t, err)
	defer conn.Close()
	check(t, conn.Raw(func(raw any) error {
		pg := raw.(*stdlib.Conn).Conn()
		_, err := pg.CopyFrom(t.Context(), pgx.Identifier{"django_session"}, []string{"session_key", "session_data", "expire_date"}, pgx.CopyFromRows(rows))
		return err
	}))
	_, err = db.ExecContext(t.Context(), "ANALYZE django_session")
	check(t, err)
}

// setValues fills the cache. What many goroutines send goes over one connection,
// together.
func setValues(t testing.TB, c cache.Cache, m *sessions.Manager, users int) {
	t.Helper()
	type item struct{ key, data string }
	items := make(chan item, 256)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := range items {
				key := cache.Keys{}.Make("django.contrib.sessions.cache" + i.key)
				if err := c.Set(t.Context(), key, i.data, 14*24*time.Hour); err != nil {
					t.Error(err)
				}
			}
		})
	}
	filled(t, m, users, func(key, data string) { items <- item{key, data} })
	close(items)
	all.Wait()
}

const measuredUsers = 50

// measured are the times of one place.
type measured struct {
	devices      *devices.Devices
	list, revoke string
	rebuild      time.Duration
}

// measure makes the index, and lists and ends the sessions of some users.
func measure(t testing.TB, m *sessions.Manager, index devices.Index, users int) measured {
	t.Helper()
	d, err := devices.New(m, devices.Options{Index: index})
	check(t, err)
	_, err = d.Migrate(t.Context())
	check(t, err)
	result := measured{devices: d}
	begin := time.Now()
	entered, err := d.Rebuild(t.Context())
	check(t, err)
	result.rebuild = time.Since(begin)
	equal(t, "sessions entered", entered, users*perUser)

	times := func(do func(ctx context.Context, id string)) string {
		var all []time.Duration
		runtime.GC()
		for n := range measuredUsers {
			begin := time.Now()
			do(t.Context(), userID(n*(users-1)/measuredUsers))
			all = append(all, time.Since(begin))
		}
		slices.Sort(all)
		return text(all[len(all)/2]) + " (" + text(all[len(all)-1]) + ")"
	}
	result.list = times(func(ctx context.Context, id string) {
		list, _, err := d.List(ctx, id, "")
		check(t, err)
		equal(t, "devices of user "+id, len(list), perUser)
	})
	result.revoke = times(func(ctx context.Context, id string) {
		ended, err := d.RevokeAll(ctx, id)
		check(t, err)
		equal(t, "ended of user "+id, ended, perUser)
	})
	list, _, err := d.List(t.Context(), userID(0), "")
	check(t, err)
	equal(t, "devices afterwards", len(list), 0)
	return result
}
