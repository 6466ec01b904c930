package interop

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
)

// everyKind is a session as json.dumps writes it without spaces: every kind of
// value that JSON has in Python, some of which JSON has nowhere else.
var everyKind = `{` + strings.Join([]string{
	`"int":1`, `"negative":-10`, `"zero":0`,
	`"beyond53":9007199254740993`, `"beyond64":18446744073709551617`, `"huge":-10000000000000000000000000000000000000000`,
	`"one":1.0`, `"half":0.5`, `"tiny":1e-07`, `"large":1e+16`, `"least":5e-324`, `"most":1.7976931348623157e+308`,
	`"minus_zero":-0.0`, `"nan":NaN`, `"infinity":Infinity`, `"minus_infinity":-Infinity`,
	`"true":true`, `"false":false`, `"null":null`,
	`"text":"blue"`, `"no_text":""`, `"unicode":"\u65e5\u672c \ud83d\ude00 \u2028 \u007f"`,
	`"escapes":"\u0000\t\n\r\b\f\"\\/<>&'"`, `"lone":"x\ud800y\udfff"`,
	`"list":[1,[2.0,[]],{}]`, `"dict":{"b":1,"a":{"":null},"1":[NaN]}`,
	`"":"the empty name"`, `"na\u00efve \ud83d\ude00":"a name"`, `"\udfff":"a lone name"`, `"<&>":"\"quoted\""`,
}, ",") + `}`

// largeKind is long enough to be compressed, everyKind's values included.
var largeKind = strings.TrimSuffix(everyKind, "}") + `,"long":"` + strings.Repeat("Keepsake ", 2000) + `"}`

func eachKind(t *testing.T, test func(t *testing.T, data string)) {
	t.Run("small", func(t *testing.T) { test(t, `{"beyond53":9007199254740993,"one":1.0}`) })
	t.Run("every kind", func(t *testing.T) { test(t, everyKind) })
	t.Run("compressed", func(t *testing.T) { test(t, largeKind) })
}

func TestDjangoWritesGoReads(t *testing.T) {
	m, d := both(t)
	eachKind(t, func(t *testing.T, data string) {
		key := d.text("create", args{"data": data})
		if got := d.text("payload", args{"key": key}); got != data {
			t.Fatalf("the test itself: Django stored\n%s\nwant\n%s", got, data)
		}
		compressed := strings.HasPrefix(d.row(key).Data, ".")
		equal(t, "compressed by Django", compressed, len(data) > 100)
		values, err := m.Decode(d.row(key).Data)
		check(t, err)
		text, err := m.Encode(values)
		check(t, err)
		var back struct{ Data string }
		d.must("decode", args{"data": text}, &back)
		equal(t, "decoded and encoded again", back.Data, d.load(key).Data)
		equal(t, "number of values", load(t, m, key).Len(), values.Len())
	})
}

func TestTypedValues(t *testing.T) {
	m, d := both(t)
	s := load(t, m, d.text("create", args{"data": largeKind}))

	equal(t, "int", sessions.Get(s, "int", 0), 1)
	equal(t, "negative", sessions.Get(s, "negative", int8(0)), -10)
	equal(t, "beyond53", sessions.Get(s, "beyond53", int64(0)), 9007199254740993)
	beyond64 := sessions.Get(s, "beyond64", (*big.Int)(nil))
	if beyond64 == nil || beyond64.String() != "18446744073709551617" {
		t.Errorf("beyond64: %v", beyond64)
	}
	if _, found, err := sessions.Lookup[int64](s, "beyond64"); err == nil || found {
		t.Error("2^64+1 was read as an int64")
	}
	equal(t, "one", sessions.Get(s, "one", 0.0), 1)
	equal(t, "tiny", sessions.Get(s, "tiny", 0.0), 1e-7)
	equal(t, "least", sessions.Get(s, "least", 0.0), math.SmallestNonzeroFloat64)
	equal(t, "most", sessions.Get(s, "most", 0.0), math.MaxFloat64)
	if zero := sessions.Get(s, "minus_zero", 1.0); zero != 0 || !math.Signbit(zero) {
		t.Errorf("minus_zero: %v", zero)
	}
	if nan := sessions.Get(s, "nan", 0.0); !math.IsNaN(nan) {
		t.Errorf("nan: %v", nan)
	}
	equal(t, "infinity", sessions.Get(s, "infinity", 0.0), math.Inf(1))
	equal(t, "minus_infinity", sessions.Get(s, "minus_infinity", 0.0), math.Inf(-1))
	equal(t, "true", sessions.Get(s, "true", false), true)
	equal(t, "null", sessions.Get(s, "null", "default"), "default")
	equal(t, "has null", s.Has("null"), true)
	equal(t, "unicode", sessions.Get(s, "unicode", ""), "日本 😀 \u2028 \x7f")
	equal(t, "escapes", sessions.Get(s, "escapes", ""), "\x00\t\n\r\b\f\"\\/<>&'")
	equal(t, "the empty name", sessions.Get(s, "", ""), "the empty name")
	equal(t, "a name", sessions.Get(s, "naïve 😀", ""), "a name")
	equal(t, "long", len(sessions.Get(s, "long", "")), len("Keepsake ")*2000)
	dict := sessions.Get(s, "dict", map[string]any(nil))
	equal(t, "dict", len(dict), 3)
	equal(t, "dict's int", dict["b"], any(int64(1)))
	check(t, s.Err())
}

