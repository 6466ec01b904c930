package sessions_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/signing"
)

// What a cookie may name without naming a session. A visitor with a secret is in
// the store all the time.
var badCookies = []struct {
	name   string
	cookie func(key string) string // of the visitor's key
	calls  string                  // of the store, when the session is loaded
	short  bool                    // no key at all: the cookie is deleted and logged at once
}{
	{"forged", func(string) string { return strings.Repeat("z9", 16) }, "load", false},
	{"truncated", func(key string) string { return key[:31] }, "load", false},
	{"truncated to the shortest", func(key string) string { return key[:8] }, "load", false},
	{"too short", func(key string) string { return key[:7] }, "", true},
	{"one too many", func(key string) string { return key + "a" }, "load", false},
	{"longer than the column", func(key string) string { return key + strings.Repeat("a", 9) }, "", false},
	{"1 MB", func(key string) string { return key + strings.Repeat("a", 1<<20) }, "", false},
	{"capitals", strings.ToUpper, "", false},
	{"a path", func(key string) string { return "../" + key }, "", false},
	{"an absolute path", func(string) string { return "/etc/passwd" }, "", false},
	{"a NUL at the end", func(key string) string { return key + "\x00" }, "", false},
	{"a NUL at the start", func(key string) string { return "\x00" + key }, "", false},
	{"an escaped NUL", func(key string) string { return `"` + key + `\000"` }, "", false},
	{"SQL", func(key string) string { return "' OR session_key LIKE '" + key[:4] + "%' -- " }, "", false},
	{"a pattern", func(key string) string { return key[:20] + "%" }, "", false},
	{"bytes", func(key string) string { return "\xff\xfe" + key }, "", false},
	{"a letter that looks like one", func(key string) string { return "\u0430" + key[1:] }, "", false},
	{"percent-encoded", func(key string) string { return "%" + fmt.Sprintf("%x", key[0]) + key[1:] }, "", false},
	{"a JSON web token", func(string) string { return "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.TJVA95OrM7E2cBab30RMHrHDcEfxjo" }, "", false},
	{"a signed cookie", func(string) string { return "eyJhIjoxfQ:1x8elk:V-D6LQ-Q9d6UKITgA2WrohnB-aBsQ6iZ_5-qQIpazYY" }, "", false},
}

// badModes are what requests do with such a session.
var badModes = []struct {
	name      string
	every     bool
	handler   http.Handler
	loads     bool
	announced string
	stored    string
}{
	{"untouched", false, untouched, false, "", ""},
	{"untouched, every request", true, untouched, true, "deleted", ""},
	{"reads", false, showSession(func(*sessions.Session) {}), true, "deleted", ""},
	{"reads, every request", true, showSession(func(*sessions.Session) {}), true, "deleted", ""},
	{"marks as modified", false, showSession((*sessions.Session).MarkModified), true, "deleted", ""},
	{"clears", false, showSession((*sessions.Session).Clear), true, "deleted", ""},
	{"writes", false, showSession(func(s *sessions.Session) { s.Set("b", 2) }), true, "new", `new{"b":2} `},
	{"writes, every request", true, showSession(func(s *sessions.Session) { s.Set("b", 2) }), true, "new", `new{"b":2} `},
}

var untouched = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })

// showSession answers with what the session holds, and then does f.
func showSession(f func(*sessions.Session)) http.Handler {
	return sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		text := sessionText(s)
		f(s)
		_, _ = io.WriteString(w, text)
	})
}

func TestSecurity05_OddKeysReachNoStore(t *testing.T) {
	for _, bad := range badCookies {
		for _, mode := range badModes {
			t.Run(bad.name+"/"+mode.name, func(t *testing.T) {
				s := newSite(t, func(st *sessions.Settings) { st.SaveEveryRequest = mode.every })
				key := s.visitor(map[string]any{"secret": 42})
				value := bad.cookie(key)
				resp := s.get("sessionid="+value, mode.handler)
				body, _ := io.ReadAll(resp.Body)

				calls := ""
				if mode.loads {
					calls = bad.calls
				}
				if mode.stored != "" {
					calls = strings.TrimSpace(calls + " create")
				}
				equal(t, "store calls", s.store.calls(), calls)
				equal(t, "status", resp.StatusCode, 200)
				equal(t, "the session", string(body), "{}")
				announced := mode.announced
				if bad.short && announced == "" {
					announced = "deleted"
				}
				equal(t, "cookie", s.announced(resp, value), announced)
				lines := 0
				if mode.loads || bad.short {
					lines = 1
				}
				equal(t, "log lines", s.log.count("level="), lines)
				equal(t, "log lines with a hash of the key", s.log.count("key_hash="), lines)
				equal(t, "stored", s.stored(key), mode.stored+`old{"secret":42}`)
				s.noKeyIn(value, value[:8*len(value)/10])
			})
		}
	}
}

