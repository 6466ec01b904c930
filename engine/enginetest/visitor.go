package enginetest

import (
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
)

const (
	ruleRoundTrip = "what a session stores another process reads back, value for value and in the same order"
	ruleCookie    = "a changed session sends its cookie, one that was only read sends none"
	ruleGone      = "after a Flush the browser is told to forget its cookie, and the next request begins with nothing"
	ruleKept      = "after CycleKey the visitor has the same values, under the cookie of that response"
	ruleEnds      = "the server ends a session when its time has come, whatever the browser still sends"
	ruleMaxAge    = "the cookie's Max-Age is the session's expiry age, and it is absent at browser close"
	ruleForged    = "a cookie that was not made by the engine opens nothing"
)

// visitorCases are sessions as a browser with a cookie has them. Every engine
// runs them, those without a store included.
var visitorCases = []contractCase{
	{"visitor round trip", roundTripCase},
	{"visitor cookie", cookieCase},
	{"visitor logout", visitorLogoutCase},
	{"visitor login", visitorLoginCase},
	{"visitor expiry", visitorExpiryCase},
	{"visitor with a forged cookie", forgedCase},
}

// visitor is a browser that keeps the cookie it was given last, and whose
// requests the processes answer in turn.
type visitor struct {
	e        *env
	managers []*sessions.Manager
	requests int
	cookie   string        // "name=value", "" without one
	maxAge   time.Duration // of the cookie that came last; negative without a Max-Age
}

func (e *env) visitor(managers ...*sessions.Manager) *visitor {
	return &visitor{e: e, managers: managers}
}

// visit makes a request whose handler is f, and reports whether a cookie was
// set, and whether it was a deletion.
func (v *visitor) visit(f func(*sessions.Session)) (set, deleted bool) {
	v.e.Helper()
	m := v.managers[v.requests%len(v.managers)]
	v.requests++
	r := httptest.NewRequestWithContext(v.e.ctx, "GET", "https://example.org/", nil)
	if v.cookie != "" {
		r.Header.Set("Cookie", v.cookie)
	}
	w := httptest.NewRecorder()
	m.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sessions.Session) { f(s) })).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		v.e.Fatalf("a request was answered %d", w.Code)
	}
	line := w.Header().Get("Set-Cookie")
	if line == "" {
		return false, false
	}
	v.cookie, _, _ = strings.Cut(line, ";")
	v.maxAge = -1
	if _, rest, found := strings.Cut(line, "Max-Age="); found {
		text, _, _ := strings.Cut(rest, ";")
		seconds, _ := strconv.Atoi(text)
		v.maxAge = time.Duration(seconds) * time.Second
	}
	if strings.HasSuffix(v.cookie, `=""`) {
		v.cookie = ""
		return true, true
	}
	return true, false
}

// sees is what a request finds under name.
func (v *visitor) sees(name string) string {
	v.e.Helper()
	value := ""
	v.visit(func(s *sessions.Session) { value = sessions.Get(s, name, "nothing") })
	return value
}

func roundTripCase(e *env) {
	v := e.visitor(e.managers())
	huge, _ := new(big.Int).SetString(strings.Repeat("9", 60), 10)
	long := strings.Repeat("a long value ", 1000)
	if e.noStore {
		long = long[:1000] // browsers keep 4096 bytes
	}
	v.visit(func(s *sessions.Session) {
		s.Set("text", "naïve \"quotes\" \\ \x00\x7f 𝄞\n")
		s.Set("int", -7)
		s.Set("float", 1.0)
		s.Set("huge", huge)
		s.Set("null", nil)
		s.Set("bool", true)
		s.Set("list", []any{1, 2.5, "three", nil, map[string]any{"a": []int{}}})
		s.Set("", "the empty name")
		s.Set("naïve", long)
	})
	want := map[string]string{
		"text": `"na\u00efve \"quotes\" \\ \u0000\u007f \ud834\udd1e\n"`, "int": "-7", "float": "1.0", "huge": huge.String(), "null": "null",
		"bool": "true", "list": `[1,2.5,"three",null,{"a":[]}]`, "": `"the empty name"`, "naïve": `"` + long + `"`,
	}
	v.visit(func(s *sessions.Session) {
		for name, value := range want {
			if got, _, err := sessions.Lookup[json.RawMessage](s, name); err != nil || string(got) != value {
				e.broken(ruleRoundTrip, "%q is %.200s (%v), not %.200s", name, got, err, value)
			}
		}
		if got := strings.Join(s.Keys(), ","); got != "text,int,float,huge,null,bool,list,,naïve" {
			e.broken(ruleRoundTrip, "the names are %q", got)
		}
	})
}

