package interop

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/signing"
)

// differChecks is how many sequences TestDiffer tries with each Django, unless
// -rapid.checks says another number.
const differChecks = "500"

// TestDiffer sends random sequences of requests, each with random operations on
// its session, to three worlds on one store: in the first Django answers them all,
// in the second Keepsake, and in the third now the one, now the other. In all of
// them the operations must have the same results, the responses the same headers to
// the byte, and after each request either side must see the same in each session.
func TestDiffer(t *testing.T) {
	if !given("rapid.checks") {
		check(t, flag.Set("rapid.checks", differChecks))
	}
	check(t, flag.Set("rapid.nofailfile", "true")) // the seed does
	all, err := allPythons()
	check(t, err)
	if len(all) == 0 {
		newest(t) // says what is missing
	}
	for _, p := range all {
		t.Run(p.django, func(t *testing.T) {
			t.Parallel()
			d := &differ{t: t, python: p}
			differs.add(d)
			rapid.Check(t, d.sequence)
		})
	}
}

// given reports whether a flag was given to the tests.
func given(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// A differ is the comparison with one Django.
type differ struct {
	t      *testing.T
	python *python
	places map[string]*differPlace

	sequences, requests, steps, looks atomic.Int64
}

// A differPlace is a store with a Django of its own, whose settings for sessions
// change with each sequence.
type differPlace struct {
	ground ground
	d      *django
	now    time.Time
	used   int
}

// A differKind is an engine and what of it can be compared. What can't is in
// COMPATIBILITY.md.
type differKind struct {
	name  string
	since [2]int
	share func(testing.TB, func() time.Time) ground

	sliding bool // an expiry in seconds ends the session: not in Django's files
	ending  bool // ... and the expiry counts on the server: not in Django's cookies
	cache   bool
	clock   bool // sessions end by our clock, not a server's; Django's files come back as new ones
}

var differKinds = []differKind{
	{name: "db", sliding: true, ending: true, clock: true, share: func(t testing.TB, _ func() time.Time) ground { return onDatabase(onSQLite)(t) }},
	{name: "file", ending: true, share: func(t testing.TB, _ func() time.Time) ground { return onFiles(t) }},
	{name: "signed_cookies", sliding: true, share: func(t testing.TB, _ func() time.Time) ground { return onCookies(t) }},
	{name: "cache", cache: true, sliding: true, ending: true, clock: true, share: func(t testing.TB, now func() time.Time) ground { return onCache(fileBasedAt(now))(t) }},
	{name: "cache on Redis", since: [2]int{4, 0}, cache: true, sliding: true, ending: true, share: func(t testing.TB, _ func() time.Time) ground { return onCache(djangosRedis)(t) }},
	{name: "cached_db", cache: true, sliding: true, ending: true, clock: true, share: func(t testing.TB, now func() time.Time) ground { return onCachedDB(onSQLite, fileBasedAt(now))(t) }},
}

// differZones are those without a change of clocks: see TestClocksGoBack.
var differZones = []variant{standard, {zone: "Asia/Kathmandu", cookieName: "sessionid"}}

// open gives the place of an engine and a time zone, and makes it at the first
// time.
func (f *differ) open(k differKind, v variant) *differPlace {
	name := k.name + " " + v.zone
	if p := f.places[name]; p != nil {
		return p
	}
	p := &differPlace{}
	p.ground = k.share(f.t, func() time.Time { return p.now })
	settings := djangoSettings{
		"INSTALLED_APPS": []string{"django.contrib.sessions"}, "SECRET_KEY": secret, "USE_TZ": v.useTZ, "TIME_ZONE": v.zone,
	}
	for name, value := range p.ground.django(v) {
		settings[name] = value
	}
	p.d = f.python.open(f.t, djangoConfig{Settings: settings, Script: "differ_driver.py"})
	for _, op := range p.ground.prepare {
		p.d.must(op, nil, nil)
	}
	if p.ground.db != nil {
		_, err := p.ground.db.Exec("PRAGMA synchronous = OFF")
		check(f.t, err)
	}
	if f.places == nil {
		f.places = map[string]*differPlace{}
	}
	f.places[name] = p
	return p
}

// A differWorld is a browser and who answers it.
type differWorld struct {
	name   string
	cookie *string  // what the browser has, nil: none
	keys   []string // that it has ever had
}

// A differRequest is the same in every world.
type differRequest struct {
	steps  []step
	status int
	vary   string
}

// A differOutcome is what came of it.
type differOutcome struct {
	Results []string
	Status  int
	Cookies []string
	Vary    string
}

// sequence is one random sequence.
func (f *differ) sequence(t *rapid.T) {
	var kinds []differKind
	for _, k := range differKinds {
		if !f.python.before(k.since[0], k.since[1]) {
			kinds = append(kinds, k)
		}
	}
	k := rapid.SampledFrom(kinds).Draw(t, "engine")
	v := rapid.SampledFrom(differZones).Draw(t, "time zone")
	st, theirs := drawSettings(t)
	p := f.open(k, v)
	st.UseTZ, st.TimeZone = v.useTZ, zone(f.t, v.zone)
	st.Clock = func() time.Time { return p.now }
	m, err := sessions.New(st, p.ground.engine(v))
	check(f.t, err)
	run := &differRun{T: t, f: f, p: p, kind: k, m: m, st: st, sets: theirs, rotated: map[string]bool{}}
	f.sequences.Add(1)
	p.used++
	p.now = time.Unix(1790000000, 0).UTC().Add(time.Duration(rapid.SampledFrom([]int{0, 1, 123456, 999999}).Draw(t, "microsecond")) * time.Microsecond)
	worlds := []*differWorld{{name: "Django"}, {name: "Keepsake"}, {name: "in turns"}}
	for range rapid.IntRange(1, 5).Draw(t, "requests") {
		run.request(worlds)
	}
	run.tidy()
}

// A differRun is a sequence under way.
type differRun struct {
	*rapid.T
	f    *differ
	p    *differPlace
	kind differKind
	m    *sessions.Manager
	st   sessions.Settings
	sets djangoSettings

	rotated map[string]bool // the first world's keys that a rotation has left behind: its trace is ours alone
}

// request draws a request, sends it in every world, and compares.
func (x *differRun) request(worlds []*differWorld) {
	x.pass()
	x.chooseCookie(worlds)
	r := x.drawRequest()
	if w := worlds[0]; r.has("cycle") && w.cookie != nil {
		x.rotated[*w.cookie] = true
	}
	byDjango := []*differWorld{worlds[0]}
	turn := rapid.Bool().Draw(x.T, "Django's turn")
	if turn {
		byDjango = append(byDjango, worlds[2])
	}
	outcomes := map[*differWorld]differOutcome{}
	for _, w := range worlds {
		if !slices.Contains(byDjango, w) {
			outcomes[w] = x.keepsake(w, r)
			x.noteCookies(w, outcomes[w])
		}
	}
	x.stampFiles()

	request := args{"sets": x.sets, "requests": []args{}, "looks": []string{}}
	for _, w := range byDjango {
		request["requests"] = append(request["requests"].([]args), args{
			"cookie": w.header(x.st.CookieName), "steps": r.wire(), "status": r.status, "vary": r.vary,
		})
	}
	x.p.d.freeze(x.p.now)
	var answer struct {
		Did []differOutcome
	}
	x.p.d.must("differ", request, &answer)
	for i, w := range byDjango {
		outcomes[w] = answer.Did[i]
		x.noteCookies(w, outcomes[w])
	}
	x.stampFiles()
	x.f.requests.Add(3)
	x.f.steps.Add(3 * int64(len(r.steps)))

	want := x.labelled(worlds[0], outcomes[worlds[0]])
	for _, w := range worlds[1:] {
		got := x.labelled(w, outcomes[w])
		if d := differences(r, got, want); d != "" {
			x.Fatalf("with Django %s, %s, world %q:\n%s", x.f.python.django, x.kind.name, w.name, d)
		}
		if x.kind.name == "signed_cookies" && !sameCookies(w.cookie, worlds[0].cookie) {
			x.Fatalf("with Django %s, world %q: the cookie is %s, not %s", x.f.python.django, w.name, *w.cookie, *worlds[0].cookie)
		}
	}
	x.look(worlds)
}

// header is the Cookie header that this browser sends.
func (w *differWorld) header(name string) string {
	if w.cookie == nil {
		return ""
	}
	return name + "=" + *w.cookie
}

// keepsake answers a request by Keepsake.
func (x *differRun) keepsake(w *differWorld, r differRequest) differOutcome {
	out := differOutcome{Results: []string{}}
	h := x.m.Handler(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		s := x.m.Session(q.Context())
		for _, step := range r.steps {
			out.Results = append(out.Results, step.do(q.Context(), x.m, s))
		}
		if r.vary != "" {
			rw.Header().Set("Vary", r.vary)
		}
		rw.WriteHeader(r.status)
	}))
	q := &http.Request{
		Method: "GET", URL: &url.URL{Path: "/"}, Host: "example.org", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody,
	}
	if text := w.header(x.st.CookieName); text != "" {
		q.Header.Set("Cookie", text)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, q.WithContext(x.f.t.Context()))
	out.Status, out.Cookies, out.Vary = rec.Code, rec.Header()["Set-Cookie"], strings.Join(rec.Header()["Vary"], ", ")
	if out.Status == http.StatusBadRequest {
		out.Vary = "" // Django's is another layer's
	}
	return out
}

