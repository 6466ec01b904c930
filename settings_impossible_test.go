package sessions_test

import (
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// Everything that is wrong with the settings is said at once.
func TestImpossibleSettings(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*sessions.Settings)
		says   []string // one line each
	}{
		{"none", func(*sessions.Settings) {}, nil},
		{"no secret key", func(st *sessions.Settings) { st.SecretKey = "" }, []string{"SECRET_KEY"}},
		{"an empty fallback", func(st *sessions.Settings) { st.SecretKeyFallbacks = []string{"a", ""} }, []string{"SECRET_KEY_FALLBACKS"}},
		{"negative age", func(st *sessions.Settings) { st.CookieAge = -time.Second }, []string{"SESSION_COOKIE_AGE"}},
		{"no age", func(st *sessions.Settings) { st.CookieAge = 0 }, []string{"SESSION_COOKIE_AGE"}},
		{"seconds meant, nanoseconds said", func(st *sessions.Settings) { st.CookieAge = 1209600 }, []string{"SESSION_COOKIE_AGE"}},
		{"half a second too many", func(st *sessions.Settings) { st.CookieAge = 1500 * time.Millisecond }, []string{"SESSION_COOKIE_AGE"}},
		{"no cookie name", func(st *sessions.Settings) { st.CookieName = "" }, []string{"SESSION_COOKIE_NAME"}},
		{"cookie name with a space", func(st *sessions.Settings) { st.CookieName = "session id" }, []string{"SESSION_COOKIE_NAME"}},
		{"cookie name with a newline", func(st *sessions.Settings) { st.CookieName = "a\r\nb" }, []string{"SESSION_COOKIE_NAME"}},
		{"domain with a semicolon", func(st *sessions.Settings) { st.CookieDomain = "a;b" }, []string{"SESSION_COOKIE_DOMAIN"}},
		{"path with a newline", func(st *sessions.Settings) { st.CookiePath = "/\n" }, []string{"SESSION_COOKIE_PATH"}},
		{"SameSite nonsense", func(st *sessions.Settings) { st.CookieSameSite = "Nonsense" }, []string{"SESSION_COOKIE_SAMESITE"}},
		{"negative save timeout", func(st *sessions.Settings) { st.SaveTimeout = -1 }, []string{"SaveTimeout"}},
		{"negative limit of calls", func(st *sessions.Settings) { st.MaxStoreCalls = -1 }, []string{"MaxStoreCalls"}},
		{"negative size limit", func(st *sessions.Settings) { st.MaxSize = -1 }, []string{"MaxSize"}},
		{
			"the zero value", func(st *sessions.Settings) { *st = sessions.Settings{} },
			[]string{"SECRET_KEY", "SESSION_COOKIE_AGE", "SESSION_COOKIE_NAME"},
		},
		{"all at once", func(st *sessions.Settings) {
			*st = sessions.Settings{
				SecretKeyFallbacks: []string{""}, CookieAge: -time.Hour, CookieName: "__Host-x", CookieDomain: "a;b", CookiePath: "\x00",
				CookieSameSite: "None", Partitioned: true, SaveTimeout: -1, MaxSize: -1,
			}
		}, []string{
			"SECRET_KEY", "SECRET_KEY_FALLBACKS", "SESSION_COOKIE_AGE", "SaveTimeout", "MaxSize", "SESSION_COOKIE_DOMAIN",
			"SESSION_COOKIE_PATH", "SESSION_COOKIE_SAMESITE", "Partitioned", "SESSION_COOKIE_NAME",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			st := sessions.DefaultSettings()
			st.SecretKey = siteSecret
			row.change(&st)
			m, err := sessions.New(st, engine.Memory())
			if len(row.says) == 0 {
				if err != nil || m == nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if m != nil || err == nil {
				t.Fatal("accepted")
			}
			lines := strings.Split(err.Error(), "\n")
			equal(t, "lines", len(lines), len(row.says))
			for i, name := range row.says {
				if i < len(lines) && !strings.Contains(lines[i], name) {
					t.Errorf("line %d doesn't name %s: %s", i+1, name, lines[i])
				}
			}
			if strings.Contains(err.Error(), siteSecret) {
				t.Error("the error shows the secret key")
			}
		})
	}
	t.Run("no engine and no secret key", func(t *testing.T) {
		_, err := sessions.New(sessions.Settings{}, nil)
		if err == nil || !strings.Contains(err.Error(), "no engine") || !strings.Contains(err.Error(), "SECRET_KEY") {
			t.Errorf("New says: %v", err)
		}
	})
}
