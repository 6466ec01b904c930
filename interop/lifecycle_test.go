package interop

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

func TestFlushAndCycleKey(t *testing.T) {
	m, d := both(t)
	s := load(t, m, d.text("create", args{"data": `{"a": 1.0}`}))
	old := s.Key()
	check(t, s.CycleKey(t.Context()))
	equal(t, "the old key at Django", d.load(old).Key, "")
	equal(t, "the new key's data", d.load(s.Key()).Data, `{"a": 1.0}`)

	key := s.Key()
	check(t, s.Flush(t.Context()))
	equal(t, "the flushed key at Django", d.load(key).Key, "")
	if row := d.row(key); row != nil {
		t.Errorf("flush left the row %v", row)
	}
}

// A logout at Django ends the session for a request that Go has in flight.
func TestLogoutWhileGoWorks(t *testing.T) {
	m, d := both(t)
	for _, end := range []string{"delete", "logout"} {
		key := d.text("login", nil)
		s := load(t, m, key)
		s.Set("color", "blue")
		d.must(end, args{"key": key}, nil)
		if err := s.Save(t.Context()); !errors.Is(err, sessions.ErrInterrupted) {
			t.Errorf("save after a %s by Django: %v, want ErrInterrupted", end, err)
		}
		if d.row(key) != nil {
			t.Errorf("the save after a %s made the session again", end)
		}
	}
}

// And the other way round: Django has the request, Go ends or rotates it.
func TestLogoutWhileDjangoWorks(t *testing.T) {
	m, d := both(t)
	for name, end := range map[string]func(s *sessions.Session) error{
		"flush":  func(s *sessions.Session) error { return s.Flush(t.Context()) },
		"delete": func(s *sessions.Session) error { return m.Delete(t.Context(), s.Key()) },
		"cycle":  func(s *sessions.Session) error { return s.CycleKey(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			key := create(t, m, map[string]any{"a": 1}).Key()
			d.must("open", args{"key": key}, nil)
			check(t, end(load(t, m, key)))
			d.fails("UpdateError", "finish", args{"key": key, "data": `{"a": 2}`})
			equal(t, "Django's key", d.load(key).Key, "")
		})
	}
}

// Go's save keeps what Django changed between Go's load and save.
func TestParallelChanges(t *testing.T) {
	m, d := both(t)
	key := d.text("create", args{"data": `{"a": 1, "n": 1}`})
	s := load(t, m, key)
	s.Set("b", 2)
	sessions.Update(s, "n", func(n int) int { return n + 1 })
	d.text("change", args{"key": key, "data": `{"c": 1e-7, "n": 10}`})
	check(t, s.Save(t.Context()))
	equal(t, "payload", d.text("payload", args{"key": key}), `{"a":1,"n":11,"c":1e-07,"b":2}`)
}

// A key that nobody has is adopted by neither, and Go's Exists is Django's.
func TestUnknownKeys(t *testing.T) {
	m, d := both(t)
	key := d.text("create", args{"data": `{"a": 1}`})
	for _, k := range []string{
		key, strings.ToUpper(key), key[:31], key + "0", "00000000000000000000000000000000", "short", "",
		"../../../../etc/passwd", key + "\x00", "' OR 1=1 --        ", strings.Repeat("k", 41), strings.Repeat("é", 32),
	} {
		exists, err := m.Exists(t.Context(), k)
		check(t, err)
		var theirs bool
		d.must("exists", args{"key": k}, &theirs)
		equal(t, "exists "+k, exists, theirs)
		equal(t, "Django loads "+k, d.load(k).Key != "", exists)
		if !exists {
			absent(t, m, k)
		}
	}
}