// noteCookies does what a browser does with a response, except that it never
// forgets a cookie by itself.
func (x *differRun) noteCookies(w *differWorld, out differOutcome) {
	for _, line := range out.Cookies {
		value, ok := strings.CutPrefix(line, x.st.CookieName+"=")
		if !ok {
			x.Fatalf("a cookie of another name: %s", line)
		}
		value, _, _ = strings.Cut(value, ";")
		if value == `""` {
			w.cookie = nil
			continue
		}
		w.cookie = &value
		if !slices.Contains(w.keys, value) {
			w.keys = append(w.keys, value)
		}
	}
}

// labelled is the outcome with names for keys, which are random, and with what
// signed cookies hold.
func (x *differRun) labelled(w *differWorld, out differOutcome) differOutcome {
	cookies := slices.Clone(out.Cookies)
	for i, line := range cookies {
		value, ok := strings.CutPrefix(line, x.st.CookieName+"=")
		value, attributes, _ := strings.Cut(value, ";")
		if ok && value != `""` {
			cookies[i] = fmt.Sprintf("%s=%s;%s", x.st.CookieName, x.label(w, value), attributes)
		}
	}
	out.Cookies = cookies
	return out
}

func (x *differRun) label(w *differWorld, value string) string {
	if x.kind.name != "signed_cookies" {
		return fmt.Sprintf("(key %d)", slices.Index(w.keys, value))
	}
	var payload json.RawMessage
	check(x.f.t, signing.Loads(value, signing.Options{Key: secret, Salt: cookieSalt}, signing.Forever, &payload))
	return "(" + string(payload) + " of " + strings.Split(value, ":")[1] + ")"
}

