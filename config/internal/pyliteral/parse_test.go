package pyliteral

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]any{
		`None`:                        nil,
		`True`:                        true,
		`False`:                       false,
		`0`:                           int64(0),
		`-12`:                         int64(-12),
		`1.5`:                         1.5,
		`1e+16`:                       1e16,
		`-inf`:                        math.Inf(-1),
		`inf`:                         math.Inf(1),
		`99999999999999999999`:        Unknown(`99999999999999999999`),
		`(1+2j)`:                      nil, // refused below
		`''`:                          "",
		`'a"b'`:                       `a"b`,
		`"a'b"`:                       `a'b`,
		`'a\'b\\\n\t\x00'`:            "a'b\\\n\t\x00",
		`'\xe4\u20ac\U0001f36a'`:      "ä€🍪",
		`'äö'`:                        "äö",
		`'\101\0'`:                    "A\x00",
		`'\d'`:                        `\d`,
		`b'\xff\x00a'`:                Bytes("\xff\x00a"),
		`r'\d'`:                       `\d`,
		`[]`:                          []any{},
		`()`:                          []any{},
		`(1,)`:                        []any{int64(1)},
		`['a', ('b', None)]`:          []any{"a", []any{"b", nil}},
		`{}`:                          Dict{},
		`{1, 2}`:                      []any{int64(1), int64(2)},
		`set()`:                       []any{},
		`frozenset({'a'})`:            []any{"a"},
		`{'a': 1, 'b': {'c': []}}`:    Dict{{"a", int64(1)}, {"b", Dict{{"c", []any{}}}}},
		`OrderedDict([('a', 1)])`:     Dict{{"a", int64(1)}},
		`OrderedDict({'a': 1})`:       Dict{{"a", int64(1)}},
		`PosixPath('/srv/site')`:      "/srv/site",
		`datetime.timedelta(days=14)`: 14 * 24 * time.Hour,
		`datetime.timedelta(0)`:       time.Duration(0),
		`datetime.timedelta(days=-1, seconds=3, microseconds=5)`: -24*time.Hour + 3*time.Second + 5*time.Microsecond,
		`<function f at 0x7f>`:                            Unknown(`<function f at 0x7f>`),
		`<django.lazy.<locals>.__proxy__ object at 0x7f>`: Unknown(`<django.lazy.<locals>.__proxy__ object at 0x7f>`),
		`re.compile('^a')`:                                Unknown(`re.compile('^a')`),
		`Decimal('1.5')`:                                  Unknown(`Decimal('1.5')`),
		`Color.RED`:                                       Unknown(`Color.RED`),
		`[<object at 1>, Foo(a=1, b='x'), 3]`:             []any{Unknown(`<object at 1>`), Unknown(`Foo(a=1, b='x')`), int64(3)},
	} {
		got, rest, err := Parse(text)
		if text == `(1+2j)` {
			if err == nil && !reflect.DeepEqual(got, []any{Unknown("1+2j")}) {
				t.Errorf("%s: %#v", text, got)
			}
			continue
		}
		if err != nil || rest != "" || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, %q, %v, want %#v", text, got, rest, err, want)
		}
	}
	if got, rest, err := Parse(`'a'  ###`); got != "a" || rest != "  ###" || err != nil {
		t.Errorf("with a rest: %v, %q, %v", got, rest, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		``, ` `, `'`, `'a`, `"a'`, "'a\nb'", `'\x0'`, `'\u12'`, `'\U99999999'`, `b'\`, `[`, `[1 2]`, `[1,,2]`, `{1: 2, 3}`, `{1, 2: 3}`, `{'a':}`,
		`(`, `<a`, `x'a'`, `f(`, `f(1`, `f(1 2)`, `0x1f`, `1_000`, `--1`, `+`, `}`, `'\` + "\x80'",
		strings.Repeat("[", 1000), strings.Repeat("f(", 1000), strings.Repeat("{1:", 1000),
	} {
		if got, _, err := Parse(text); err == nil {
			t.Errorf("%.40q: %#v", text, got)
		}
	}
}

// Python itself says what repr is.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("KEEPSAKE_STRICT") == "1" {
			t.Fatal("KEEPSAKE_STRICT: no python3")
		}
		t.Skip("no python3 (Debian: apt-get install python3)")
	}
	program := `
import datetime, pathlib
for v in [
    ''.join(map(chr, range(0x180))), 'a\'b"c', "it's", '"', '\\x41', b''.join(bytes([i]) for i in range(256)),
    1.0, 1e-7, 1e300, 10**15, -5, (1,), {'a': {'b': [None, True, (1.5, 'x')]}}, {1, 2}, frozenset(), set(),
    pathlib.PosixPath("/a'b"), datetime.timedelta(days=3, seconds=5), '\U0001f36a\u2028',
]:
    print(repr(v))
`
	out, err := exec.Command(python, "-c", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	var all []string
	for _, line := range lines {
		v, rest, err := Parse(line)
		if err != nil || rest != "" {
			t.Fatalf("%s: %q, %v", line, rest, err)
		}
		all = append(all, fmt.Sprintf("%T", v))
	}
	want := "string string string string string pyliteral.Bytes float64 float64 float64 int64 int64 []interface {} pyliteral.Dict []interface {} []interface {} []interface {} string time.Duration string"
	if got := strings.Join(all, " "); got != want {
		t.Errorf("types\n%s\nwant\n%s", got, want)
	}
	first, _, _ := Parse(lines[0])
	for i, r := range []rune(first.(string)) {
		if r != rune(i) {
			t.Fatalf("character %d: %U", i, r)
		}
	}
	if b, _, _ := Parse(lines[5]); len(b.(Bytes)) != 256 || b.(Bytes)[255] != 255 {
		t.Errorf("bytes: %q", b)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{'ENGINE': 'django.db.backends.sqlite3', 'NAME': PosixPath('/srv/db.sqlite3')}`, `[('a', <b<c>>), b'\x00']`,
		`datetime.timedelta(days=1)`, `frozenset({1.5e3, -0, nan})`, `'\N{DASH}\101'`, `f(a=1,b=(2,))`, `1+2j`, `r'\'`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, rest, err := Parse(text)
		if err != nil {
			return
		}
		if !strings.HasSuffix(text, rest) {
			t.Fatalf("%q: the rest is %q", text, rest)
		}
		again, _, err := Parse(text[:len(text)-len(rest)])
		if err != nil || fmt.Sprint(again) != fmt.Sprint(value) {
			t.Fatalf("%q: %v, then %v, %v", text, value, again, err)
		}
	})
}