// Sessions move from one secret key to the next, in both directions.
func TestSecretKeyFallbacks(t *testing.T) {
	site := newSite(t)
	oldGo, oldDjango := site.keepsake(), site.django()
	byGo := create(t, oldGo, map[string]any{"a": "Go"}).Key()
	byDjango := oldDjango.text("create", args{"data": `{"a": "Django"}`})

	rotated := *site
	rotated.settings.SecretKey = "the next " + secret
	rotated.settings.SecretKeyFallbacks = []string{"another " + secret, secret}
	m, d := rotated.keepsake(), rotated.django()
	equal(t, "Go reads Django's", sessions.Get(load(t, m, byDjango), "a", ""), "Django")
	equal(t, "Go reads Go's", sessions.Get(load(t, m, byGo), "a", ""), "Go")
	if d.before(4, 1) {
		t.Log("this Django has no SECRET_KEY_FALLBACKS: only Keepsake's are tested")
	} else {
		equal(t, "Django reads Go's", d.load(byGo).Data, `{"a": "Go"}`)
		equal(t, "Django reads Django's", d.load(byDjango).Data, `{"a": "Django"}`)
	}

	// What Go saves is under the new key, which a Django without fallbacks reads.
	for _, key := range []string{byGo, byDjango} {
		s := load(t, m, key)
		s.Set("b", 1)
		check(t, s.Save(t.Context()))
	}
	equal(t, "Django under the new key", d.load(byDjango).Data, `{"a": "Django", "b": 1}`)
	equal(t, "Django under the old key", oldDjango.load(byGo).Data, `{}`)
}

// Rows that can't be read are empty sessions, and stay as they are.
func TestUnreadableRows(t *testing.T) {
	site := newSite(t)
	var log strings.Builder
	site.settings.Logger = slog.New(slog.NewTextHandler(&log, nil))
	m, d := site.keepsake(), site.django()

	foreign := *site
	foreign.settings.SecretKey = "another " + secret
	other := foreign.django()
	key := other.text("create", args{"data": `{"a": 1}`})
	corrupt := func(key, data string) {
		_, err := site.open().Exec("UPDATE django_session SET session_data = ? WHERE session_key = ?", data, key)
		check(t, err)
	}
	good := d.row(d.text("create", args{"data": everyKind})).Data
	keys := []string{key}
	for _, data := range []string{
		"", "garbage", ":::", good[:len(good)-1], good[1:], "." + good, good + "A",
		strings.ToLower(good), strings.Replace(good, ":", "::", 1), "\x00", "日本", good[:100],
	} {
		k := d.text("create", args{"data": `{}`})
		corrupt(k, data)
		keys = append(keys, k)
	}
	for _, key := range keys {
		before := *d.row(key)
		log.Reset()
		s := m.Open(key)
		check(t, s.Load(t.Context()))
		equal(t, "number of values", s.Len(), 0)
		equal(t, "Keepsake's key", s.Key(), "")
		if !strings.Contains(log.String(), "Session data corrupted") || strings.Contains(log.String(), key) {
			t.Errorf("log: %s", log.String())
		}
		equal(t, "Django's view", d.load(key).Data, `{}`)

		// What is written now begins another session.
		s.Set("b", 2)
		check(t, s.Save(t.Context()))
		if s.Key() == key || s.Key() == "" {
			t.Error("the unreadable session's key was taken over")
		}
		equal(t, "row", *d.row(key), before)
	}
	equal(t, "the owner's view", other.load(key).Data, `{"a": 1}`)
}

// A column that is no text or no date is an error or no session, never a panic.
func TestStrangeColumns(t *testing.T) {
	site := newSite(t)
	m, d := site.keepsake(), site.django()
	db := site.open()
	for _, set := range []string{
		"session_data = x'00ff'", "session_data = 5", "expire_date = 'tomorrow'", "expire_date = ''",
		"expire_date = 2e9", "expire_date = x'00'", "expire_date = '2999-01-01'",
	} {
		key := d.text("create", args{"data": `{"a": 1}`})
		_, err := db.Exec("UPDATE django_session SET "+set+" WHERE session_key = ?", key)
		check(t, err)
		s := m.Open(key)
		check(t, s.Load(t.Context()))
		equal(t, set+": number of values", s.Len(), 0)
		_, err = db.Exec("DELETE FROM django_session WHERE session_key = ?", key)
		check(t, err)
	}
}

// Two engines with tables of their own, on one file that Django uses, too.
func TestOwnTable(t *testing.T) {
	site := newSite(t)
	d := site.django()
	own := engine.Database(site.open())
	own.Table = "keepsake_sessions"
	m, err := sessions.New(site.settings, own)
	check(t, err)
	made, err := m.Migrate(t.Context())
	check(t, err)
	equal(t, "made", made, true)
	s := create(t, m, map[string]any{"a": 1})
	equalKeys(t, "Django's rows", d.keys(), []string{})
	equal(t, "expires in the future", s.ExpiryDate().After(time.Now()), true)
}
