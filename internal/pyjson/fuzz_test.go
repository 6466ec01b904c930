package pyjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

type pair struct{ name, raw string }

func scan(text string) (list []pair, err error) {
	err = ScanObject(text, func(name, raw string) { list = append(list, pair{name, raw}) })
	return list, err
}

// What is accepted can be put together again, and is what encoding/json accepts
// but for the known differences.
func FuzzScanObject(f *testing.F) {
	f.Add(session)
	f.Add(`{"a":[1,2.50,{"b":null}],"\u00e9\ud800":"\ud83d\ude00"} `)
	f.Add("{\"\xe9\":\"\\\\\xe9\",\"x\":NaN}")
	f.Fuzz(func(t *testing.T, payload string) {
		text := Latin1ToASCII(payload)
		list, err := scan(text)
		valid := Valid(text)
		if (err == nil || errors.Is(err, ErrNotObject)) != (valid == nil) {
			t.Fatalf("%q: %v, but Valid says %v", payload, err, valid)
		}
		python := strings.Contains(text, "NaN") || strings.Contains(text, "Infinity") || errors.Is(err, ErrDepth) || errors.Is(err, ErrNumber)
		utf8Text := latin1ToUTF8(payload)
		if !python && json.Valid(utf8Text) != (valid == nil) {
			t.Fatalf("%q: %v", payload, valid)
		}
		if err != nil {
			return
		}
		again, last := emit(list), map[string]string{}
		back, err := scan(again)
		if err != nil || !slices.Equal(back, list) {
			t.Fatalf("%q: %q, %v, want %q", again, back, err, list)
		}
		for _, m := range list {
			if !isASCII(m.raw) || !ValidName(m.name) || Valid(m.raw) != nil {
				t.Fatalf("%q: %q", m.name, m.raw)
			}
			last[m.name] = m.raw
		}
		var members map[string]json.RawMessage
		if !python && strings.IndexByte(text, 0x7f) < 0 && isASCII(payload) {
			if err := json.Unmarshal([]byte(text), &members); err != nil || len(members) > len(last) {
				t.Fatalf("%q: %v, %q", text, err, members)
			}
			for name, raw := range members {
				if !strings.Contains(name, "\ufffd") && last[name] != string(raw) {
					t.Fatalf("%q: %s, want %s", name, last[name], raw)
				}
			}
		}
		var v, w any
		if err := Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		first, err := Marshal(v)
		if errors.Is(err, ErrDepth) { // it fits only if it need not be a member
			return
		}
		if err != nil || Unmarshal(first, &w) != nil {
			t.Fatalf("%q: %q, %v", text, first, err)
		}
		if second, err := Marshal(w); second != first || err != nil {
			t.Fatalf("%q: %q, %q, %v", text, first, second, err)
		}
	})
}

func emit(list []pair) string {
	b := []byte("{")
	for i, m := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(AppendString(b, m.name), ':')
		b = append(b, m.raw...)
	}
	return string(append(b, '}'))
}

func latin1ToUTF8(s string) (b []byte) {
	for i := range len(s) {
		b = utf8.AppendRune(b, rune(s[i]))
	}
	return b
}

// A string is written so that Python, encoding/json and we read it back.
func FuzzMarshalString(f *testing.F) {
	f.Add("h\u00e9llo \U0001f600 \"\\\n\x7f\x00")
	f.Add("\xed\xa0\x80\xed\xa0\xbd\xed\xb8\x80")
	f.Fuzz(func(t *testing.T, s string) {
		text := string(AppendString(nil, s))
		if strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			t.Fatalf("%q: %q", s, text)
		}
		back, ok := Unquote(text)
		if !ok {
			t.Fatalf("%q: %q", s, text)
		}
		marshalled, err := Marshal(s)
		if !ValidName(s) {
			if !errors.Is(err, ErrUTF8) || marshalled != "" {
				t.Fatalf("%q: %q, %v", s, marshalled, err)
			}
			return
		}
		var read string
		if Unmarshal(text, &read) != nil || read != s || back != s || marshalled != text || err != nil {
			t.Fatalf("%q: %q, %q, %q, %v", s, read, back, marshalled, err)
		}
		if !utf8.ValidString(s) {
			return
		}
		if err := json.Unmarshal([]byte(text), &read); err != nil || read != s {
			t.Fatalf("%q: encoding/json reads %q, %v", s, read, err)
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		compact, err := Marshal(json.RawMessage(b.Bytes()))
		if back, ok := Unquote(compact); !ok || back != s || err != nil {
			t.Fatalf("%q: as JSON in UTF-8 %q, %v", s, compact, err)
		}
	})
}

var pythonFloat = regexp.MustCompile(`^-?(\d+\.\d+|\d(\.\d+)?e(-(0[5-9]|[1-9]\d\d?)|\+(1[6-9]|[2-9]\d|\d{3})))$`)

// A float comes back bit by bit, and stays a float.
func FuzzFloat(f *testing.F) {
	for _, v := range []float64{0, 1, 0.1, 1e-4, 1e16, 5e-324, math.MaxFloat64, math.Inf(-1), math.NaN()} {
		f.Add(math.Float64bits(v))
	}
	f.Fuzz(func(t *testing.T, bits uint64) {
		v := math.Float64frombits(bits)
		text := string(AppendFloat(nil, v))
		if !math.IsNaN(v) && !math.IsInf(v, 0) && !pythonFloat.MatchString(text) {
			t.Errorf("%x: %s", bits, text)
		}
		var back float64
		var asAny any
		if Unmarshal(text, &back) != nil || Unmarshal(text, &asAny) != nil || !sameFloat(back, v) || !sameFloat(asAny.(float64), v) {
			t.Errorf("%x: %s is %v, %v", bits, text, back, asAny)
		}
		small := math.Float32frombits(uint32(bits))
		text, err := Marshal(small)
		if !math.IsNaN(float64(small)) && !math.IsInf(float64(small), 0) && !pythonFloat.MatchString(text) {
			t.Errorf("float32 %x: %s", uint32(bits), text)
		}
		if err != nil || Unmarshal(text, &back) != nil || !sameFloat(float64(float32(back)), float64(small)) {
			t.Errorf("float32 %x: %s is %v, %v", uint32(bits), text, back, err)
		}
	})
}

// A fuzz target without its corpus looks like one that finds nothing.
func TestFuzzCorpus(t *testing.T) {
	for _, name := range []string{"FuzzScanObject", "FuzzMarshalString", "FuzzFloat"} {
		files, err := os.ReadDir("testdata/fuzz/" + name)
		if err != nil || len(files) == 0 {
			t.Errorf("testdata/fuzz/%s: %d files, %v", name, len(files), err)
		}
	}
}
