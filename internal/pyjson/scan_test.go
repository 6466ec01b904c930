package pyjson

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func members(text string) (list []string, err error) {
	err = ScanObject(text, func(name, raw string) { list = append(list, name+"="+raw) })
	return list, err
}

func TestScanObject(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{`{}`, nil},
		{" \t\r\n{ \n} ", nil},
		{`{"a":1}`, []string{`a=1`}},
		{`{"b":1,"a":2,"b":3}`, []string{`b=1`, `a=2`, `b=3`}},
		{` { "a" : [ 1 , {"x" :2} ] , "b" : "c, d" } `, []string{`a=[ 1 , {"x" :2} ]`, `b="c, d"`}},
		{`{"":null,"\u00e9\n":true,"\ud83d\ude00":-0}`, []string{`=null`, "\u00e9\n=true", "\U0001f600=-0"}},
		{
			`{"\ud800":NaN,"\udc00\ud800":-Infinity,"\udfff":Infinity}`,
			[]string{"\xed\xa0\x80=NaN", "\xed\xb0\x80\xed\xa0\x80=-Infinity", "\xed\xbf\xbf=Infinity"},
		},
		{
			`{"a":1.50,"b":100E-2,"c":18446744073709551617,"d":"\/\u0041"}`,
			[]string{`a=1.50`, `b=100E-2`, `c=18446744073709551617`, `d="\/\u0041"`},
		},
		{"{\"a\":\"\x7f\"}", []string{"a=\"\x7f\""}},
	} {
		if got, err := members(c.text); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, %v", c.text, got, err)
		}
	}
}

