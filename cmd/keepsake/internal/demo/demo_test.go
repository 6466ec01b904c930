package demo

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/engine"
)

func TestVisitsAreExact(t *testing.T) {
	b := newTestSite(t).browser()
	b.get("/").is("visit-count", "1")
	b.get("/").is("visit-count", "2")
	b.do(b.request("HEAD", "/", nil))

	const parallel = 50
	pages := make([]shown, parallel)
	var wait sync.WaitGroup
	for i := range pages {
		wait.Go(func() {
			w := httptest.NewRecorder()
			b.handler.ServeHTTP(w, b.request("GET", "/", nil))
			pages[i] = shown{t, w}
		})
	}
	wait.Wait()
	last := 0
	for _, page := range pages {
		n := 0
		if _, err := fmt.Sscan(page.text("visit-count"), &n); err != nil || n < 3 || n > 2+parallel {
			t.Errorf("a page shows %d visits: %v", n, err)
		}
		last = max(last, n)
	}
	equal(t, "the highest count shown", last, 2+parallel)
	data, _ := b.state()
	equal(t, "visit_count", string(data["visit_count"]), "52")
	equal(t, "sessions", b.rows(), 1)
}

func TestStoreCalls(t *testing.T) {
	ts := newTestSite(t)
	known := ts.browser()
	known.get("/").is("store-calls", "1: create")
	known.get("/").is("store-calls", "2: load, replace")
	_, st := known.state()
	equal(t, "session.json", st.StoreCalls, 2) // load, and replace for the sliding window

	_, st = ts.browser().state()
	equal(t, "session.json without a cookie", st.StoreCalls, 0)
	stranger := &browser{testSite: ts, key: "nobody0000000000000000000000000x"}
	_, st = stranger.state()
	equal(t, "session.json with an unknown key", st.StoreCalls, 1)
	forger := &browser{testSite: ts, key: "../../etc/passwd"}
	_, st = forger.state()
	equal(t, "session.json with no key at all", st.StoreCalls, 0)
	equal(t, "sessions", ts.rows(), 1)
}

func TestSessionJSONBeginsNothing(t *testing.T) {
	b := newTestSite(t).browser()
	page := b.get("/session.json")
	equal(t, "body", page.Body.String(), `{"data":{},"expires_in":0,"cookie":null,"engine":"db","store_calls":0}`+"\n")
	equal(t, "Vary", page.Header().Get("Vary"), "Cookie")
	equal(t, "Set-Cookie", page.Header().Get("Set-Cookie"), "")
	equal(t, "HEAD / sets a cookie", b.do(b.request("HEAD", "/", nil)).Header().Get("Set-Cookie"), "")
	equal(t, "sessions", b.rows(), 0)

	b.get("/")
	equal(t, "body", b.get("/session.json").Body.String(), `{"data":{"visit_count":1},"expires_in":1800,`+
		`"cookie":{"name":"sessionid","max_age":1800,"expires":"Sun, 01 Mar 2026 12:30:00 GMT","path":"/","secure":false,"httponly":true,"samesite":"Lax"},`+
		`"engine":"db","store_calls":2}`+"\n")
}

// What Python has stored is shown as it is stored.
func TestSessionJSONLeavesValuesAlone(t *testing.T) {
	ts := newTestSite(t)
	s := ts.site.Manager().Open("")
	s.Set("big", json.RawMessage("123456789012345678901234567890"))
	s.Set("float", json.RawMessage("1e+16"))
	s.Set("html", "<b>&")
	s.Set("é\"", "é")
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := &browser{testSite: ts, key: s.Key()}
	body := b.get("/session.json").Body.String()
	for _, part := range []string{`"big":123456789012345678901234567890`, `"float":1e+16`, `"html":"<b>&"`, `"é\"":"\u00e9"`} {
		if !strings.Contains(body, part) {
			t.Errorf("no %s in %s", part, body)
		}
	}
	b.get("/").says("stored", `"big": 123456789012345678901234567890`)
}

