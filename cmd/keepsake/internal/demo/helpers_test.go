package demo

import (
	"database/sql"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testSite is the demo with a clock that stands still.
type testSite struct {
	t       *testing.T
	site    *Site
	handler http.Handler
	db      *sql.DB
	engine  sessions.Engine
	now     time.Time
}

func newTestSite(t *testing.T) *testSite {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "demo.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ts := &testSite{t: t, db: db, engine: engine.Database(db), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	ts.start()
	return ts
}

// start starts the site, anew the second time.
func (ts *testSite) start() {
	ts.t.Helper()
	st := Settings("a secret key for the tests of the demo, long enough to be used", 30*time.Minute)
	st.Clock = func() time.Time { return ts.now }
	st.Logger = secrettest.Logger()
	var err error
	if ts.site, err = New(st, ts.engine); err != nil {
		ts.t.Fatal(err)
	}
	if err := ts.site.Prepare(ts.t.Context()); err != nil {
		ts.t.Fatal(err)
	}
	ts.handler = ts.site.Handler()
}

// rows counts what is stored.
func (ts *testSite) rows() int {
	ts.t.Helper()
	var n int
	if err := ts.db.QueryRow("SELECT count(*) FROM django_session WHERE session_key NOT LIKE 'trace:%'").Scan(&n); err != nil {
		ts.t.Fatal(err)
	}
	return n
}

// browser is a visitor who follows redirects. It sends its cookie until the
// server deletes it, however old it is.
type browser struct {
	*testSite
	key   string
	agent string
}

func (ts *testSite) browser() *browser { return &browser{testSite: ts} }

func (b *browser) request(method, path string, form url.Values) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("User-Agent", b.agent)
	if b.key != "" {
		r.Header.Set("Cookie", "sessionid="+b.key)
	}
	return r
}

// do sends one request, and takes the cookie of the response.
func (b *browser) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.key = c.Value
		if c.MaxAge < 0 {
			b.key = ""
		}
	}
	return w
}

// get shows a page.
func (b *browser) get(path string) shown {
	b.t.Helper()
	w := b.do(b.request("GET", path, nil))
	if w.Code != http.StatusOK {
		b.t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	return shown{b.t, w}
}

// post sends a form, and shows the page that it leads to.
func (b *browser) post(path string, fields ...string) shown {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	w := b.do(b.request("POST", path, form))
	if w.Code != http.StatusSeeOther {
		b.t.Fatalf("POST %s: %d %s", path, w.Code, w.Body)
	}
	target, _, _ := strings.Cut(w.Header().Get("Location"), "#")
	return b.get(target)
}

// state is /session.json.
func (b *browser) state() (data map[string]json.RawMessage, st state) {
	b.t.Helper()
	w := b.get("/session.json")
	if err := json.Unmarshal(w.Body.Bytes(), &st); err != nil {
		b.t.Fatal(err)
	}
	if err := json.Unmarshal(st.Data, &data); err != nil {
		b.t.Fatal(err)
	}
	return data, st
}

// shown is a page as its reader has it.
type shown struct {
	t *testing.T
	*httptest.ResponseRecorder
}

// text is the text of the element with that id.
func (s shown) text(id string) string {
	s.t.Helper()
	_, rest, found := strings.Cut(s.Body.String(), `id="`+id+`"`)
	if !found {
		return "(no " + id + ")"
	}
	_, rest, _ = strings.Cut(rest, ">")
	for _, end := range []string{"</strong>", "</dd>", "</p>", "</pre>", "</code>", "</span>", "</legend>"} {
		if i := strings.Index(rest, end); i >= 0 && !strings.Contains(rest[:i], "<dt") {
			rest = rest[:i]
		}
	}
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(rest, ""))
}

func (s shown) is(id, want string) {
	s.t.Helper()
	if got := s.text(id); got != want {
		s.t.Errorf("%s: %q, want %q", id, got, want)
	}
}

func (s shown) says(id, part string) {
	s.t.Helper()
	if got := s.text(id); !strings.Contains(got, part) {
		s.t.Errorf("%s: %q, want %q in it", id, got, part)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