func TestScanObjectRefuses(t *testing.T) {
	for text, want := range map[string]error{
		``: ErrSyntax, ` `: ErrSyntax, `{`: ErrSyntax, `}`: ErrSyntax, `{"a"`: ErrSyntax, `{"a":`: ErrSyntax, `{"a":1`: ErrSyntax,
		`{"a":1,}`: ErrSyntax, `{,}`: ErrSyntax, `{"a":1 "b":2}`: ErrSyntax, `{a:1}`: ErrSyntax, `{'a':1}`: ErrSyntax, `{1:1}`: ErrSyntax,
		`{"a" 1}`: ErrSyntax, `{"a":}`: ErrSyntax, `{"a":1}}`: ErrSyntax, `{"a":1} x`: ErrSyntax, `{"a":1]`: ErrSyntax, `{} {}`: ErrSyntax,
		"{\"a\":\"x\ny\"}": ErrSyntax, "{\"a\n\":1}": ErrSyntax, "{\"a\":\"\x00\"}": ErrSyntax, "{\"a\":1}\x00": ErrSyntax,
		"{\"a\":\"\xe9\"}": ErrSyntax, "{\xa0}": ErrSyntax, "\ufeff{}": ErrSyntax, "{\v}": ErrSyntax, "{\f}": ErrSyntax,
		`{"a":"\x41"}`: ErrSyntax, `{"a":"\u00e"}`: ErrSyntax, `{"a":"\u00eg"}`: ErrSyntax, `{"a":"\u00EG"}`: ErrSyntax, `{"a":"\u+123"}`: ErrSyntax, `{"a":"\`: ErrSyntax,
		`{"a":"\"}`: ErrSyntax, `{"a":"\'"}`: ErrSyntax, `{"a":"\U0000"}`: ErrSyntax, `{"a":"\u0`: ErrSyntax,
		`{"a":01}`: ErrSyntax, `{"a":-01}`: ErrSyntax, `{"a":+1}`: ErrSyntax, `{"a":.5}`: ErrSyntax, `{"a":1.}`: ErrSyntax, `{"a":1e}`: ErrSyntax,
		`{"a":1e+}`: ErrSyntax, `{"a":-}`: ErrSyntax, `{"a":- 1}`: ErrSyntax, `{"a":1_0}`: ErrSyntax, `{"a":0x1}`: ErrSyntax, `{"a":--1}`: ErrSyntax,
		`{"a":-NaN}`: ErrSyntax, `{"a":+Infinity}`: ErrSyntax, `{"a":Inf}`: ErrSyntax, `{"a":nan}`: ErrSyntax, `{"a":nul}`: ErrSyntax,
		`{"a":True}`: ErrSyntax, `{"a":nullx}`: ErrSyntax, `{"a":[1,]}`: ErrSyntax, `{"a":[,1]}`: ErrSyntax, `{"a":[1 2]}`: ErrSyntax, `{"a":[}`: ErrSyntax,
		`{"a":{"b"}}`: ErrSyntax, `{"a":{"b":1,}}`: ErrSyntax, `[1] x`: ErrSyntax, `// {}`: ErrSyntax,
		`[]`: ErrNotObject, ` "{}" `: ErrNotObject, `1`: ErrNotObject, `null`: ErrNotObject, `NaN`: ErrNotObject,
		`{"a":` + strings.Repeat("9", 4300) + `}`:                                         nil,
		`{"a":-` + strings.Repeat("9", 4300) + `}`:                                        nil,
		`{"a":` + strings.Repeat("9", 4301) + `}`:                                         ErrNumber,
		`{"a":[-` + strings.Repeat("9", 4301) + `]}`:                                      ErrNumber,
		`{"a":` + strings.Repeat("9", 9999) + `.0}`:                                       nil,
		`{"a":` + strings.Repeat("9", 9999) + `e9}`:                                       nil,
		`{"a":` + strings.Repeat("[", MaxDepth-1) + strings.Repeat("]", MaxDepth-1) + `}`: nil,
		`{"a":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + `}`:     ErrDepth,
		strings.Repeat(`{"a":`, MaxDepth) + "1" + strings.Repeat("}", MaxDepth):           nil,
		strings.Repeat(`{"a":`, MaxDepth+1) + "1" + strings.Repeat("}", MaxDepth+1):       ErrDepth,
		strings.Repeat(`{"a":[`, 1_000_000):                                               ErrDepth,
		strings.Repeat(`[`, 1_000_000):                                                    ErrDepth,
	} {
		short := text[:min(len(text), 30)]
		if _, err := members(text); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", short, err, want)
		}
		if want == ErrNotObject {
			want = nil
		}
		if err := Valid(text); !errors.Is(err, want) {
			t.Errorf("Valid(%q): %v, want %v", short, err, want)
		}
	}
}

// An error says where, but nothing of what it saw.
func TestErrorsHideContent(t *testing.T) {
	_, err := members(`{"secret":"hunter2",x`)
	if err == nil || !strings.HasSuffix(err.Error(), "at offset 20") || strings.ContainsAny(err.Error(), "{\"") {
		t.Errorf("%v", err)
	}
	for raw, into := range map[string]any{
		`"hunter2"`: new(int), `112233`: new(string), `112233.5`: new(int), `1122334455667788990011`: new(int64), `["hunter2"]`: new(map[string]int),
		`{"A":"hunter2"}`: new(struct{ A int }), `{"A":112233}`: new(struct{ A int8 }), `{"B":"hunter2"}`: new(struct {
			B int `json:",string"`
		}), `{"hunter2":1}`: new(map[int]int), `"hunter2!"`: new([]byte), `{"A":112233e400}`: new(struct{ A float64 }), `["hunter2",NaN]`: new([]int),
		`{"T":"hunter2"}`: new(struct{ T refuser }), `"hunter2`: new(string),
	} {
		err := Unmarshal(raw, into)
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "112233") {
			t.Errorf("%s into %T: %v", raw, into, err)
		}
		if errors.Unwrap(err) != nil && !errors.Is(err, ErrSyntax) {
			t.Errorf("%s into %T: %v leads to %v", raw, into, err, errors.Unwrap(err))
		}
	}
}

// An UnmarshalJSON method may return anything, such as an error of encoding/json
// with the value in it.
func TestForgedErrorsHideContent(t *testing.T) {
	for raw, into := range map[string]any{
		`"hunter2"`: new(forger), `["hunter2"]`: new([]forger), `{"A":"hunter2"}`: new(struct{ A forger }), `{"k":"hunter2"}`: new(map[string]forger),
	} {
		err := Unmarshal(raw, into)
		var typeErr *TypeError
		if !errors.As(err, &typeErr) || strings.Contains(err.Error()+typeErr.Field+typeErr.Kind, "hunter2") {
			t.Errorf("%s into %T: %v", raw, into, err)
		}
	}
	if _, err := Marshal(badJSON("")); err == nil || errors.Unwrap(err) != nil || !strings.Contains(err.Error(), "MarshalJSON of pyjson.badJSON") {
		t.Error(err)
	}
	if _, err := Marshal(badText("")); err == nil || errors.Unwrap(err) != nil || !strings.Contains(err.Error(), "MarshalText of pyjson.badText") {
		t.Error(err)
	}
}

type forger struct{}

func (*forger) UnmarshalJSON(text []byte) error {
	return &json.UnmarshalTypeError{Value: string(text), Type: reflect.TypeFor[int](), Field: string(text)}
}

type refuser struct{}

var errRefused = errors.New("refused")

func (refuser) UnmarshalText(text []byte) error {
	return errors.Join(errRefused, errors.New(string(text)))
}