func TestColor(t *testing.T) {
	b := newTestSite(t).browser()
	b.get("/").is("favorite-color", "red")
	page := b.post("/color", "favorite_color", " blue ")
	page.is("favorite-color", "blue")
	page.is("message", "Saved: your favourite colour is blue.")
	b.get("/").is("message", "(no message)")

	page = b.post("/color", "favorite_color", `"><script>alert(1)</script>`)
	page.is("favorite-color", `"><script>alert(1)</script>`)
	if strings.Contains(page.Body.String(), "<script>alert") {
		t.Error("the page runs the colour")
	}
	for _, wrong := range []string{"", "  ", strings.Repeat("é", 41)} {
		w := b.do(b.request("POST", "/color", url.Values{"favorite_color": {wrong}}))
		equal(t, "status", w.Code, http.StatusBadRequest)
	}
	w := b.do(b.request("POST", "/color", url.Values{"favorite_color": {strings.Repeat("x", 1<<20)}}))
	equal(t, "status of a megabyte", w.Code, http.StatusBadRequest)
}

func TestLoginRotates(t *testing.T) {
	b := newTestSite(t).browser()
	b.post("/color", "favorite_color", "teal")
	b.post("/login", "username", "ada", "password", "wrong").is("message", "Your username and password didn’t match.")
	before := *b

	page := b.post("/login", "username", "ada", "password", "lovelace")
	page.is("key-before", before.key[:4]+"…")
	page.is("key-now", b.key[:4]+"…")
	page.is("favorite-color", "teal")
	page.says("login", "You are Ada")
	if b.key == before.key {
		t.Fatal("the key is the same")
	}
	if strings.Contains(page.Body.String(), b.key) {
		t.Error("the page shows the key")
	}
	// The old key opens nothing, and does not log the visitor out.
	w := before.do(before.request("GET", "/", nil))
	equal(t, "status with the old key", w.Code, http.StatusBadRequest)
	equal(t, "Set-Cookie with the old key", w.Header().Get("Set-Cookie"), "")
	equal(t, "sessions", b.rows(), 1)

	loggedIn := *b
	page = b.post("/logout")
	page.is("key-before", loggedIn.key[:4]+"…")
	page.is("visit-count", "1")
	page.is("favorite-color", "red")
	page.says("login", "You are not logged in")
	loggedIn.get("/").is("message", "The key in your cookie is unknown here: its session has expired or was ended. A new session has begun.")
}

// logIn is a login of a member with a fresh browser.
func (ts *testSite) logIn(name, password string) *browser {
	ts.t.Helper()
	b := ts.browser()
	b.post("/login", "username", name, "password", password).says("login", "You are "+strings.ToUpper(name[:1])+name[1:])
	return b
}

func TestAnotherMemberFindsNothing(t *testing.T) {
	b := newTestSite(t).logIn("ada", "lovelace")
	b.post("/color", "favorite_color", "teal")
	page := b.post("/login", "username", "grace", "password", "hopper")
	page.says("login", "You are Grace")
	page.is("favorite-color", "red")
	equal(t, "sessions", b.rows(), 1)
}

func TestPasswordChange(t *testing.T) {
	ts := newTestSite(t)
	here, there, grace := ts.logIn("ada", "lovelace"), ts.logIn("ada", "lovelace"), ts.logIn("grace", "hopper")
	here.post("/password", "old_password", "wrong", "new_password", "analytical").is("message", "Your old password is another one.")
	here.post("/password", "old_password", "lovelace", "new_password", "short").is("message", "A new password has 8 to 128 characters.")
	there.get("/").says("login", "You are Ada")

	before := here.key
	here.post("/password", "old_password", "lovelace", "new_password", "analytical").says("login", "You are Ada")
	if here.key == before {
		t.Error("the key is the same")
	}
	there.get("/").says("login", "You are not logged in")
	grace.get("/").says("login", "You are Grace")
	ts.browser().post("/login", "username", "ada", "password", "lovelace").is("message", "Your username and password didn’t match.")
	ts.logIn("ada", "analytical")
	ts.browser().post("/password", "old_password", "analytical", "new_password", "analytical").is("message", "Log in first.")
}

var handles = regexp.MustCompile(`name="handle" value="(\w+)"`)

