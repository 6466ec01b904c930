package pyjson

import (
	"errors"
	"strings"
	"testing"
)

func TestAppendString(t *testing.T) {
	for s, want := range map[string]string{
		"":                          `""`,
		"a/b<c>&d'":                 `"a/b<c>&d'"`,
		"\n\r\t\b\f\"\\":            `"\n\r\t\b\f\"\\"`,
		"\x00\x1f\x7f":              `"\u0000\u001f\u007f"`,
		"\u0080\u00e9\u2028\uffff":  `"\u0080\u00e9\u2028\uffff"`,
		"\U0001f600\U0010ffff":      `"\ud83d\ude00\udbff\udfff"`,
		"\xed\xa0\x80x\xed\xbf\xbf": `"\ud800x\udfff"`,
		"\ufffd\ufeff\ud7ff\ue000":  `"\ufffd\ufeff\ud7ff\ue000"`,
	} {
		if got := string(AppendString([]byte("> "), s)); got != "> "+want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
		if back, ok := Unquote(want); back != s || !ok || !ValidName(s) {
			t.Errorf("%s: %q, %v; valid: %v", want, back, ok, ValidName(s))
		}
	}
	if got := string(AppendString(nil, "a\xffb\xc3\xed\xa0")); got != `"a\ufffdb\ufffd\ufffd\ufffd"` {
		t.Errorf("invalid bytes: %s", got)
	}
}

func TestUnquote(t *testing.T) {
	for raw, want := range map[string]string{
		`"\u0041\/\"\uD83D\uDE00\u00E9"`: "A/\"\U0001f600\u00e9",
		`"\ud83d\ud83d\ude00"`:           "\xed\xa0\xbd\U0001f600",
		`"\ud83d\n"`:                     "\xed\xa0\xbd\n",
		`"\ude00\ud83d"`:                 "\xed\xb8\x80\xed\xa0\xbd",
		`"\\ud83d"`:                      `\ud83d`,
		"\"\x7f\"":                       "\x7f",
	} {
		if got, ok := Unquote(raw); got != want || !ok {
			t.Errorf("%s: %q, %v", raw, got, ok)
		}
	}
	for _, raw := range []string{``, `"`, `a`, `"a`, `"a" `, ` "a"`, `"a"b"`, `1`, `null`, "\"\n\"", `"\u12"`, `"\"`, "\"\xe9\""} {
		if got, ok := Unquote(raw); got != "" || ok {
			t.Errorf("%q: %q, %v", raw, got, ok)
		}
	}
}

func TestValidName(t *testing.T) {
	for _, s := range []string{"\xff", "a\xc3", "\xc0\x80", "\xed\xa0", "\xed", "\xed\xc0\x80", "\xf4\x90\x80\x80", "\x80", "\xed\xa0\xbd\xed\xb8\x80", "\xed\xa0\x80\xff"} {
		if ValidName(s) {
			t.Errorf("%q", s)
		}
		if got, err := Marshal(map[string]any{s: 1}); !errors.Is(err, ErrUTF8) || got != "" {
			t.Errorf("key %q: %s, %v", s, got, err)
		}
		if got, err := Marshal([]any{s}); !errors.Is(err, ErrUTF8) || got != "" || strings.Contains(err.Error(), s) {
			t.Errorf("%q: %s, %v", s, got, err)
		}
	}
}

func TestToASCII(t *testing.T) {
	for _, c := range []struct{ in, latin1, utf8 string }{
		{`{"a":1}`, `{"a":1}`, `{"a":1}`},
		{"\"\x7f\"", "\"\x7f\"", "\"\x7f\""},
		{"\"\u00e9\"", `"\u00c3\u00a9"`, `"\u00e9"`},
		{"\"\u2028\U0001f600\ufffd\"", `"\u00e2\u0080\u00a8\u00f0\u009f\u0098\u0080\u00ef\u00bf\u00bd"`, `"\u2028\ud83d\ude00\ufffd"`},
		{"\"\xe9\"", `"\u00e9"`, ""},
		{"\"\\\\\u00e9\"", `"\\\u00c3\u00a9"`, `"\\\u00e9"`},
		{"\"\\\u00e9\"", "\"\\\xc3\\u00a9\"", ""},
		{"\"\\\\\\\u00e9\"", "\"\\\\\\\xc3\\u00a9\"", ""},
		{"\"\xed\xa0\x80\"", `"\u00ed\u00a0\u0080"`, ""},
		{"\ufeff{}", `\u00ef\u00bb\u00bf{}`, ""},
	} {
		if got := Latin1ToASCII(c.in); got != c.latin1 {
			t.Errorf("Latin-1 %q: %q, want %q", c.in, got, c.latin1)
		}
		if got, err := UTF8ToASCII(c.in); got != c.utf8 || (err != nil) != (c.utf8 == "") || err != nil && !errors.Is(err, ErrSyntax) {
			t.Errorf("UTF-8 %q: %q, %v, want %q", c.in, got, err, c.utf8)
		}
	}
	// A backslash in front of such a byte is an error to Python, not "\\u00e9".
	if err := Valid(Latin1ToASCII("\"\\\xe9\"")); !errors.Is(err, ErrSyntax) {
		t.Error(err)
	}
	// Each position within the eight bytes that are looked at together.
	for n := range 40 {
		for i := range n {
			text := []byte(strings.Repeat("x", n))
			text[i] = 0xe9
			if got := Latin1ToASCII(string(text)); got != strings.Repeat("x", i)+`\u00e9`+strings.Repeat("x", n-i-1) {
				t.Errorf("%d of %d: %q", i, n, got)
			}
		}
	}
}
