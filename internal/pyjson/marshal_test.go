package pyjson

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
)

func TestMarshal(t *testing.T) {
	huge, _ := new(big.Int).SetString("18446744073709551617", 10)
	type inner struct{ F float64 }
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, `null`},
		{true, `true`},
		{"a\u00e9\x7f", `"a\u00e9\u007f"`},
		{-5, `-5`},
		{int64(math.MinInt64), `-9223372036854775808`},
		{uint64(math.MaxUint64), `18446744073709551615`},
		{uint8(7), `7`},
		{huge, `18446744073709551617`},
		{1.0, `1.0`},
		{1e16, `1e+16`},
		{1e-5, `1e-05`},
		{math.Copysign(0, -1), `-0.0`},
		{5e-324, `5e-324`},
		{1e22, `1e+22`},
		{math.NaN(), `NaN`},
		{math.Inf(1), `Infinity`},
		{math.Inf(-1), `-Infinity`},
		{float32(0.1), `0.1`},
		{float32(1), `1.0`},
		{float32(1e-4), `0.0001`},
		{float32(1e16), `1e+16`},
		{float32(math.Inf(1)), `Infinity`},
		{[]any{1.0, []float64{2}, map[string]float64{"x": 3}}, `[1.0,[2.0],{"x":3.0}]`},
		{struct {
			A float64
			B []inner
			C *float64
			D any
			E map[string]any `json:"e"`
		}{1, []inner{{2}}, ptr(3.0), 4.0, map[string]any{"b": 5.0, "a": float32(6)}}, `{"A":1.0,"B":[{"F":2.0}],"C":3.0,"D":4.0,"e":{"a":6.0,"b":5.0}}`},
		{struct {
			A float64  `json:",string"`
			B *float32 `json:",string"`
		}{1, ptr(float32(2))}, `{"A":"1.0","B":"2.0"}`},
		{map[name]int{"b": 1, "a": 2, "\u00e9": 3, "\xed\xa0\x80": 4}, `{"a":2,"b":1,"\u00e9":3,"\ud800":4}`},
		{map[string]any(nil), `null`},
		{[]any(nil), `null`},
		{[]string(nil), `null`},
		{(*int)(nil), `null`},
		{json.RawMessage(nil), `null`},
		{map[string]any{}, `{}`},
		{[]any{}, `[]`},
		{[]string{"a", "\xed\xa0\x80"}, `["a","\ud800"]`},
		{json.Number("1.50"), `1.50`},
		{json.Number(""), `0`},
		{[]json.Number{"12345678901234567890"}, `[12345678901234567890]`},
		{json.RawMessage(" { \"\u00e9 \\\" \x7f\" : [ 1.0 , NaN ,\n-Infinity ] } "), `{"\u00e9 \" \u007f":[1.0,NaN,-Infinity]}`},
		{struct{ R json.RawMessage }{json.RawMessage(`[ "\\" , "\\\" ," ]`)}, `{"R":["\\","\\\" ,"]}`},
		{map[string]any{"r": []json.RawMessage{json.RawMessage(`1E5`)}}, `{"r":[1E5]}`},
		{struct {
			E string `json:"\u00e9"`
		}{"x"}, `{"\u00e9":"x"}`},
	} {
		got, err := Marshal(c.v)
		if got != c.want || err != nil {
			t.Errorf("%#v: %s, %v, want %s", c.v, got, err, c.want)
		}
		if b, err := Append([]byte("> "), c.v); string(b) != "> "+c.want || err != nil {
			t.Errorf("Append %#v: %s, %v", c.v, b, err)
		}
	}
}

type badJSON string

func (b badJSON) MarshalJSON() ([]byte, error) {
	if b == "" {
		return nil, errRefused
	}
	return []byte(b), nil
}

type badText string

func (b badText) MarshalText() ([]byte, error) {
	if b == "" {
		return nil, errRefused
	}
	return []byte(b), nil
}

