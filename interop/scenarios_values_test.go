package interop

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
)

// pythons are values that JSON can't express, as Django's cache engine keeps them.
const pythons = `{
	'tuple': (1, ('a', 2.5, None)), 'set': {1, 2, 3}, 'frozen': frozenset(['x']), 'bytes': b'\x00\xff',
	'aware': datetime.datetime(2026, 9, 21, 14, 13, 20, 123456, tzinfo=datetime.timezone.utc),
	'offset': datetime.datetime(2026, 9, 21, tzinfo=datetime.timezone(datetime.timedelta(hours=5, minutes=45))),
	'naive': datetime.datetime(2026, 9, 21, 14, 13, 20), 'day': datetime.date(2026, 9, 21),
	'time': datetime.time(1, 2, 3, 4), 'delta': datetime.timedelta(days=1, microseconds=5),
	'price': decimal.Decimal('19.90'), 'id': uuid.UUID(int=7), 'nested': {'list': [(1,), {'deep': {b'x'}}]},
	'complete': [1, 1.0, 2**70, True, None, 'text', float('inf'), -0.0],
	1: 'a number names it', (1, 2): 'a tuple does', None: 'nothing does',
}`

func djangoWrites(x *pair, what, data string) {
	x.Helper()
	s := load(x, x.m, x.d.text("create", args{"data": data}))
	x.same(what, payload(s), x.d.text("dumps", args{"data": data, "compact": true}))
}

func goWrites(x *pair, what, data string) {
	x.Helper()
	seen := x.d.load(x.put(x.sides, data))
	x.same(what, seen.Data, x.d.text("dumps", args{"data": data}))
}

func djangoWritesValues(x *pair) {
	for _, data := range x.kinds() {
		djangoWrites(x, "values", data)
	}
}

func goWritesValues(x *pair) {
	for _, data := range x.kinds() {
		goWrites(x, "values", data)
	}
}

// kinds are sessions as json.dumps writes them without spaces. A cookie has no room
// for a megabyte, and neither has Memcached.
func (x *pair) kinds() []string {
	deep := `{"deep":` + strings.Repeat(`[{"":`, 150) + `1e-07` + strings.Repeat(`}]`, 150) + `}`
	kinds := []string{`{}`, `{"cat":"dog"}`, everyKind, largeKind, deep}
	if !x.stack.cookie() && !strings.Contains(x.stack.server, "Memcached") {
		kinds = append(kinds, `{"megabyte":"`+strings.Repeat(`0123456\ud83d\ude00`, 1<<20/19)+`"}`)
	}
	return kinds
}

// sessionVectors are the sessions of the vectors that real Djangos made.
func sessionVectors(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/sessions.json")
	check(t, err)
	var vectors map[string]string
	check(t, json.Unmarshal(text, &vectors))
	if len(vectors) < 20 {
		t.Fatalf("%d vectors", len(vectors))
	}
	return vectors
}

func djangoWritesVectors(x *pair) {
	for id, data := range sessionVectors(x) {
		djangoWrites(x, id, data)
	}
}

func goWritesVectors(x *pair) {
	for id, data := range sessionVectors(x) {
		goWrites(x, id, data)
	}
}

// Keepsake changes a session and leaves alone what it can't read.
func pythonSurvivesSaves(x *pair) {
	key := x.d.text("create_python", args{"values": pythons})
	x.change(x.sides, key, `{"go":"was here","complete":[]}`)
	x.same("after a save here", x.d.text("load_python", args{"key": key}),
		x.d.text("python", args{"values": `{**` + pythons + `, 'complete': [], 'go': 'was here'}`}))
	s := load(x, x.m, key)
	_, _, err := sessions.Lookup[string](s, "price")
	x.same("a Decimal is no string here", err != nil, true)
	x.same("and it is there", s.Has("price"), true)
}

// They go along to another key, and back and forth.
func pythonSurvivesNewKeys(x *pair) {
	s := load(x, x.m, x.d.text("create_python", args{"values": pythons}))
	check(x, s.CycleKey(x.Context()))
	key := x.d.text("change", args{"key": s.Key(), "data": `{"django": 1}`})
	s = load(x, x.m, key)
	s.Delete("set")
	check(x, s.Save(x.Context()))
	key = x.d.text("cycle", args{"key": key})
	x.change(x.sides, key, `{"go":1}`)
	x.same("after new keys", x.d.text("load_python", args{"key": key}),
		x.d.text("python", args{"values": `{k: v for k, v in {**` + pythons + `, 'django': 1, 'go': 1}.items() if k != 'set'}`}))
}

func changesFromDjangos(x *pair) {
	changes(x, x.d.text("create", args{"data": `{"n": 0, "one": 1.0}`}))
}

func changesFromGos(x *pair) { changes(x, x.put(x.sides, `{"n":0,"one":1.0}`)) }

// changes lets both sides change one session in turns.
func changes(x *pair, key string) {
	for range 3 {
		s := load(x, x.m, key)
		sessions.Update(s, "n", func(n int) int { return n + 1 })
		s.Set("go", 1e-7)
		check(x, s.Save(x.Context()))
		key = x.d.text("add", args{"key": s.Key(), "name": "n"})
	}
	x.d.must("load", args{"key": key}, nil)
	x.same("Django's view", x.d.load(key).Data, `{"n": 6, "one": 1.0, "go": 1e-07}`)
	key = x.d.text("change", args{"key": key, "data": `{"django": 18446744073709551617}`})
	x.same("Keepsake's view", payload(load(x, x.m, key)), `{"n":6,"one":1.0,"go":1e-07,"django":18446744073709551617}`)
	if x.stack.cookie() {
		return
	}

	// Django's change between Keepsake's load and save is kept.
	s := load(x, x.m, key)
	s.Set("go", 2)
	sessions.Update(s, "n", func(n int) int { return n + 1 })
	x.d.text("change", args{"key": key, "data": `{"n": 100, "late": null}`})
	check(x, s.Save(x.Context()))
	x.same("after parallel changes", x.d.load(key).Data, `{"n": 101, "one": 1.0, "go": 2, "django": 18446744073709551617, "late": null}`)
}