// sameCookies reports whether two signed cookies are the same to the byte, as they
// must be where neither is compressed.
func sameCookies(a, b *string) bool {
	return a == nil || b == nil || strings.HasPrefix(*a, ".") || strings.HasPrefix(*b, ".") || *a == *b
}

const cookieSalt = "django.contrib.sessions.backends.signed_cookies"

// look lets both sides look into each world's session.
func (x *differRun) look(worlds []*differWorld) {
	var keys []string
	for _, w := range worlds {
		if len(w.keys) == 0 {
			return
		}
		keys = append(keys, w.keys[len(w.keys)-1])
	}
	var answer struct{ Seen []djangoSession }
	x.p.d.must("differ", args{"sets": x.sets, "requests": []args{}, "looks": keys}, &answer)
	want := answer.Seen[0].view(keys[0])
	for i, key := range keys {
		if got := answer.Seen[i].view(key); got != want {
			x.Fatalf("with Django %s, %s, Django sees in world %q\n%s, not\n%s", x.f.python.django, x.kind.name, worlds[i].name, got, want)
		}
		if got := x.view(key); got != want {
			x.Fatalf("with Django %s, %s, Keepsake sees in world %q\n%s, not\n%s", x.f.python.django, x.kind.name, worlds[i].name, got, want)
		}
		x.f.looks.Add(2)
	}
}

// view is what is the same for both sides in one session.
func (s djangoSession) view(key string) string {
	if s.Key != key {
		return "none"
	}
	return fmt.Sprintf("%s, ends in %s, at %d, with the browser: %v", s.Data, s.Age, s.Date, s.BrowserClose)
}

func (x *differRun) view(key string) string {
	s := x.m.Open(key)
	check(x.f.t, s.Load(x.f.t.Context()))
	if s.Key() != key {
		return "none"
	}
	return fmt.Sprintf("%s, ends in %s, at %d, with the browser: %v", spaced(s), ageText(s.ExpiryAge()), s.ExpiryDate().UnixMicro(), s.ExpiresAtBrowserClose())
}

// stampFiles gives the files that were written the time of our clock.
func (x *differRun) stampFiles() {
	if x.kind.name != "file" {
		return
	}
	dir := x.p.ground.dir
	entries, err := os.ReadDir(dir)
	check(x.f.t, err)
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && time.Since(info.ModTime()).Abs() < time.Hour {
			check(x.f.t, os.Chtimes(filepath.Join(dir, e.Name()), x.p.now, x.p.now))
		}
	}
}

