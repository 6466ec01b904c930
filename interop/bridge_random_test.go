package interop

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var bridgeSequences = flag.Int("bridge.sequences", 15, "how many random sequences each Django and engine gets in TestBridgeRandom")

// TestBridgeRandom has random requests answered by both. What Keepsake does
// differently on purpose is left out: two sessions that write under one key, and a
// session that has ended or expired behind its own back.
func TestBridgeRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	eachBridge(t, func(t *testing.T, p *bridgePair) {
		p.anySQL = p.anySQL || p.engine == "cached_db" // whose cache is another one
		for n := range *bridgeSequences {
			p.begin(t)
			random := &randomSession{p, rand.New(rand.NewPCG(seed, uint64(n)))}
			random.sequence()
			if t.Failed() {
				t.Fatalf("seed %d, sequence %d", seed, n)
			}
		}
	})
}

type randomSession struct {
	*bridgePair
	*rand.Rand
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func (r *randomSession) name() string {
	return pick(r.Rand, "a", "b", "c", "", "h\u00e9", "_x", "testcookie")
}

func (r *randomSession) value() string {
	return pick(r.Rand, `1`, `1.0`, `-0.0`, `1e-07`, `"x"`, `"\ud800 \u00e9"`, `null`, `NaN`, `[1,{"b":2,"a":1.5}]`, `18446744073709551617`, `"worked"`, `{}`)
}

func (r *randomSession) expiry() args {
	kinds := []args{{"t": "none"}, {"t": "int", "v": "0"}, {"t": "int", "v": fmt.Sprint(100 + r.IntN(1000))}, {"t": "float", "v": "600.5"}}
	if !r.python.before(4, 1) {
		kinds = append(kinds, args{"t": "timedelta", "v": []int{r.IntN(3), 100, r.IntN(2)}},
			args{"t": "datetime", "v": time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05+00:00")})
	}
	return pick(r.Rand, kinds...)
}

// sequence is the life of one session, in and out of requests.
func (r *randomSession) sequence() {
	r.use(args{
		"SESSION_COOKIE_AGE": pick(r.Rand, 1209600, 5000), "SESSION_EXPIRE_AT_BROWSER_CLOSE": r.IntN(3) == 0,
		"SESSION_COOKIE_SAMESITE": pick[any](r.Rand, "Lax", "Strict", nil), "SESSION_COOKIE_DOMAIN": pick[any](r.Rand, nil, "example.com"),
		"SESSION_SAVE_EVERY_REQUEST": r.IntN(4) == 0 && !r.python.before(5, 0),
	})
	r.open("s", nil)
	for range 12 {
		if r.t.Failed() {
			return
		}
		r.step(r.IntN(24))
	}
	r.request()
	r.on("s", "data")
}

func (r *randomSession) step(n int) {
	switch n {
	case 0, 1, 2, 3:
		r.on("s", "set", kv(r.name(), r.value()))
	case 4:
		r.on("s", "get", k(r.name()))
	case 5:
		r.on("s", "del", k(r.name()))
	case 6:
		r.on("s", "pop", k(r.name()), args{"has_default": r.IntN(2) == 0})
	case 7:
		r.on("s", "setdefault", kv(r.name(), r.value()))
	case 8:
		r.on("s", "update", args{"value": `{"b":` + r.value() + `,"a":` + r.value() + `}`})
	case 9:
		r.on("s", pick(r.Rand, "keys", "values", "items", "data", "is_empty", "test_cookie_worked"))
	case 10:
		r.on("s", pick(r.Rand, "set_test_cookie", "delete_test_cookie"))
	case 11, 12:
		r.on("s", "set_expiry", args{"value": r.expiry()}, at)
		r.on("s", "get_expiry_age", at)
		r.on("s", "get_expiry_date", at)
		r.on("s", "get_expire_at_browser_close")
	case 13, 14, 15:
		r.on("s", "data")
		r.on("s", "save", args{"must_create": r.IntN(5) == 0}, at)
	case 16:
		r.on("s", "data")
		r.on("s", pick(r.Rand, "clear", "flush", "cycle_key", "create"), at)
	case 17:
		if r.engine != "signed_cookies" || r.keepsake.keys["s"] != "" { // Django takes it for a forged cookie
			r.on("s", "load", at)
		}
	case 18:
		r.on("s", "unload")
		r.on("s", "items", at)
	case 19:
		r.open("s", "@s")
		r.on("s", "contains", k(r.name()), at)
	case 20:
		r.on("s", "set_flag", args{"name": pick(r.Rand, "accessed", "modified"), "value": r.IntN(2) == 0})
	case 21:
		e := r.expiry()
		if e["t"] == "timedelta" { // is for set_expiry only
			e = args{"t": "none"}
		}
		r.on("s", "get_expiry_age", args{"expiry": e, "modification": "2026-09-21T00:00:00.5+00:00"}, at)
	default:
		r.request()
	}
}

// request is a request with the session's cookie.
func (r *randomSession) request() {
	with := cookies()
	if r.keepsake.keys["s"] != "" {
		with = cookies("sessionid", "@s")
	}
	r.bridgePair.request("s", with)
	for range r.IntN(4) {
		r.step(r.IntN(13))
	}
	status := pick(r.Rand, 200, 200, 200, 302, 404, 500)
	if status == 500 && r.settings["SESSION_SAVE_EVERY_REQUEST"] == true { // Django loads what it does not save
		status = 403
	}
	r.response("s", status, with)
}