// Go changes one value; Django reads them all, the others byte for byte.
func TestGoChangesOneValue(t *testing.T) {
	m, d := both(t)
	for _, change := range []struct {
		name          string
		make          func(s *sessions.Session)
		before, after string // in the payload; "": at its end
	}{
		{"new", func(s *sessions.Session) { s.Set("color", "blüe") }, "", `,"color":"bl\u00fce"`},
		{"in place", func(s *sessions.Session) { s.Set("beyond53", 2.0) }, `"beyond53":9007199254740993`, `"beyond53":2.0`},
		{"counter", func(s *sessions.Session) {
			sessions.Update(s, "beyond53", func(n int64) int64 { return n + 1 })
		}, `"beyond53":9007199254740993`, `"beyond53":9007199254740994`},
		{"deleted", func(s *sessions.Session) { s.Delete("beyond53") }, `"beyond53":9007199254740993,`, ``},
	} {
		t.Run(change.name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, data string) {
				key := d.text("create", args{"data": data})
				s := load(t, m, key)
				change.make(s)
				check(t, s.Save(t.Context()))

				want := strings.Replace(data, change.before, change.after, 1)
				if change.before == "" {
					want = strings.TrimSuffix(data, "}") + change.after + "}"
				}
				equal(t, "payload", d.text("payload", args{"key": key}), want)
				again := d.text("create", args{"data": want})
				equal(t, "what Django reads", d.load(key).Data, d.load(again).Data)
				row := d.row(key)
				equal(t, "types of the columns", row.DataType+" "+row.DateType, "text text")
			})
		})
	}
}

// Django changes a session of Go's, and Go reads it.
func TestDjangoChangesGosSession(t *testing.T) {
	m, d := both(t)
	s := create(t, m, map[string]any{"a": 1, "b": 1.0, "c": "é<>\x7f/\u2028😀", "d": []any{nil, true}})
	equal(t, "payload", d.text("payload", args{"key": s.Key()}), `{"a":1,"b":1.0,"c":"\u00e9<>\u007f/\u2028\ud83d\ude00","d":[null,true]}`)
	equal(t, "key", d.text("change", args{"key": s.Key(), "data": `{"a": 2}`}), s.Key())
	equal(t, "payload", payload(load(t, m, s.Key())), `{"a":2,"b":1.0,"c":"\u00e9<>\u007f/\u2028\ud83d\ude00","d":[null,true]}`)
}

// A session that Go made logs in nowhere, and Django reads it.
func TestGosSessionIsAnonymous(t *testing.T) {
	m, d := both(t)
	s := create(t, m, map[string]any{"cat": "dog"})
	seen := d.load(s.Key())
	equal(t, "key", seen.Key, s.Key())
	equal(t, "data", seen.Data, `{"cat": "dog"}`)
	equal(t, "user", d.text("user", args{"key": s.Key()}), "")

	// Made-up keys of a login don't log in either: the hash is missing.
	s.Set("_auth_user_id", "1")
	s.Set("_auth_user_backend", "django.contrib.auth.backends.ModelBackend")
	check(t, s.Save(t.Context()))
	d.text("login", nil) // so that user 1 exists
	equal(t, "user", d.text("user", args{"key": s.Key()}), "")
}

// A visitor who logged in at Django stays so while Go works on the session.
func TestDjangosLoginSurvives(t *testing.T) {
	m, d := both(t)
	key := d.text("login", nil)
	s := load(t, m, key)
	equal(t, "_auth_user_id", sessions.Get(s, "_auth_user_id", ""), "1")
	s.Set("color", "blue")
	check(t, s.Save(t.Context()))
	equal(t, "user", d.text("user", args{"key": key}), "alice")
	check(t, s.CycleKey(t.Context()))
	equal(t, "user after a new key", d.text("user", args{"key": s.Key()}), "alice")
	equal(t, "user of the old key", d.text("user", args{"key": key}), "")
}

// The essential with the other driver that needs no C compiler.
func TestOtherDriver(t *testing.T) {
	site := newSite(t)
	site.driver = "sqlite3"
	m := site.keepsake()
	_, err := m.Migrate(t.Context())
	check(t, err)
	d := site.django()
	key := d.text("create", args{"data": largeKind})
	s := load(t, m, key)
	s.Set("color", "blue")
	check(t, s.Save(t.Context()))
	equal(t, "payload", d.text("payload", args{"key": key}), strings.TrimSuffix(largeKind, "}")+`,"color":"blue"}`)
	check(t, s.CycleKey(t.Context()))
	equal(t, "exists", d.load(key).Key, "")
	equal(t, "data", d.load(s.Key()).Key, s.Key())
	n, err := m.ClearExpired(t.Context(), nil)
	check(t, err)
	equal(t, "cleared", n, 0)
}