func cookieCase(e *env) {
	v := e.visitor(e.managers())
	if set, _ := v.visit(func(s *sessions.Session) { sessions.Get(s, "color", "") }); set {
		e.broken(ruleCookie, "a visitor who stores nothing gets a cookie")
	}
	if set, deleted := v.visit(func(s *sessions.Session) { s.Set("color", "blue"); s.Set("size", "L") }); !set || deleted {
		e.broken(ruleCookie, "a new session: set %v, deleted %v", set, deleted)
	}
	for range 2 { // in both processes
		if got := v.sees("color"); got != "blue" {
			e.broken(ruleRoundTrip, "color is %q", got)
		}
		if set, _ := v.visit(func(s *sessions.Session) { s.Has("size") }); set {
			e.broken(ruleCookie, "a session that was only read sends one")
		}
	}
	v.visit(func(s *sessions.Session) { s.Delete("color"); s.Set("size", "M") })
	if color, size := v.sees("color"), v.sees("size"); color != "nothing" || size != "M" {
		e.broken(ruleRoundTrip, "after a change color is %q and size %q", color, size)
	}
}

func visitorLogoutCase(e *env) {
	v := e.visitor(e.managers())
	v.visit(func(s *sessions.Session) { s.Set("user", "ada") })
	before := v.cookie
	_, deleted := v.visit(func(s *sessions.Session) {
		if err := s.Flush(e.ctx); err != nil {
			e.broken(ruleGone, "Flush: %v", err)
		}
	})
	if !deleted || v.sees("user") != "nothing" {
		e.broken(ruleGone, "deleted %v", deleted)
	}
	if e.noStore {
		return // nobody can take back a copy of a cookie
	}
	v.cookie = before
	if got := v.sees("user"); got != "nothing" {
		e.broken(ruleLogout, "the old cookie reads %q", got)
	}
}

func visitorLoginCase(e *env) {
	v := e.visitor(e.managers())
	v.visit(func(s *sessions.Session) { s.Set("basket", "full") })
	before := v.cookie
	set, _ := v.visit(func(s *sessions.Session) {
		s.Set("user", "ada")
		if err := s.CycleKey(e.ctx); err != nil {
			e.broken(ruleKept, "CycleKey: %v", err)
		}
	})
	if basket, user := v.sees("basket"), v.sees("user"); !set || v.cookie == before || basket != "full" || user != "ada" {
		e.broken(ruleKept, "set %v, the same cookie %v, basket %q, user %q", set, v.cookie == before, basket, user)
	}
}

func visitorExpiryCase(e *env) {
	a, b := e.managers()
	begin := e.clock.now()
	age := a.Settings().CookieAge
	for _, row := range []struct {
		name          string
		set           func(*sessions.Session)
		lives, maxAge time.Duration
	}{
		{"in seconds", func(s *sessions.Session) { s.ExpireAfter(time.Minute) }, time.Minute, time.Minute},
		{"at a time", func(s *sessions.Session) { s.ExpireAt(e.clock.now().Add(time.Hour)) }, time.Hour, time.Hour},
		{"at browser close", func(s *sessions.Session) { s.ExpireAtBrowserClose() }, age, -1},
		{"by default", func(*sessions.Session) {}, age, age},
	} {
		v := e.visitor(a, b)
		v.visit(func(s *sessions.Session) { s.Set("color", "blue"); row.set(s) })
		if v.maxAge != row.maxAge {
			e.broken(ruleMaxAge, "%s: Max-Age is %v, not %v", row.name, v.maxAge, row.maxAge)
		}
		// Cookies are dated in whole seconds.
		shortly := max(2*time.Second, e.moment())
		e.clock.advance(row.lives - shortly)
		if got := v.sees("color"); got != "blue" {
			e.broken(ruleEnds, "%s: shortly before its end it reads %q", row.name, got)
		}
		cookie := v.cookie
		e.clock.advance(2 * shortly)
		v.cookie = cookie
		if got := v.sees("color"); got != "nothing" {
			e.broken(ruleEnds, "%s: after its end it reads %q", row.name, got)
		}
	}
	if !e.clock.now().After(begin) {
		e.Fatalf("the clock stands")
	}
}

func forgedCase(e *env) {
	v := e.visitor(e.managers())
	v.visit(func(s *sessions.Session) { s.Set("color", "blue") })
	name, good, _ := strings.Cut(v.cookie, "=")
	last := good[len(good)-1:]
	other := "a"
	if last == "a" {
		other = "b"
	}
	for what, value := range map[string]string{
		"cut":         good[:len(good)-1],
		"changed":     other + good[1:],
		"longer":      good + "aaaa",
		"upper case":  strings.ToUpper(good),
		"JSON":        `{"color":"red"}`,
		"made up":     strings.Repeat("x", 32),
		"a path":      "../" + good,
		"a long one":  strings.Repeat(good, 50),
		"hello world": "hello world",
	} {
		if value == good {
			continue
		}
		v.cookie = name + "=" + value
		if got := v.sees("color"); got != "nothing" {
			e.broken(ruleForged, "%s: it reads %q", what, got)
		}
	}
}