// tidy empties folders that a Django lists again and again.
func (x *differRun) tidy() {
	if x.p.ground.dir == "" || x.p.used%50 != 0 && x.kind.name != "file" {
		return
	}
	entries, err := os.ReadDir(x.p.ground.dir)
	check(x.f.t, err)
	for _, e := range entries {
		check(x.f.t, os.RemoveAll(filepath.Join(x.p.ground.dir, e.Name())))
	}
}

// drawSettings draws the choices of a sequence for both sides.
func drawSettings(t *rapid.T) (sessions.Settings, djangoSettings) {
	st := sessions.DefaultSettings()
	st.SecretKey = secret
	st.Logger = slog.New(slog.DiscardHandler)
	st.CookieName = rapid.SampledFrom([]string{"sessionid", "sid", "__Secure-id"}).Draw(t, "cookie name")
	st.CookieAge = rapid.SampledFrom([]time.Duration{1209600 * time.Second, time.Hour, 301 * time.Second}).Draw(t, "cookie age")
	st.ExpireAtBrowserClose = rapid.Bool().Draw(t, "browser close")
	st.SaveEveryRequest = rapid.IntRange(0, 3).Draw(t, "every request") == 3
	st.CookieDomain = rapid.SampledFrom([]string{"", "example.org", ".example.org"}).Draw(t, "domain")
	st.CookiePath = rapid.SampledFrom([]string{"/", "/app", ""}).Draw(t, "path")
	st.CookieHTTPOnly = rapid.Bool().Draw(t, "HttpOnly")
	st.CookieSameSite = rapid.SampledFrom([]string{"Lax", "Strict", "lax", "None", ""}).Draw(t, "SameSite")
	st.CookieSecure = strings.HasPrefix(st.CookieName, "__") || st.CookieSameSite == "None" || rapid.Bool().Draw(t, "Secure")
	sameSite := any(st.CookieSameSite)
	if st.CookieSameSite == "" {
		sameSite = false
	}
	domain := any(st.CookieDomain)
	if st.CookieDomain == "" {
		domain = nil
	}
	return st, djangoSettings{
		"SESSION_COOKIE_NAME": st.CookieName, "SESSION_COOKIE_AGE": int(st.CookieAge.Seconds()),
		"SESSION_EXPIRE_AT_BROWSER_CLOSE": st.ExpireAtBrowserClose, "SESSION_SAVE_EVERY_REQUEST": st.SaveEveryRequest,
		"SESSION_COOKIE_DOMAIN": domain, "SESSION_COOKIE_PATH": st.CookiePath, "SESSION_COOKIE_HTTPONLY": st.CookieHTTPOnly,
		"SESSION_COOKIE_SAMESITE": sameSite, "SESSION_COOKIE_SECURE": st.CookieSecure,
	}
}

// differences says where two outcomes differ, "" if nowhere.
func differences(r differRequest, got, want differOutcome) string {
	var b strings.Builder
	say := func(what string, got, want any) {
		if g, w := fmt.Sprintf("%q", got), fmt.Sprintf("%q", want); g != w {
			fmt.Fprintf(&b, "  %s:\n    %s, not\n    %s\n", what, g, w)
		}
	}
	for i, step := range r.steps {
		if i < min(len(got.Results), len(want.Results)) {
			say(fmt.Sprintf("step %d, %v", i, step), got.Results[i], want.Results[i])
		}
	}
	say("results", len(got.Results), len(want.Results))
	say("status", got.Status, want.Status)
	say("cookies", got.Cookies, want.Cookies)
	say("Vary", got.Vary, want.Vary)
	if b.Len() > 0 {
		return fmt.Sprintf("%s  after %v", &b, r.steps)
	}
	return ""
}

// differReport are the differs, printed when the tests end.
type differReport struct {
	sync.Mutex
	all []*differ
}

var differs differReport

func (r *differReport) add(d *differ) {
	r.Lock()
	defer r.Unlock()
	r.all = append(r.all, d)
}

func (r *differReport) print(w io.Writer) {
	slices.SortFunc(r.all, func(a, b *differ) int { return slices.Compare(a.python.version[:], b.python.version[:]) })
	for _, d := range r.all {
		result := "no difference"
		if d.t.Failed() {
			result = "DIFFERENT"
		}
		fmt.Fprintf(w, "Django %s: %d random sequences, %d requests, %d operations, %d looks into what was stored: %s\n",
			d.python.django, d.sequences.Load(), d.requests.Load(), d.steps.Load(), d.looks.Load(), result)
	}
}
