package pyjson

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
)

type inside struct {
	Any   any
	Next  *inside
	Slice []inside
	Num   json.Number
}

type promoted struct{ P any }

// Integers stay integers wherever an any is, and what is read is written the
// same again.
func TestNumbersInside(t *testing.T) {
	for _, c := range []struct {
		raw  string
		into any
	}{
		{`[{"a":1,"b":1.0,"c":[12345678901234567890,-1e+16,{"d":-1}]},null]`, new([]map[string]any)},
		{`{"k":[1,2.0,[9007199254740993]]}`, new(map[string][]any)},
		{`{"k":1,"l":2.0}`, new(map[string]*any)},
		{`{"Any":1,"Next":{"Any":[2.0],"Next":null,"Slice":null,"Num":5},"Slice":[{"Any":{"x":3},"Next":null,"Slice":[],"Num":1.50}],"Num":0}`, new(inside)},
		{`{"1":[1,1.0]}`, new(map[int][2]any)},
		{`{"P":1,"Q":2.0}`, new(struct {
			promoted
			Q any
		})},
		{`[[1],[2.0]]`, new([2][]any)},
		{`1`, new(*any)},
	} {
		if err := Unmarshal(c.raw, c.into); err != nil {
			t.Errorf("%s: %v", c.raw, err)
		}
		if again, err := Marshal(c.into); again != c.raw || err != nil {
			t.Errorf("%s into %T: %s, %v", c.raw, c.into, again, err)
		}
	}

	var m []map[string]any
	if err := Unmarshal(`[{"a":1,"b":1.0}]`, &m); err != nil || !reflect.DeepEqual(m, []map[string]any{{"a": int64(1), "b": 1.0}}) {
		t.Errorf("%#v, %v", m, err)
	}
	var x struct{ A, B any }
	if err := Unmarshal(`{"A":1e400,"B":[-0,-0.0]}`, &x); err != nil || x.A != math.Inf(1) || x.B.([]any)[0] != int64(0) || !math.Signbit(x.B.([]any)[1].(float64)) {
		t.Errorf("%#v, %v", x, err)
	}
	var p struct {
		promoted
		*inside
	}
	if err := Unmarshal(`{"P":1}`, &p); err != nil || p.P != int64(1) {
		t.Errorf("%#v, %v", p.P, err)
	}
	// Of a value that does not fit the rest is read, as encoding/json does.
	var part struct {
		A any
		B int
	}
	if err := Unmarshal(`{"A":5,"B":"x"}`, &part); err == nil || part.A != int64(5) {
		t.Errorf("%#v, %v", part, err)
	}
	// A json.Number that was asked for stays.
	var n map[string]json.Number
	if err := Unmarshal(`{"a":1.50}`, &n); err != nil || n["a"] != "1.50" {
		t.Errorf("%#v, %v", n, err)
	}
}

// What is there already may refer to itself, hold pointers, or not be settable.
func TestNumbersInsideCycles(t *testing.T) {
	v := &inside{Any: [1]any{json.Number("1")}}
	v.Next = v
	v.Slice = make([]inside, 2)
	v.Slice[0].Slice = v.Slice
	v.Slice[1].Any = v
	m := map[string]any{"v": v, "n": nil}
	m["m"] = m
	v.Slice[0].Any = m
	if err := Unmarshal(`{"Num":3}`, v); err != nil || v.Num != "3" {
		t.Errorf("%v, %v", v.Num, err)
	}

	held := &inside{}
	box := struct{ A any }{held} // encoding/json reads into what the any points to
	if err := Unmarshal(`{"A":{"Any":7}}`, &box); err != nil || held.Any != int64(7) {
		t.Errorf("%#v, %v", held, err)
	}
}
