package pickle

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
)

// An integer is written as CPython does, in as few bytes as hold it, and read
// back; 64 bits and more are no border.
func TestIntegers(t *testing.T) {
	for shift := range 200 {
		for delta := int64(-2); delta <= 2; delta++ {
			for _, sign := range []int64{1, -1} {
				n := new(big.Int).Lsh(big.NewInt(1), uint(shift))
				n.Add(n, big.NewInt(delta)).Mul(n, big.NewInt(sign))
				var a Arena
				v, err := a.FromJSON(n.String())
				if err != nil {
					t.Fatal(err)
				}
				if (v.Kind == Int) != n.IsInt64() || v.Kind == Int && v.Int != n.Int64() {
					t.Errorf("%v is %+v", n, v)
				}
				data, err := Append(nil, v, 5, 1000)
				if err != nil {
					t.Fatal(err)
				}
				back, _, err := Parse(string(data), 1000)
				if err != nil || back.Kind != v.Kind || back.Int != v.Int || back.Text != v.Text {
					t.Errorf("%v is read as %+v, %v", n, back, err)
				}
				budget := 1000
				text, ok, err := AppendJSON(nil, back, &budget)
				if string(text) != n.String() || !ok || err != nil || budget != 1000-len(text) {
					t.Errorf("%v becomes %s, %v, %v, %d", n, text, ok, err, budget)
				}
			}
		}
	}
}

// A LONG1 may have more bytes than it needs.
func TestLongSignExtension(t *testing.T) {
	for data, want := range map[string]int64{
		"\x8a\x00.": 0, "\x8a\x01\xff.": -1, "\x8a\x02\x05\x00.": 5, "\x8a\x03\xff\xff\xff.": -1, "\x8a\x02\xff\x00.": 255,
		"\x8a\x0a\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00.": 1, "\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\x00.": math.MaxInt64,
		"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\xff.": math.MinInt64,
	} {
		if v, n, err := Parse(data, 100); err != nil || n != len(data) || v.Kind != Int || v.Int != want {
			t.Errorf("%q: %+v, %v", data, v, err)
		}
	}
}

// WTF-8 as Python's "surrogatepass" has it.
func TestValidWTF8(t *testing.T) {
	for s, want := range map[string]bool{
		"": true, "é": true, "\xed\x9f\xbf": true, "\xed\xa0\x80": true, "\xed\xbf\xbf": true, "a\xed\xa0\xbd\xed\xb8\x80": true,
		"\xed\xa0": false, "\xed\xa0\x7f": false, "\xed": false, "\xed\xa0\x80\x80": false, "\xff": false, "\xf4\x90\x80\x80": false,
		"\xc0\x80": false, "\ufffd": true, "\xed\xa0\x80\xff": false,
	} {
		if validWTF8(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
	for r := rune(0xd7fe); r < 0xe002; r++ {
		if s := string(appendWTF8(nil, r)); !validWTF8(s) || len(s) != 3 || isSurrogate(s) != (r >= 0xd800 && r < 0xe000) {
			t.Errorf("%x: %q", r, s)
		}
	}
}

// Parse says where the pickle ends, and reads no further.
func TestParseStops(t *testing.T) {
	for _, tail := range []string{"", "x", ".", "\x80\x05N.", strings.Repeat("\xff", 1000)} {
		v, n, err := Parse("\x80\x04K\x05."+tail, 100)
		if err != nil || n != 5 || v.Kind != Int || v.Int != 5 {
			t.Errorf("%q: %+v, %d, %v", tail, v, n, err)
		}
	}
}

// A float alone is 21 bytes: the expiry in front of a file-based cache's value.
func TestFloatAlone(t *testing.T) {
	data, err := Append(nil, NewFloat(1.5), 5, 100)
	if want := "\x80\x05\x95\x0a\x00\x00\x00\x00\x00\x00\x00G\x3f\xf8\x00\x00\x00\x00\x00\x00."; string(data) != want || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if v, n, err := Parse(string(data)+"x\x9c", 100); err != nil || n != 21 || v.Kind != Float || v.Float() != 1.5 {
		t.Errorf("%+v, %d, %v", v, n, err)
	}
}

func TestAppendErrors(t *testing.T) {
	loop := &Value{Kind: List}
	loop.Items = []*Value{loop}
	var a Arena
	for name, c := range map[string]struct {
		v        *Value
		protocol int
		want     error
	}{
		"protocol":  {none, 3, nil},
		"str":       {a.Str("\xff"), 4, ErrSyntax},
		"recursive": {loop, 4, ErrRecursive},
		"too long":  {a.Str(strings.Repeat("x", 100)), 4, ErrLimit},
		"a class":   {a.named("os", "system"), 4, ErrForbidden},
	} {
		b, err := Append([]byte("before"), c.v, c.protocol, 100)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || string(b) != "before" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

// The name of what is refused can't break a log line.
func TestForbiddenNameIsPrintable(t *testing.T) {
	for _, name := range []string{"a\nb", "\x1b[2J", strings.Repeat("\xff", 1000), "\u202e", `"quoted\`} {
		_, _, err := Parse("\x8c\x01m\x8d"+string([]byte{byte(len(name)), byte(len(name) >> 8), 0, 0, 0, 0, 0, 0})+name+"\x93.", 2000)
		if err == nil {
			t.Fatalf("%q accepted", name)
		}
		for _, c := range []byte(err.Error()) {
			if c < 0x20 || c > 0x7e {
				t.Errorf("%q", err.Error())
				break
			}
		}
		if len(err.Error()) > 230 {
			t.Errorf("%d bytes", len(err.Error()))
		}
	}
}