// What stands under the visitor's key is no session that this site can read. It
// is left alone: it may be another service's.
func TestSecurity36_UnreadableSessionsAreEmpty(t *testing.T) {
	other := sessions.DefaultSettings()
	other.SecretKey, other.Clock = "another "+siteSecret, func() time.Time { return siteNow }
	foreign, err := codec.NewSigned(other, codec.SignedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var values sessions.Values
	values.Set(sessions.Member{Name: "secret", JSON: "42"})
	foreignData, err := foreign.Encode(values)
	if err != nil {
		t.Fatal(err)
	}
	own := newSite(t)
	ownData, err := own.Encode(values)
	if err != nil {
		t.Fatal(err)
	}

	signer, err := signing.NewTimestamp(signing.Options{Key: siteSecret, Salt: codec.SessionSalt}, nil)
	if err != nil {
		t.Fatal(err)
	}

	for _, row := range []struct{ name, data string }{
		{"a list, well signed", signer.SignPayload(`[1,2]`, false)},
		{"null, well signed", signer.SignPayload(`null`, true)},
		{"no JSON, well signed", signer.SignPayload(`{"secret":42`, false)},
		{"signed with another secret", foreignData},
		{"empty", ""},
		{"garbage", "\x00\xff garbage"},
		{"truncated", ownData[:len(ownData)-1]},
		{"without a signature", strings.SplitN(ownData, ":", 2)[0]},
		{"changed", "f" + ownData[1:]},
		{"colons", ":::"},
		{"old format", "ZGVhZGJlZWY6e30="},
	} {
		for _, mode := range badModes {
			t.Run(row.name+"/"+mode.name, func(t *testing.T) {
				s := newSite(t, func(st *sessions.Settings) { st.SaveEveryRequest = mode.every })
				key := strings.Repeat("k7", 16)
				if _, err := s.store.Create(t.Context(), key,
					sessions.Record{Data: row.data, Expires: siteNow.Add(time.Hour)}); err != nil {
					t.Fatal(err)
				}
				s.store.reset()
				resp := s.get("sessionid="+key, mode.handler)
				body, _ := io.ReadAll(resp.Body)
				equal(t, "status", resp.StatusCode, 200)
				equal(t, "the session", string(body), "{}")
				announced := mode.announced
				if announced == "deleted" {
					announced = "" // the cookie may be good for the other service
				}
				equal(t, "cookie", s.announced(resp, key), announced)
				lines := 0
				if mode.loads {
					lines = 1
				}
				equal(t, "log lines", s.log.count("level="), lines)
				equal(t, "security log lines", s.log.count(`level=WARN msg="Session data corrupted" key_hash=`), lines)
				s.noKeyIn()
				left, err := s.store.inner.Load(t.Context(), key)
				if err != nil || left.Data != row.data || !left.Expires.Equal(siteNow.Add(time.Hour)) {
					t.Errorf("the row is now %v, %v", left, err)
				}
				equal(t, "stored", s.stored(key), mode.stored+`old{}`)
			})
		}
	}

	t.Run("flushed", func(t *testing.T) {
		s := newSite(t)
		key := strings.Repeat("k7", 16)
		if _, err := s.store.Create(t.Context(), key,
			sessions.Record{Data: foreignData, Expires: siteNow.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		resp := s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
			if err := session.Flush(r.Context()); err != nil {
				t.Error(err)
			}
		})
		equal(t, "cookie", s.announced(resp, key), "deleted")
	})
}

func TestExpiredSession(t *testing.T) {
	for _, mode := range badModes {
		t.Run(mode.name, func(t *testing.T) {
			s := newSite(t, func(st *sessions.Settings) { st.SaveEveryRequest = mode.every })
			key := s.visitor(map[string]any{"secret": 42})
			s.clock.Advance(14 * 24 * time.Hour) // to the very end
			resp := s.get("sessionid="+key, mode.handler)
			body, _ := io.ReadAll(resp.Body)
			equal(t, "the session", string(body), "{}")
			equal(t, "cookie", s.announced(resp, key), mode.announced)
			equal(t, "stored", s.stored(key), strings.TrimSpace(mode.stored))
			lines := 0
			if mode.loads {
				lines = 1
			}
			equal(t, "log lines", s.log.count("key_hash="), lines)
			s.noKeyIn()
		})
	}
}

// A megabyte of cookies through real servers: net/http refuses it by default, and
// where it is allowed it is one more unknown key.
func TestOversizedCookieHeader(t *testing.T) {
	for _, row := range []struct {
		proto
		allowed bool
	}{{protos[0], false}, {protos[1], false}, {protos[0], true}} {
		t.Run(fmt.Sprint(row.name, ", allowed: ", row.allowed), func(t *testing.T) {
			s := newSite(t)
			key := s.visitor(map[string]any{"secret": 42})
			server := httptest.NewUnstartedServer(s.Handler(showSession(func(*sessions.Session) {})))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			if row.allowed {
				server.Config.MaxHeaderBytes = 4 << 20
			}
			server.EnableHTTP2 = row.http2
			if row.http2 {
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()

			req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Cookie", "sessionid="+key+strings.Repeat("a", 1<<20+8192))
			resp, err := server.Client().Do(req)
			switch {
			case err != nil:
				if !row.http2 { // there the client knows the limit
					t.Error(err)
				}
			case row.allowed:
				defer resp.Body.Close()
				body, _ := io.ReadAll(resp.Body)
				equal(t, "status", resp.StatusCode, 200)
				equal(t, "the session", string(body), "{}")
				equal(t, "cookie", s.announced(resp, key), "deleted")
			default:
				_ = resp.Body.Close()
				equal(t, "status", resp.StatusCode, http.StatusRequestHeaderFieldsTooLarge)
			}
			equal(t, "store calls", s.store.calls(), "")
			equal(t, "stored", s.stored(key), `old{"secret":42}`)
		})
	}
}