func TestDevices(t *testing.T) {
	ts := newTestSite(t)
	ada, grace := ts.logIn("ada", "lovelace"), ts.logIn("grace", "hopper")
	there := ts.browser()
	there.agent = "Browser of the library"
	there.post("/login", "username", "ada", "password", "lovelace")

	page := ada.get("/")
	if !strings.Contains(page.Body.String(), "Browser of the library") {
		t.Errorf("the other browser is not in the list:\n%s", page.Body)
	}
	found := handles.FindAllStringSubmatch(page.Body.String(), -1)
	equal(t, "sessions that can be ended", len(found), 1)
	for _, part := range []string{there.key, ada.key} {
		if strings.Contains(page.Body.String(), part) {
			t.Error("the page shows a key")
		}
	}
	handle := found[0][1]
	grace.post("/devices/revoke", "handle", handle).is("message", "That session had ended already.")
	there.get("/").says("login", "You are Ada")

	ada.post("/devices/revoke", "handle", handle).is("message", "That session is over.")
	there.get("/").says("login", "You are not logged in")
	ada.post("/devices/revoke", "handle", handle).is("message", "That session had ended already.")

	there, third := ts.logIn("ada", "lovelace"), ts.logIn("ada", "lovelace")
	ada.post("/devices/revoke-others").is("message", "You are logged in only here now.")
	there.get("/").says("login", "You are not logged in")
	third.get("/").says("login", "You are not logged in")
	ada.get("/").says("login", "You are Ada")
	grace.get("/").says("login", "You are Grace")
	ada.post("/devices/revoke-others").is("message", "You were logged in nowhere else.")

	// A login of a while ago is not enough.
	there = ts.logIn("ada", "lovelace")
	ada.now = ada.now.Add(11 * time.Minute)
	equal(t, "buttons", len(handles.FindAllString(ada.get("/").Body.String(), -1)), 0)
	ada.post("/devices/revoke-others").is("message", "Your login was a while ago: enter your password once more.")
	there.get("/").says("login", "You are Ada")
	ada.post("/login", "username", "ada", "password", "lovelace")
	ada.post("/devices/revoke-others").is("message", "You are logged in only here now.")
	there.get("/").says("login", "You are not logged in")
	ts.browser().post("/devices/revoke-others").is("message", "Log in first.")
}

// A demo that was started anew knows where its members are logged in.
func TestDevicesAreFoundAgain(t *testing.T) {
	ts := newTestSite(t)
	ada, there := ts.logIn("ada", "lovelace"), ts.logIn("ada", "lovelace")
	ts.start()
	ada.post("/devices/revoke-others").is("message", "You are logged in only here now.")
	there.get("/").says("login", "You are not logged in")
}

func TestDevicesOfCookies(t *testing.T) {
	ts := newTestSite(t)
	ts.engine = engine.SignedCookies()
	ts.start()
	b := ts.logIn("ada", "lovelace")
	b.get("/").says("devices", "With a cookie engine nobody knows")
	equal(t, "status", b.do(b.request("POST", "/devices/revoke-others", url.Values{})).Code, http.StatusNotFound)
}

// Of the password's hash the pages show no more than that there is one.
func TestPasswordHashIsNotShown(t *testing.T) {
	b := newTestSite(t).logIn("ada", "lovelace")
	data, _ := b.state()
	equal(t, "the hash shown", len(data["_auth_user_hash"]), len(`"abcd…"`))
	b.get("/").says("stored", `…"`)
}

func TestFlush(t *testing.T) {
	b := newTestSite(t).browser()
	b.get("/")
	page := b.post("/flush")
	page.is("store-calls", "0")
	equal(t, "the cookie", b.key, "")
	equal(t, "sessions", b.rows(), 0)
	b.get("/").is("visit-count", "1")
}

func TestExamSlidesAndExpires(t *testing.T) {
	b := newTestSite(t).browser()
	b.get("/").is("countdown", "30:00")
	b.post("/exam", "question", "1", "answer", "1")
	b.post("/exam", "question", "1", "answer", "0") // sent twice
	b.now = b.now.Add(29 * time.Minute)
	b.get("/session.json") // any request will do
	b.now = b.now.Add(29 * time.Minute)
	b.post("/exam", "question", "2", "answer", "2")
	page := b.post("/exam", "question", "3", "answer", "1")
	page.is("result", "2 of 3 right.")
	b.post("/exam", "restart", "yes").says("question", "Question 1 of 3")

	b.now = b.now.Add(30*time.Minute - time.Second)
	b.get("/")
	b.now = b.now.Add(30 * time.Minute)
	page = b.get("/")
	page.is("visit-count", "1")
	page.says("message", "has expired")

	for _, wrong := range []string{"question=0&answer=0", "question=4&answer=0", "question=1&answer=3", "question=1&answer=-1", "question=x", ""} {
		form, _ := url.ParseQuery(wrong)
		equal(t, wrong, b.do(b.request("POST", "/exam", form)).Code, http.StatusBadRequest)
	}
}

