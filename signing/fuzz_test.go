package signing

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// A string is accepted exactly if signing what comes out gives it back.
func FuzzUnsign(f *testing.F) {
	plain := must(New(Options{Key: "k", FallbackKeys: []string{"old"}}))
	old := must(New(Options{Key: "old"}))
	stamped := must(NewTimestamp(Options{Key: "k", Salt: plain.Salt()}, at(1790000000, 0)))
	f.Add(plain.Sign("hello"))
	f.Add(old.Sign(""))
	f.Add(stamped.Sign("a:b"))
	f.Add(plain.Sign("v:-"))
	f.Fuzz(func(t *testing.T, signed string) {
		value, err := plain.Unsign(signed)
		switch {
		case err != nil:
			if !errors.Is(err, ErrBadSignature) || value != "" {
				t.Errorf("%q, %v", value, err)
			}
		case plain.Sign(value) != signed && old.Sign(value) != signed:
			t.Errorf("%q accepted as %q", signed, value)
		}
		_, stampedErr := stamped.UnsignMaxAge(signed, 1)
		if stampedErr == nil && err != nil {
			t.Errorf("%q accepted with a timestamp only", signed)
		}
		stamped.Timestamp(signed)
		if _, err := stamped.UnsignPayload(signed, 1, 100); err == nil && stampedErr != nil {
			t.Errorf("%q: payload accepted, string not", signed)
		}
		if n, err := B62Decode(signed); err == nil {
			if back, err := B62Decode(B62Encode(n)); back != n || err != nil {
				t.Errorf("%q is %d is %d, %v", signed, n, back, err)
			}
		}
	})
}

// What is signed comes back, under any key, salt and separator.
func FuzzRoundTrip(f *testing.F) {
	f.Add("hello", "k", "salt", ":", int64(1790000000))
	f.Add("", "\x00", "", "", int64(0))
	f.Add("a:b::c", "é", "s", "::", int64(-1))
	f.Add(strings.Repeat("[0,1]", 40), "k", "s", "→", int64(1<<40))
	f.Fuzz(func(t *testing.T, value, key, salt, sep string, now int64) {
		o := Options{Key: key, Salt: salt, Sep: sep}
		plain, err := New(o)
		if err != nil {
			if key != "" && !(sep != "" && unsafeSeparator(sep)) {
				t.Errorf("%v: %v", o, err)
			}
			return
		}
		now %= 1e17
		stamped := must(NewTimestamp(o, at(now, 0)))
		if got, err := plain.Unsign(plain.Sign(value)); got != value || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if when, got, err := stamped.Timestamp(stamped.Sign(value)); got != value || when.Unix() != now || err != nil {
			t.Errorf("%q, %v, %v", got, when, err)
		}
		for _, compress := range []bool{false, true} {
			if got, err := stamped.UnsignPayload(stamped.SignPayload(value, compress), 0, len(value)+1); got != value || err != nil {
				t.Errorf("payload, compress %v: %q, %v", compress, got, err)
			}
		}
	})
}

// Whatever was signed, reading it does not panic, stays below the limit, and
// agrees with the standard library's zlib and the slow base64.
func FuzzUnsignPayload(f *testing.F) {
	f.Add("e30", uint16(100))
	f.Add("eyJh!IjoxfQ==", uint16(100))
	f.Add("."+B64Encode([]byte(deflated("hello hello hello hello hello"))), uint16(10))
	f.Add("."+B64Encode([]byte(deflated(strings.Repeat("\x00", 1<<16)))), uint16(1000))
	f.Fuzz(func(t *testing.T, text string, limit16 uint16) {
		limit := int(limit16) + 1
		var b buffers // fresh, to see how they grow
		got, err := b.decodePayload(text, limit)
		if len(got) > limit || cap(b.in)+cap(b.out) > 4*limit+16*len(text)+4096 {
			t.Errorf("limit %d, text %d: %d bytes, buffers of %d and %d", limit, len(text), len(got), cap(b.in), cap(b.out))
		}
		want, wantErr := slowDecode(text, limit)
		// A stream that is both broken and too large may be called either.
		refused := errors.Is(err, ErrMalformed) || errors.Is(err, ErrTooLarge)
		if got != want || (err == nil) != (wantErr == nil) || err != nil && !refused ||
			!strings.HasPrefix(text, ".") && !errors.Is(err, wantErr) {
			t.Errorf("%q, %v; want %q, %v", got, err, want, wantErr)
		}
		s := must(New(Options{Key: "k"}))
		if again, err2 := s.UnsignPayload(s.Sign(text), limit); again != got || (err == nil) != (err2 == nil) {
			t.Errorf("signed: %q, %v", again, err2)
		}
	})
}

// slowDecode is decodePayload without anything clever.
func slowDecode(text string, limit int) (string, error) {
	text, compressed := strings.CutPrefix(text, ".")
	data, err := appendB64Lax(nil, []byte(text))
	if err != nil {
		return "", ErrMalformed
	}
	if compressed {
		r, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return "", ErrMalformed
		}
		data, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
		if err != nil && len(data) <= limit {
			return "", ErrMalformed
		}
	}
	if len(data) > limit {
		return "", ErrTooLarge
	}
	return string(data), nil
}

// A fuzz target without its corpus looks like one that finds nothing.
func TestFuzzCorpus(t *testing.T) {
	for _, name := range []string{"FuzzUnsign", "FuzzRoundTrip", "FuzzUnsignPayload"} {
		files, err := os.ReadDir("testdata/fuzz/" + name)
		if err != nil || len(files) == 0 {
			t.Errorf("testdata/fuzz/%s: %d files, %v", name, len(files), err)
		}
	}
}
