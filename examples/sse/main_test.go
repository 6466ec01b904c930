package main

import (
	"bufio"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// TestLogoutEndsStreams: two windows of one browser, one of which logs out.
func TestLogoutEndsStreams(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		st := sessions.DefaultSettings()
		st.SecretKey = "an example of a secret key that is long enough to be used"
		m, err := sessions.New(st, engine.Memory())
		if err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewUnstartedServer(site(m))
		srv.EnableHTTP2 = protocol == "HTTP/2.0"
		srv.StartTLS()
		t.Cleanup(srv.Close)
		browser := srv.Client()
		if browser.Jar, err = cookiejar.New(nil); err != nil {
			t.Fatal(err)
		}
		post := func(path string) {
			resp, err := browser.Post(srv.URL+path, "", nil)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatal(resp, err)
			}
			_ = resp.Body.Close()
		}

		post("/login")
		stream, err := browser.Get(srv.URL + "/events")
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Body.Close()
		lines := bufio.NewScanner(stream.Body)
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), "data: ann, ") || stream.Proto != protocol {
			t.Fatalf("%s: %q", stream.Proto, lines.Text())
		}
		begin := time.Now()
		post("/logout")
		for lines.Scan() { // what was on its way
		}
		t.Logf("%s: the stream ended %v after the logout", protocol, time.Since(begin).Round(time.Millisecond))
		if err := lines.Err(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		again, err := browser.Get(srv.URL + "/events")
		if err != nil || again.StatusCode != http.StatusNoContent {
			t.Errorf("the stream after the logout: %v, %v", again, err)
		}
	}
}