func TestComment(t *testing.T) {
	b := newTestSite(t).browser()
	b.post("/comment").is("message", "Thanks for your comment!")
	b.post("/comment").is("message", "You have commented already.")
}

func TestExpiry(t *testing.T) {
	b := newTestSite(t).browser()
	for _, test := range []struct {
		expiry, left, later, cookie, ends string
	}{
		{"after", "5:00", "5:00", "Max-Age=300", "1 March 2026, 12:06:00 UTC"},
		{"at", "5:00", "4:00", "Max-Age=240", "1 March 2026, 12:05:00 UTC"},
		{"browser_close", "30:00", "30:00", "HttpOnly; Path=/", "when the browser closes; in the store at 12:31:00 UTC"},
		{"default", "30:00", "30:00", "Max-Age=1800", "1 March 2026, 12:31:00 UTC"},
	} {
		b.now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		b.post("/expiry", "expiry", test.expiry).is("countdown", test.left)
		b.now = b.now.Add(time.Minute)
		page := b.get("/")
		page.is("countdown", test.later)
		page.says("cookie", test.cookie)
		page.is("ends", test.ends)
		_, st := b.state()
		equal(t, test.expiry+": Max-Age", st.Cookie.MaxAge == nil, test.expiry == "browser_close")
	}
	equal(t, "status", b.do(b.request("POST", "/expiry", url.Values{"expiry": {"0"}})).Code, http.StatusBadRequest)
}

func TestForeignFormsAreRefused(t *testing.T) {
	b := newTestSite(t).browser()
	b.get("/")
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		r := b.request("POST", "/flush", url.Values{})
		r.Header.Set(name, value)
		equal(t, name, b.do(r).Code, http.StatusForbidden)
	}
	b.get("/").is("visit-count", "2")
}

func TestWhatHasNoSession(t *testing.T) {
	b := newTestSite(t).browser()
	b.get("/")
	for path, contentType := range map[string]string{
		"/favicon.ico":         "image/svg+xml",
		"/static/style.css":    "text/css; charset=utf-8",
		"/static/countdown.js": "text/javascript; charset=utf-8",
	} {
		h := b.get(path).Header()
		equal(t, path, h.Get("Content-Type"), contentType)
		equal(t, path+": Set-Cookie", h.Get("Set-Cookie")+h.Get("Vary"), "")
	}
}

func TestRoutesAndHeaders(t *testing.T) {
	b := newTestSite(t).browser()
	for _, test := range []struct {
		method, path string
		status       int
	}{
		{"HEAD", "/", 200},
		{"GET", "/nowhere", 404},
		{"GET", "/static/", 404},
		{"GET", "/static/site.go", 404},
		{"POST", "/", 405},
		{"PUT", "/session.json", 405},
		{"GET", "/login", 405},
		{"DELETE", "/flush", 405},
	} {
		w := b.do(b.request(test.method, test.path, nil))
		equal(t, test.method+" "+test.path, w.Code, test.status)
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options"} {
			if w.Header().Get(name) == "" {
				t.Errorf("%s %s: no %s", test.method, test.path, name)
			}
		}
	}
	equal(t, "sessions", b.rows(), 0)
}

// The store fails: no page that says "saved".
func TestStoreFails(t *testing.T) {
	b := newTestSite(t).browser()
	b.get("/")
	if err := b.db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*http.Request{
		b.request("GET", "/", nil), b.request("GET", "/session.json", nil), b.request("POST", "/flush", url.Values{}),
	} {
		w := b.do(r)
		equal(t, r.URL.Path, w.Code, http.StatusServiceUnavailable)
		equal(t, r.URL.Path, w.Header().Get("Set-Cookie"), "")
	}
}

// A session that can't be saved is answered with 503, and the log says why.
func TestFailedSavesAreLogged(t *testing.T) {
	var log bytes.Buffer
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "demo.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	st := Settings("a secret key for the tests of the demo, long enough to be used", 30*time.Minute)
	st.Logger = slog.New(slog.NewTextHandler(&log, nil))
	site, err := New(st, engine.Database(db)) // there is no table
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*http.Request{httptest.NewRequest("GET", "/", nil), httptest.NewRequest("POST", "/login", strings.NewReader("username=ada&password=lovelace"))} {
		log.Reset()
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		site.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(log.String(), "no such table") {
			t.Errorf("%s: status %d, log %q", r.URL, w.Code, &log)
		}
	}
}
