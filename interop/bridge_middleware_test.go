package interop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

func cookies(pairs ...string) args {
	all := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return args{"cookies": all}
}

// request begins a request that has these cookies.
func (p *bridgePair) request(session string, with args) {
	p.t.Helper()
	p.do("mw_request", args{"as": session, "cookies": with["cookies"]})
}

// response ends it.
func (p *bridgePair) response(session string, status int, with args, headers ...[2]string) (keepsake, django answer) {
	p.t.Helper()
	if headers == nil {
		headers = [][2]string{}
	}
	return p.do("mw_response", args{
		"h": session, "m": session, "cookies": with["cookies"], "status": status, "headers": headers, "now": bridgeNow,
	})
}

const stored = "db cache cached_db file"

var middlewareScenarios = []bridgeScenario{
	{name: "cookies", engines: "db", do: func(p *bridgePair) {
		for _, settings := range []args{
			{},
			{"SESSION_COOKIE_SECURE": true},
			{"SESSION_COOKIE_HTTPONLY": false},
			{"SESSION_COOKIE_SAMESITE": "Strict"},
			{"SESSION_COOKIE_SAMESITE": false},
			{"SESSION_COOKIE_SAMESITE": nil},
			{"SESSION_COOKIE_SAMESITE": "None", "SESSION_COOKIE_SECURE": true},
			{"SESSION_COOKIE_SAMESITE": "lax"},
			{"SESSION_COOKIE_DOMAIN": ".example.com"},
			{"SESSION_COOKIE_PATH": "/example/"},
			{"SESSION_COOKIE_PATH": ""},
			{"SESSION_COOKIE_NAME": "sid"},
			{"SESSION_COOKIE_NAME": "__Host-sid", "SESSION_COOKIE_SECURE": true},
			{"SESSION_COOKIE_AGE": 5},
			{"SESSION_EXPIRE_AT_BROWSER_CLOSE": true},
		} {
			before := p.settings
			p.settings = args{}
			for name, value := range before {
				p.settings[name] = value
			}
			p.use(settings)
			p.request("s", cookies())
			p.on("s", "set", kv("cat", "1"))
			p.response("s", 200, cookies())
			name, _ := p.settings["SESSION_COOKIE_NAME"].(string)
			p.request("t", cookies(name, "@s"))
			p.on("t", "get", k("cat"))
			p.on("t", "flush")
			p.response("t", 200, cookies(name, "@s"))
			p.settings = before
			p.use(nil)
		}
	}},
	{name: "what a response says", engines: stored, do: func(p *bridgePair) {
		for _, status := range []int{200, 302, 404, 500} {
			for _, headers := range [][][2]string{
				nil, {{"Vary", "Accept-Language"}}, {{"Vary", "cookie, Accept"}}, {{"Vary", "*"}}, {{"X-Other", "1"}, {"Content-Type", "text/plain"}},
			} {
				p.request("untouched", cookies())
				p.response("untouched", status, cookies(), headers...)
				p.request("read", cookies())
				p.on("read", "get", k("cat"))
				p.response("read", status, cookies(), headers...)
				p.request("written", cookies())
				p.on("written", "set", kv("cat", "1"))
				p.response("written", status, cookies(), headers...)
				p.on("written", "items")
				if status >= 500 {
					continue
				}
				p.on("written", "exists", args{"key": "@written"})
				known := cookies("sessionid", "@written", "other", "x")
				p.request("again", known)
				p.response("again", status, known, headers...)
				p.request("again", known)
				p.on("again", "get", k("cat"))
				p.response("again", status, known, headers...)
				p.request("again", known)
				p.on("again", "del", k("cat"))
				p.response("again", status, known, headers...)
				p.on("again", "load")
				p.request("again", known)
				p.on("again", "flush")
				p.response("again", status, known, headers...)
				p.on("again", "data")
			}
		}
	}},
	{name: "a session that ends during the request", engines: stored, do: func(p *bridgePair) {
		p.request("s", cookies())
		p.on("s", "save", args{"must_create": true})
		p.on("s", "delete", args{"key": nil})
		p.response("s", 200, cookies())
		p.open("t", nil)
		p.on("t", "set", kv("a", "1"))
		p.on("t", "save", args{"must_create": false})
		known := cookies("sessionid", "@t")
		p.request("u", known)
		p.on("u", "set", kv("b", "1"))
		p.on("t", "flush")
		p.response("u", 200, known)
	}},
	{name: "another session in its place", engines: stored, do: func(p *bridgePair) {
		p.request("s", cookies())
		p.open("t", nil)
		p.on("t", "set", kv("a", "1"))
		p.do("mw_response", args{"h": "t", "m": "s", "cookies": map[string]string{}, "status": 200, "headers": []string{}, "now": bridgeNow})
		p.on("t", "load")
		p.open("u", nil)
		p.do("mw_response", args{"h": "u", "m": "s", "cookies": map[string]string{"sessionid": "zzzzzzzzzzzzzzzzzzzzzzzz"}, "status": 200, "headers": []string{}})
		p.open("v", nil)
		p.do("mw_response", args{"h": "v", "m": "", "cookies": map[string]string{"sessionid": ""}, "status": 200, "headers": []string{}})
		p.on("v", "set", kv("a", "1"))
		p.do("mw_response", args{"h": "v", "m": "", "cookies": map[string]string{}, "status": 200, "headers": []string{}, "now": bridgeNow})
		p.on("v", "del", k("a"))
		p.do("mw_response", args{"h": "v", "m": "", "cookies": map[string]string{}, "status": 200, "headers": []string{}, "now": bridgeNow})
		p.on("v", "load")
	}},
	{name: "flags", engines: stored, do: func(p *bridgePair) {
		flag := func(name string, value bool) args { return args{"name": name, "value": value} }
		p.request("s", cookies())
		p.on("s", "set", kv("a", "1"))
		p.on("s", "set_flag", flag("modified", false))
		p.response("s", 200, cookies())
		p.request("s", cookies())
		p.on("s", "set", kv("a", "1"))
		p.on("s", "set_flag", flag("modified", false))
		p.on("s", "set_flag", flag("accessed", false))
		p.response("s", 200, cookies())
		p.request("s", cookies())
		p.on("s", "set_flag", flag("modified", true))
		p.response("s", 200, cookies())
		p.open("t", nil)
		p.on("t", "set", kv("a", "1"))
		p.on("t", "save", args{"must_create": false})
		known := cookies("sessionid", "@t")
		if !p.python.before(5, 0) { // before, there was no Vary
			p.request("u", known)
			p.on("u", "set_flag", flag("modified", true))
			p.response("u", 200, known)
		}
		p.request("u", known)
		p.on("u", "get", k("a"))
		p.on("u", "set_flag", flag("accessed", false))
		p.response("u", 200, known)
	}},
	{name: "unknown cookies", engines: stored, do: func(p *bridgePair) {
		for _, value := range []string{"", "short", "unknownkey00", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"} {
			known := cookies("sessionid", value)
			p.request("s", known)
			p.response("s", 200, known)
			p.request("s", known)
			p.on("s", "get", k("a"))
			p.response("s", 200, known)
			p.request("s", known)
			p.on("s", "set", kv("a", "1"))
			p.response("s", 200, known)
			p.request("s", known)
			p.on("s", "flush")
			p.response("s", 200, known)
		}
	}},
	{name: "every request", engines: stored, since: [2]int{5, 0}, do: func(p *bridgePair) {
		p.use(args{"SESSION_SAVE_EVERY_REQUEST": true})
		p.request("s", cookies())
		p.response("s", 200, cookies())
		p.request("s", cookies())
		p.on("s", "set", kv("a", "1"))
		p.response("s", 200, cookies())
		known := cookies("sessionid", "@s")
		p.request("t", known)
		p.response("t", 200, known)
		p.request("t", known)
		p.differs("Django loads what it does not save", "mw_response", args{
			"h": "t", "m": "t", "cookies": known["cookies"], "status": 500, "headers": []string{}, "now": bridgeNow,
		})
		p.request("t", known)
		p.on("t", "get", k("a"))
		p.response("t", 200, known)
	}},
	{name: "expiry and cookies", engines: stored, since: [2]int{4, 1}, do: func(p *bridgePair) {
		for _, e := range []args{
			{"t": "int", "v": "300"},
			{"t": "int", "v": "0"},
			{"t": "int", "v": "-5"},
			{"t": "float", "v": "1.5"},
			{"t": "timedelta", "v": []int{0, 3600, 7}},
			{"t": "datetime", "v": "2030-01-02T03:04:05.5+02:00"},
			{"t": "none"},
		} {
			p.request("s", cookies())
			p.on("s", "set", kv("a", "1"))
			p.on("s", "set_expiry", args{"value": e}, at)
			p.response("s", 200, cookies())
		}
	}},
	{name: "signed cookies", engines: "signed_cookies", do: func(p *bridgePair) {
		p.request("s", cookies())
		p.on("s", "set", kv("a", "1"), at)
		p.response("s", 200, cookies())
		known := cookies("sessionid", "@s")
		p.do("mw_request", args{"as": "t", "cookies": known["cookies"]})
		p.on("t", "get", k("a"), at)
		p.on("t", "set", kv("b", "2"), at)
		p.response("t", 200, known)
		p.do("mw_request", args{"as": "t", "cookies": known["cookies"]})
		p.on("t", "get", k("a"), at)
		p.on("t", "flush")
		p.response("t", 200, known)
		p.open("u", "@s")
		p.on("u", "cycle_key", at)
		p.on("u", "exists", args{"key": "@u"})
		p.on("u", "delete", args{"key": nil})
		p.on("u", "data")
		p.on("u", "create")
		p.on("u", "set", kv("c", "3"))
		p.on("u", "save", args{"must_create": false}, at)
		p.on("u", "load", at)
	}},
	{name: "over HTTP", engines: stored, do: func(p *bridgePair) {
		type step = args
		var ports [2]int
		for i, c := range []*child{p.keepsake, p.django} {
			var started struct{ Port int }
			check(p.t, json.Unmarshal(c.ask("http_start", nil).OK, &started))
			ports[i] = started.Port
		}
		keys := [2]string{}
		for _, script := range [][]step{
			{{"op": "get", "key": `"a"`}},
			{{"op": "set", "key": `"a"`, "value": "1"}, {"op": "del", "key": `"b"`}, {"op": "items"}},
			{{"op": "items"}},
			{{"op": "pop", "key": `"a"`, "has_default": false}, {"op": "is_empty"}},
			{{"op": "set_expiry", "value": args{"t": "int", "v": "1000"}}, {"op": "get_expiry_age"}},
			{{"op": "cycle_key"}, {"op": "data"}},
			{{"op": "flush"}, {"op": "data"}},
			{},
		} {
			body, err := json.Marshal(args{"script": script, "status": 201, "headers": [][2]string{{"X-A", "b"}}, "now": p.keepsake.now})
			check(p.t, err)
			var got [2]string
			for i, c := range []*child{p.keepsake, p.django} {
				r, err := http.NewRequestWithContext(p.t.Context(), "POST", fmt.Sprintf("http://127.0.0.1:%d/", ports[i]), strings.NewReader(string(body)))
				check(p.t, err)
				if keys[i] != "" {
					r.Header.Set("Cookie", "sessionid="+keys[i])
				}
				resp, err := http.DefaultClient.Do(r)
				check(p.t, err)
				var answered any
				check(p.t, json.NewDecoder(resp.Body).Decode(&answered))
				_ = resp.Body.Close()
				text, _ := json.Marshal(answered)
				got[i] = c.named(fmt.Sprint(resp.StatusCode, resp.Header["Set-Cookie"], resp.Header["Vary"], resp.Header["X-A"], string(text)))
				for _, cookie := range resp.Cookies() {
					keys[i] = cookie.Value
				}
			}
			if got[0] != got[1] {
				p.t.Errorf("%s\n  Keepsake %s\n  Django   %s", body, got[0], got[1])
			}
		}
		p.do("http_stop", nil)
	}},
}
