package pyjson

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
)

// into decodes raw into a copy of a T.
func into[T any](raw string, v T) (any, error) {
	err := Unmarshal(raw, &v)
	return v, err
}

type name string

func TestUnmarshal(t *testing.T) {
	huge, _ := new(big.Int).SetString("-9223372036854775809", 10)
	for _, c := range []struct {
		got  func(raw string) (any, error)
		raw  string
		want any
	}{
		{to(""), `"a\ud83d\ude00"`, "a\U0001f600"},
		{to(""), ` "a" `, "a"},
		{to("x"), `null`, "x"},
		{to(false), `true`, true},
		{to(true), `false`, false},
		{to(true), `null`, true},
		{to(0), `-12`, -12},
		{to(7), `null`, 7},
		{to(int64(0)), `9223372036854775807`, int64(math.MaxInt64)},
		{to(int64(1)), `-0`, int64(0)},
		{to(0.0), `1`, 1.0},
		{to(0.0), `1.5e1`, 15.0},
		{to(0.0), `1e400`, math.Inf(1)},
		{to(0.0), `-1e400`, math.Inf(-1)},
		{to(0.0), `1e-400`, 0.0},
		{to(0.0), `-Infinity`, math.Inf(-1)},
		{to(0.0), `9007199254740993`, 9007199254740992.0},
		{to[any](1), `null`, nil},
		{to[any](nil), `"\udc00"`, "\xed\xb0\x80"},
		{to[any](nil), `12`, int64(12)},
		{to[any](nil), `-0`, int64(0)},
		{to[any](nil), `1.0`, 1.0},
		{to[any](nil), `1E400`, math.Inf(1)},
		{to[any](nil), `-9223372036854775808`, int64(math.MinInt64)},
		{to[any](nil), `-9223372036854775809`, huge},
		{to[any](huge), `[true,false,null,[],{}]`, []any{true, false, nil, []any{}, map[string]any{}}},
		{to[any](nil), `{"a":1,"b":2.0,"a":{"c":"d"}}`, map[string]any{"a": map[string]any{"c": "d"}, "b": 2.0}},
		{to([]any{1}), `null`, []any(nil)},
		{to([]any{1}), `[1, "a"]`, []any{int64(1), "a"}},
		{to(map[string]any(nil)), `{"\ud800":1}`, map[string]any{"\xed\xa0\x80": int64(1)}},
		{to(map[string]any{"x": 1}), `{"y":2}`, map[string]any{"x": 1, "y": int64(2)}},
		{to(map[string]any{"x": 1}), `null`, map[string]any(nil)},
		{to([]string(nil)), `["a", "\ud800"]`, []string{"a", "\xed\xa0\x80"}},
		{to([]string(nil)), `[]`, []string{}},
		{to([]string(nil)), `["a",null]`, []string{"a", ""}},
		{to([]string{"x"}), `null`, []string(nil)},
		{to(json.RawMessage(nil)), ` {"a" : NaN} `, json.RawMessage(`{"a" : NaN}`)},
		{to(json.RawMessage(nil)), `null`, json.RawMessage(`null`)},
		{to(name("")), `"a"`, name("a")},
		{to(uint8(0)), `255`, uint8(255)},
		{to([]byte(nil)), `"AAEC"`, []byte{0, 1, 2}},
		{to(time.Time{}), `"2026-01-02T03:04:05Z"`, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		{to((*int)(nil)), `5`, ptr(5)},
		{to(ptr(1)), `null`, (*int)(nil)},
		{to(struct{ A, B int }{1, 2}), `{"a":5,"c":NaN}`, nil},
		{to(struct{ A, B int }{1, 2}), `{"a":5}`, struct{ A, B int }{5, 2}},
	} {
		got, err := c.got(c.raw)
		if c.want == nil && c.raw != "null" {
			if !errors.Is(err, ErrNotFinite) {
				t.Errorf("%s: %v", c.raw, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %#v, %v, want %#v", c.raw, got, err, c.want)
		}
	}
	if f, err := into(`NaN`, 0.0); err != nil || f == f {
		t.Errorf("NaN: %v, %v", f, err)
	}
	if f, _ := into(`-0`, 1.0); math.Signbit(f.(float64)) {
		t.Error("the integer -0 has a sign")
	}
	if f, _ := into(`-0.0`, 1.0); !math.Signbit(f.(float64)) {
		t.Error("the float -0.0 has none")
	}
	if !IsNull(`null`) || IsNull(`"null"`) || IsNull(``) {
		t.Error("IsNull")
	}
}

func to[T any](v T) func(string) (any, error) {
	return func(raw string) (any, error) { return into(raw, v) }
}

func ptr[T any](v T) *T { return &v }

func TestUnmarshalTypeErrors(t *testing.T) {
	for _, c := range []struct {
		got  func(raw string) (any, error)
		raw  string
		want string
	}{
		{to("x"), `1`, "integer does not fit into string"},
		{to("x"), `[]`, "array does not fit into string"},
		{to(true), `"true"`, "string does not fit into bool"},
		{to(true), `0`, "integer does not fit into bool"},
		{to(1), `1.0`, "float does not fit into int"},
		{to(1), `1e2`, "float does not fit into int"},
		{to(1), `"1"`, "string does not fit into int"},
		{to(1), `true`, "boolean does not fit into int"},
		{to(1), `9223372036854775808`, "integer does not fit into int"},
		{to(int64(1)), `9223372036854775808`, "integer does not fit into int64"},
		{to(1.5), `"1"`, "string does not fit into float64"},
		{to(1.5), `{}`, "object does not fit into float64"},
		{to(1.5), strings.Repeat("9", 400), "integer does not fit into float64"},
		{to([]any{"x"}), `{}`, "object does not fit into []interface {}"},
		{to([]string{"x"}), `["a",1]`, "number does not fit into string"},
		{to(map[string]any{"x": 1}), `[]`, "array does not fit into map[string]interface {}"},
		{to(int8(1)), `300`, "integer does not fit into int8"},
		{to(struct{ A struct{ B bool } }{}), `{"A":{"B":1.5}}`, "number does not fit into bool (field A.B)"},
		{to(map[int]int(nil)), `{"x":1}`, "integer does not fit into int"},
		{to(refuser{}), `"x"`, "string does not fit into pyjson.refuser"},
	} {
		got, err := c.got(c.raw)
		var typeErr *TypeError
		if !errors.As(err, &typeErr) {
			t.Errorf("%s: %v, %v", c.raw, got, err)
			continue
		}
		if err.Error() != "json: "+c.want {
			t.Errorf("%s: %v, want %s", c.raw, err, c.want)
		}
	}
	_, err := to(refuser{})(`"x"`)
	if !errors.Is(err, errRefused) {
		t.Errorf("%v hides its cause from errors.Is", err)
	}
	for _, raw := range []string{``, `"`, `"a`, `+1`, `01`, `0_1`, `0x1`, `1 2`, `nul`, "\"\xe9\"", `tru`, `{`, `[`, `[1`, `"a" x`} {
		for _, to := range []func(string) (any, error){
			to(""), to(true), to(1), to(int64(1)), to(1.5), to[any](nil), to([]any{}), to([]string{}),
			to(map[string]any{}), to(json.RawMessage{}), to(struct{ A int }{}),
		} {
			if got, err := to(raw); !errors.Is(err, ErrSyntax) {
				t.Errorf("%q: %T %v, %v", raw, got, got, err)
			}
		}
	}
	deep := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	if _, err := into[any](deep, nil); err != nil {
		t.Error(err)
	}
	if _, err := into[any]("["+deep+"]", nil); !errors.Is(err, ErrDepth) {
		t.Error(err)
	}
	if _, err := into[any]("["+strings.Repeat("9", 4301)+"]", nil); !errors.Is(err, ErrNumber) {
		t.Error(err)
	}
	var invalid *json.InvalidUnmarshalError
	for _, v := range []any{nil, "", 1, (*string)(nil), (*any)(nil), (*time.Time)(nil)} {
		if err := Unmarshal(`"a"`, v); !errors.As(err, &invalid) {
			t.Errorf("into %T: %v", v, err)
		}
	}
}
