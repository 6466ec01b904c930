package main

import (
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// TestLogoutEndsSockets: two windows of one browser, one of which logs out; or
// somebody else ends the session.
func TestLogoutEndsSockets(t *testing.T) {
	st := sessions.DefaultSettings()
	st.SecretKey = "an example of a secret key that is long enough to be used"
	st.CookieSecure = false
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(site(m))
	t.Cleanup(srv.Close)
	for _, how := range []string{"logout", "revoke"} {
		browser := &http.Client{}
		if browser.Jar, err = cookiejar.New(nil); err != nil {
			t.Fatal(err)
		}
		post := func(path string) *http.Response {
			resp, err := browser.Post(srv.URL+path, "", nil)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatal(resp, err)
			}
			_ = resp.Body.Close()
			return resp
		}
		key := post("/login").Request.Header.Get("Cookie")
		conn, _, err := websocket.Dial(t.Context(), srv.URL+"/socket", &websocket.DialOptions{HTTPClient: browser})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.CloseNow() }()
		if _, text, err := conn.Read(t.Context()); err != nil || !strings.HasPrefix(string(text), "ann, ") {
			t.Fatalf("%q, %v", text, err)
		}
		begin := time.Now()
		if how == "logout" {
			post("/logout")
		} else if err := m.Delete(t.Context(), strings.TrimPrefix(key, "sessionid=")); err != nil {
			t.Fatal(err)
		}
		var closed websocket.CloseError
		for err == nil {
			_, _, err = conn.Read(t.Context())
		}
		took := time.Since(begin)
		t.Logf("%s: the socket was closed after %v", how, took.Round(time.Millisecond))
		if !errors.As(err, &closed) || closed.Code != loggedOut || took > 10*time.Second {
			t.Errorf("%s: %v after %v", how, err, took)
		}
		if conn, resp, err := websocket.Dial(t.Context(), srv.URL+"/socket", &websocket.DialOptions{HTTPClient: browser}); err == nil {
			_ = conn.CloseNow()
			t.Errorf("%s: a new socket opens: %d", how, resp.StatusCode)
		}
	}
}
