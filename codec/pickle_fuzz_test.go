package codec

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/pickle"
	"github.com/keepsake-go/sessions/internal/pyjson"
)

// Whatever is in the cache: no panic, nothing out of proportion, and what is
// accepted is written so that it is read as the same again.
func FuzzUnpickle(f *testing.F) {
	file := pickleCases(f)
	for _, c := range file.Decode {
		if len(c.Pickle) < 4000 {
			f.Add(unhex(f, c.Pickle))
		}
	}
	for _, c := range file.Refuse {
		f.Add(unhex(f, c.Pickle))
	}
	f.Fuzz(func(t *testing.T, data string) {
		v, n, err := newPickle(t, 0).DecodePrefix(data)
		if err != nil {
			if !errors.Is(err, sessions.ErrCorrupt) || n != 0 || v.Len() != 0 {
				t.Fatalf("%d, %v", n, err)
			}
			return
		}
		if n > len(data) || data[n-1] != '.' {
			t.Fatalf("%d of %d bytes", n, len(data))
		}
		size := 0
		for m := range v.All() {
			size += len(m.JSON) + len(m.Opaque)
			if (m.JSON == "") == (m.Opaque == "") || m.JSON != "" && pyjson.Valid(m.JSON) != nil {
				t.Fatalf("%q: %q, %q", m.Name, m.JSON, m.Opaque)
			}
		}
		if size > expandFactor*n+expandBytes {
			t.Fatalf("%d bytes become %d", n, size)
		}
		if without, err := newPickle(t, 0).Decode(data[:n]); err != nil || !slices.Equal(members(without), members(v)) {
			t.Fatalf("without the tail: %q, %v", members(without), err)
		}
		for protocol := 4; protocol <= 5; protocol++ {
			written, err := newPickle(t, protocol).Encode(v)
			if errors.Is(err, pickle.ErrLimit) {
				return
			}
			if err != nil {
				t.Fatalf("%q: %v", members(v), err)
			}
			again, err := newPickle(t, 0).Decode(written)
			if err != nil || !slices.Equal(members(again), members(v)) {
				t.Fatalf("%q\nread again is %q, %v", members(v), members(again), err)
			}
		}
	})
}

// Any JSON comes back meaning the same, and from then on byte for byte.
func FuzzPickleRoundTrip(f *testing.F) {
	for _, c := range pickleCases(f).Encode {
		if c.N == 0 && c.X == 0 {
			f.Add("name", c.Open, true)
		}
	}
	f.Add("k\xed\xbf\xbf", `{"a":{"a":[1,{"a":"a"}]}}`, false)
	f.Fuzz(func(t *testing.T, name, text string, other bool) {
		v := valuesOf(sessions.Member{Name: name, JSON: text})
		if other {
			v.Set(sessions.Member{Name: name + "2", JSON: `"x"`})
		}
		protocol := 4
		if other {
			protocol = 5
		}
		data, err := newPickle(t, protocol).Encode(v)
		if err != nil {
			valid := pyjson.Valid(text) == nil && pyjson.ValidName(name) && pyjson.ValidName(name+"2")
			if valid && !errors.Is(err, pickle.ErrLimit) {
				t.Fatalf("%q, %q: %v", name, text, err)
			}
			return
		}
		got, err := newPickle(t, 0).Decode(data)
		if err != nil || got.Len() != v.Len() {
			t.Fatalf("%q, %v", members(got), err)
		}
		m := members(got)[0]
		if m.Name != name || m.Opaque != "" || meaning(t, m.JSON) != meaning(t, text) {
			t.Fatalf("%q, not %q: %q", members(got), name, text)
		}
		again, err := newPickle(t, protocol).Encode(got)
		if again != data || err != nil {
			t.Fatalf("%q, not %q, %v", again, data, err)
		}
	})
}

// meaning is JSON in one spelling, read and written by pyjson.
func meaning(t *testing.T, text string) string {
	var value any
	if err := pyjson.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	out, err := pyjson.Marshal(value)
	if err != nil {
		if reflect.TypeOf(value) == nil {
			t.Fatal(err)
		}
		return text // a str that Marshal refuses
	}
	return out
}

// The corpora that the fuzzers start from are there.
func TestPickleCorpora(t *testing.T) {
	for _, name := range []string{"FuzzUnpickle", "FuzzPickleRoundTrip", "FuzzPlainRead", "FuzzPlainWrite"} {
		files, err := filepath.Glob("testdata/fuzz/" + name + "/*")
		if err != nil || len(files) < 10 {
			t.Errorf("%s: %d files, %v", name, len(files), err)
		}
		for _, file := range files {
			if info, err := os.Stat(file); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}