func TestMarshalRefuses(t *testing.T) {
	digits := strings.Repeat("9", 4301)
	for _, c := range []struct {
		v    any
		want error
	}{
		{"\xff", ErrUTF8},
		{[]string{"a\xff"}, ErrUTF8},
		{map[string]any{"\xff": 1}, ErrUTF8},
		{map[name]int{"\xff": 1}, ErrUTF8},
		{name("\xff"), ErrUTF8},
		{struct{ A any }{"\xff"}, ErrUTF8},
		{badText("\xff"), ErrUTF8},
		{map[any1]badText{{1}: "\xff"}, ErrUTF8},
		{badJSON(""), errRefused},
		{badText(""), errRefused},
		{map[badKey]int{{}: 1}, errRefused},
		{[]any{badJSON("")}, errRefused},
		{badJSON("{"), ErrSyntax},
		{badJSON("1 2"), ErrSyntax},
		{badJSON("\"\n\""), ErrSyntax},
		{badJSON("\"\xff\""), ErrSyntax},
		{badJSON("\ufeff1"), ErrSyntax},
		{badJSON("01"), ErrSyntax},
		{badJSON("\"\\\u00e9\""), ErrSyntax},
		{json.RawMessage("nul"), ErrSyntax},
		{json.RawMessage{}, ErrSyntax},
		{badJSON(digits), ErrNumber},
		{json.Number(digits), ErrNumber},
		{json.RawMessage(digits), ErrNumber},
		{json.Number("x"), ErrSyntax},
		{json.Number("1.2.3"), ErrSyntax},
		{json.Number(" 1"), ErrSyntax},
		{json.Number("NaN"), ErrSyntax},
		{new(big.Int).Exp(big.NewInt(10), big.NewInt(4300), nil), ErrNumber},
	} {
		got, err := Marshal(c.v)
		if !errors.Is(err, c.want) || got != "" {
			t.Errorf("%T: %.20q, %v, want %v", c.v, got, err, c.want)
		}
		if b, _ := Append([]byte("> "), c.v); string(b) != "> " {
			t.Errorf("Append %T: %.20q", c.v, b)
		}
	}
	var unsupported *json.UnsupportedTypeError
	for _, v := range []any{make(chan int), (chan int)(nil), func() {}, 1i, []any{func() {}}, struct{ C chan int }{}, map[float64]int{}, map[any]int(nil)} {
		if got, err := Marshal(v); !errors.As(err, &unsupported) {
			t.Errorf("%T: %s, %v", v, got, err)
		}
	}
}

type any1 struct{ n int }

func (any1) MarshalText() ([]byte, error) { return []byte("k"), nil }

type badKey struct{}

func (badKey) MarshalText() ([]byte, error) { return nil, errRefused }

type node struct {
	Next *node
	Any  any
	List []node
	Map  map[string]*node
}

func TestMarshalCycles(t *testing.T) {
	a, b, c := &node{}, &node{}, &node{List: make([]node, 1)}
	a.Next = a
	b.Any = map[string]any{"b": []any{b}}
	c.List[0].Map = map[string]*node{"c": c}
	type ring []ring
	r := ring{nil}
	r[0] = r
	m := map[string]any{}
	m["m"] = m
	l := []any{nil}
	l[0] = l
	var x any
	x = &x
	type pointer *pointer
	var p pointer
	p = pointer(&p)
	for i, v := range []any{a, *a, b, c, r, m, l, x, p, []any{x}} {
		if got, err := Marshal(v); !errors.Is(err, ErrDepth) || got != "" {
			t.Errorf("%d: %.20s, %v", i, got, err)
		}
	}
}

// Whatever is written can be read as a member of an object, as deep as that
// may be, whether Go data or JSON nests, through pointers, too.
func TestMarshalDepth(t *testing.T) {
	list := &node{}
	var nested any = 1
	for range MaxDepth - 2 {
		list = &node{Any: list} // an interface and a pointer each time
		nested = []any{nested}
	}
	// Side by side is not deep.
	wide := make([]any, 8*maxHops)
	for i := range wide {
		wide[i] = []any{[]any{}, map[string]any{}, struct{}{}, map[int]int{}, [0]int{}, []string{}, ptr(ptr(1))}[i%7]
	}
	if _, err := Marshal(wide); err != nil {
		t.Error(err)
	}
	if _, err := Marshal(struct{ A, B []*any }{[]*any{ptr[any](wide)}, nil}); err != nil {
		t.Error(err)
	}
	raw := json.RawMessage(strings.Repeat("[", MaxDepth-1) + strings.Repeat("]", MaxDepth-1))
	for name, v := range map[string]any{"list": list, "nested": []any{nested}, "raw": raw, "raw in raw": []any{raw[1 : len(raw)-1]}} {
		text, err := Marshal(v)
		if err == nil {
			_, err = members(`{"a":` + text + `}`)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, v := range []any{[]any{v}, map[string]any{"v": v}, struct{ V any }{v}, map[int]any{1: v}, [1]any{v}} {
			if _, err := Marshal(v); !errors.Is(err, ErrDepth) {
				t.Errorf("%T of %s: %v", v, name, err)
			}
		}
	}
}
