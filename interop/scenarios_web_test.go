package interop

import (
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/csrf"
)

// secretStep is the secrets of a side at one time.
type secretStep struct {
	primary   string
	fallbacks []string
}

const nextSecret = "the next " + secret

// secretSteps replace a secret under live sessions: each is taken on both sides
// before the next one. Whoever writes with the new one is understood by the other.
var secretSteps = []secretStep{
	{secret, nil},
	{secret, []string{nextSecret}},
	{nextSecret, []string{secret}},
	{nextSecret, nil},
}

func djangoFirst(x *pair) { rotateSecrets(x, true) }
func goFirst(x *pair)     { rotateSecrets(x, false) }

// rotateSecrets takes the steps, on the one side first. Two visitors are there all
// the time, of whom one has logged in at Django and the other one here; nobody is
// logged out, and nothing is lost.
func rotateSecrets(x *pair, djangoFirst bool) {
	w := x.web()
	var site side
	toDjango := func(s secretStep) {
		w.d.must("set", args{"SECRET_KEY": s.primary, "SECRET_KEY_FALLBACKS": append([]string{}, s.fallbacks...)}, nil)
	}
	toGo := func(s secretStep) {
		st := w.settings
		st.SecretKey, st.SecretKeyFallbacks = s.primary, s.fallbacks
		site = w.site(x, st, csrf.Options{})
	}
	defer toDjango(secretSteps[0])
	toDjango(secretSteps[0])
	toGo(secretSteps[0])
	visitors := []*visitor{w.visitor(x), w.visitor(x)}
	visitors[0].get(nil, "/login")
	visitors[1].get(site, "/login")
	n := 0
	visit := func(what string) {
		x.Helper()
		for range 2 {
			n++
			for i, v := range visitors {
				s := []side{nil, site}[(i+n)%2]
				x.same(what, v.get(s, "/count"), "alice "+strconv.Itoa(n))
			}
		}
	}
	visit("before")
	for i, step := range secretSteps[1:] {
		what := "step " + strconv.Itoa(i+1)
		if djangoFirst {
			toDjango(step)
		} else {
			toGo(step)
		}
		visit(what + " on one side")
		toDjango(step)
		toGo(step)
		visit(what + " on both")
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
