package interop

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/csrf"
)

func djangosVisitors(x *pair) {
	w := x.web()
	visits(x, w, nil, w.site(x, w.settings, csrf.Options{}))
}

func gosVisitors(x *pair) {
	w := x.web()
	visits(x, w, w.site(x, w.settings, csrf.Options{}), nil)
}

// visits has a visitor come to one side, and go on at the other: the test cookie, a
// login, a cookie until the browser closes, a logout.
func visits(x *pair, w *web, from, to side) {
	v := w.visitor(x)
	v.get(from, "/test_set")
	x.same("the test cookie", v.get(to, "/tested"), "true")
	x.same("and then", v.get(from, "/tested"), "false")

	x.same("before the login", v.get(from, "/count"), " 1")
	before := v.cookies["sessionid"]
	v.get(from, "/login")
	x.same("after the login", v.get(to, "/count"), "alice 2")
	x.same("and at home", v.get(from, "/count"), "alice 3")
	if x.stack.stored() {
		thief := w.visitor(x)
		thief.cookies["sessionid"] = before
		x.same("the key from before the login", thief.get(to, "/count"), " 1")
	}

	line := v.send(from, "GET", "/close", nil).Cookies[0]
	x.same("a cookie until the browser closes", strings.Contains(line, "Max-Age"), false)
	line = v.send(to, "GET", "/count", nil).Cookies[0]
	x.same("and the other side's", strings.Contains(line, "Max-Age"), false)

	during := v.cookies["sessionid"]
	v.get(to, "/logout")
	x.same("the browser has a cookie after the logout", v.cookies["sessionid"] != "", false)
	x.same("after the logout", v.get(from, "/count"), " 1")
	if x.stack.stored() {
		v.cookies["sessionid"] = during
		x.same("the key from before the logout", v.get(from, "/count"), " 1")
	}
}

var said = []struct{ level, text, tags, safe string }{
	{"20", "Hello", "", "false"},
	{"25", `ü 😀 "quoted" \ </script>`, "extra two", "false"},
	{"40", "<b>bold</b>", "", "true"},
	{"35", "a level of one's own", "own", "false"},
}

const shown = `[[20,"Hello","info",false],[25,"ü 😀 \"quoted\" \\ \u003c/script\u003e","extra two success",false],` +
	`[40,"\u003cb\u003ebold\u003c/b\u003e","error",true],[35,"a level of one's own","own",false]]`

func djangosMessages(x *pair) {
	w := x.web()
	tellMessages(x, w, nil, w.site(x, w.settings, csrf.Options{}))
}

func gosMessages(x *pair) {
	w := x.web()
	tellMessages(x, w, w.site(x, w.settings, csrf.Options{}), nil)
}

// tellMessages has one side leave messages and the other one show them, once.
func tellMessages(x *pair, w *web, from, to side) {
	v := w.visitor(x)
	say := func(s side, i int) {
		m := said[i]
		v.get(s, "/say?"+url.Values{"level": {m.level}, "text": {m.text}, "tags": {m.tags}, "safe": {m.safe}}.Encode())
	}
	for i := range said {
		say(from, i)
	}
	x.same("messages", compactJSON(x, v.get(to, "/show")), shown)
	x.same("again", v.get(to, "/show"), "[]")
	x.same("at the other side", v.get(from, "/show"), "[]")
	for i := range said { // in turns
		say([]side{from, to}[i%2], i)
	}
	x.same("messages of both", compactJSON(x, v.get(to, "/show")), shown)
	x.same("again", v.get(from, "/show"), "[]")
}

// compactJSON is a JSON text as encoding/json writes it.
func compactJSON(x *pair, text string) string {
	x.Helper()
	var v any
	check(x, json.Unmarshal([]byte(text), &v))
	compact, err := json.Marshal(v)
	check(x, err)
	return string(compact)
}

func djangosForms(x *pair) { forms(x, true) }
func gosForms(x *pair)     { forms(x, false) }

// forms takes a form from one side and posts it to the other, with the secret in a
// cookie and in the session.
func forms(x *pair, djangos bool) {
	w := x.web()
	for _, useSessions := range []bool{false, true} {
		w.d.must("set", args{"CSRF_USE_SESSIONS": useSessions}, nil)
		from, to := side(nil), w.site(x, w.settings, csrf.Options{UseSessions: useSessions})
		if !djangos {
			from, to = to, from
		}
		where := map[bool]string{false: "cookie", true: "session"}[useSessions]
		v := w.visitor(x)
		posted := func(what string, s side, token string, want int) {
			x.Helper()
			a := v.send(s, "POST", "/post", url.Values{"a": {"1"}, csrf.FieldName: {token}})
			x.same(where+": "+what, a.Status, want)
		}
		token := v.get(from, "/token")
		posted("a form of the other side", to, token, 200)
		posted("a form of one's own", from, token, 200)
		again := v.get(to, "/token")
		x.same(where+": the mask is fresh", again == token, false)
		posted("a form after that", from, again, 200)
		posted("the first form", to, token, 200)
		posted("a form of another visitor", to, w.visitor(x).get(from, "/token"), 403)
		posted("no form", to, "", 403)
		v.get(from, "/login")
		posted("a form from before the login", to, again, 403)
		token = v.get(from, "/token")
		posted("a form from after it", to, token, 200)
		x.same(where+": who has posted", v.get(to, "/count"), "alice 1")
	}
	w.d.must("set", args{"CSRF_USE_SESSIONS": false}, nil)
}

func asyncWrites(x *pair) {
	w := x.web()
	v := w.visitor(x)
	for _, path := range []string{"/a_write", "/a_write?cycle=1"} {
		x.same("the answer", v.get(nil, path), "[1.0, 300]")
		s := load(x, x.m, v.cookies["sessionid"])
		x.same("values", payload(s), `{"one":1.0,"two":null,"four":"4","_session_expiry":300}`)
		x.same("expiry", ageText(s.ExpiryAge()), "300")
	}
	old := v.cookies["sessionid"]
	v.get(nil, "/a_flush")
	if x.stack.stored() {
		x.goneForGo("a flushed session", old)
	}
	site := w.site(x, w.settings, csrf.Options{})
	v.get(nil, "/a_login")
	x.same("who has logged in", v.get(site, "/count"), "alice 1")
	x.same("and then", v.get(nil, "/a_count"), "alice 2")
}

func asyncReads(x *pair) {
	w := x.web()
	v := w.visitor(x)
	v.cookies["sessionid"] = x.put(x.sides, `{"one":1.0,"two":[null]}`, func(s *sessions.Session) { s.ExpireAfter(300e9) })
	x.same("values", v.get(nil, "/a_read"), `[{"one": 1.0, "two": [null], "_session_expiry": 300}, 300, true]`)
	site := w.site(x, w.settings, csrf.Options{})
	v.get(site, "/login")
	x.same("who has logged in", v.get(nil, "/a_count"), "alice 1")
	x.same("and then", v.get(site, "/count"), "alice 2")
	v.get(site, "/logout")
	x.same("after the logout", v.get(nil, "/a_count"), " 1")
}
