package deflate

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	klauspost "github.com/klauspost/compress/zlib"
)

const login = `{"_auth_user_id":"12345","_auth_user_backend":"django.contrib.auth.backends.ModelBackend",` +
	`"_auth_user_hash":"9d3f0a7be2c84b15a6708e1fd24c9b5370e6a18f4d2b9c05e7836fa14dbc290f"`

// Sessions as Django has them, and how long Python's zlib makes them.
var sessions = []struct {
	name, text string
	python     int
}{
	{"login", login + `}`, 134},
	{"with CSRF token", login + `,"_csrftoken":"kXw3RzT8vQ1mYb6NcJ0sLfHe5GdAp9Uo"}`, 174},
	{"with preferences", login + `,"_csrftoken":"kXw3RzT8vQ1mYb6NcJ0sLfHe5GdAp9Uo","prefs":{"theme":"dark","per_page":50,"lang":"de"},"n":3}`, 215},
	{"with messages", login + `,"_messages":"[[\"__json_message\",0,25,\"Your order was saved.\",\"\"],` +
		`[\"__json_message\",0,25,\"The item was added to your cart.\",\"\"]]"}`, 211},
	{"with a cart", login + `,"cart":{"4711":{"quantity":2,"price":"19.95","name":"Blue shirt"},` +
		`"815":{"quantity":1,"price":"7.20","name":"Coffee beans 1kg"},"90210":{"quantity":3,"price":"120.00","name":"Desk lamp"}}}`, 228},
	{"with dates", login + `,"last_seen":"2026-11-30T12:41:26.102938+00:00","_session_expiry":1209600,` +
		`"next":"/accounts/profile/","visited":["/shop/","/shop/shoes/","/shop/shirts/"]}`, 235},
	{"anonymous", `{"cart":{"4711":{"quantity":2,"price":"19.95"},"815":{"quantity":1,"price":"7.20"}},` +
		`"_csrftoken":"kXw3RzT8vQ1mYb6NcJ0sLfHe5GdAp9Uo","theme":"dark","_language":"de"}`, 141},
}

func TestSessions(t *testing.T) {
	var w Writer
	for _, s := range sessions {
		stream, ok := w.Append(nil, []byte(s.text))
		if !ok {
			t.Errorf("%s: left to the library", s.name)
			continue
		}
		if len(stream) > s.python*103/100 {
			t.Errorf("%s: %d of %d bytes, Python's zlib makes %d", s.name, len(stream), len(s.text), s.python)
		}
		if got, err := library(stream, MaxText); got != s.text || err != nil {
			t.Errorf("%s: compress/zlib reads %q, %v", s.name, got, err)
		}
		if got, ok := AppendText([]byte("before "), stream, MaxText); string(got) != "before "+s.text || !ok {
			t.Errorf("%s: %q, %v", s.name, got, ok)
		}
	}
}

// library is what compress/zlib says to a stream.
func library(stream []byte, limit int) (string, error) {
	r, err := zlib.NewReader(bytes.NewReader(stream))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(text) > limit {
		err = errors.New("too long")
	}
	if err != nil {
		return "", err
	}
	return string(text), nil
}

// Each character, each length of a match and each distance is what RFC 1951
// takes it for, and is read back.
func TestSymbols(t *testing.T) {
	random := make([]byte, MaxText)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = byte(' ' + rnd.IntN('~'-' '+1))
	}
	type token struct{ length, distance int }
	check := func(name string, text string, tokens ...token) {
		t.Helper()
		stream := []byte(header)
		pending, n := uint64(headerLast), uint(headerLastBits)
		put := func(c code) {
			pending |= uint64(c.bits) << n
			for n += uint(c.n); n >= 8; n -= 8 {
				stream = append(stream, byte(pending))
				pending >>= 8
			}
		}
		for _, c := range []byte(text) {
			put(literals[c])
		}
		for _, m := range tokens {
			put(lengths[m.length])
			put(distances[m.distance])
			for range m.length {
				text += text[len(text)-m.distance:][:1]
			}
		}
		put(literals[endMark])
		put(code{0, 7}) // the rest of the last byte
		stream = binary.BigEndian.AppendUint32(stream, adler32.Checksum([]byte(text)))
		if got, err := library(stream, len(text)); got != text || err != nil {
			t.Errorf("%s: compress/zlib reads %q, %v; want %q", name, got, err, text)
		}
		got, ok := AppendText(nil, stream, MaxText)
		if ok != (len(text) <= MaxText) || ok && string(got) != text {
			t.Errorf("%s: %q, %v; want %q", name, got, ok, text)
		}
	}
	for c := byte(' '); c <= '~'; c++ {
		check(fmt.Sprintf("character %q", c), string(c))
	}
	for length := 3; length <= maxMatch; length++ {
		for _, distance := range []int{1, 3, 7, 8, 200} {
			check(fmt.Sprintf("length %d, distance %d", length, distance), string(random[:300]), token{length, distance})
		}
	}
	for distance := 1; distance < MaxText; distance++ {
		check(fmt.Sprintf("distance %d", distance), string(random[:max(distance, MaxText-4)]), token{4, distance})
	}
	check("nothing", "")
}

func TestLeftToTheLibrary(t *testing.T) {
	session := sessions[2].text
	long := login + `,"a":"` + strings.Repeat("abc defg ", 4)
	for len(long) < MaxText-100 {
		long += fmt.Sprintf(`","%d":"%x`, len(long), adler32.Checksum([]byte(long)))
	}
	long += strings.Repeat("~", MaxText-len(long))
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"the longest", long, true},
		{"one longer", long + "a", false},
		{"control character", session + "\n", false},
		{"not ASCII", session + "é", false},
		{"delete", session + "\x7f", false},
		{"token", "9d3f0a7be2c84b15a6708e1fd24c9b5370e6a18f4d2b9c05e7836fa14dbc290f", false},
		{"one character", strings.Repeat("a", 500), false},
	} {
		var w Writer
		got, ok := w.Append([]byte("before"), []byte(c.text))
		if ok != c.want || !bytes.HasPrefix(got, []byte("before")) || !ok && len(got) != len("before") {
			t.Errorf("%s: %q, %v", c.name, got, ok)
		}
		if !ok {
			continue
		}
		if text, err := library(got[len("before"):], MaxText); text != c.text || err != nil {
			t.Errorf("%s: compress/zlib reads %q, %v", c.name, text, err)
		}
	}
}

// What a Writer has done before does not show.
func TestSameTextSameStream(t *testing.T) {
	var used Writer
	for _, s := range sessions {
		var fresh Writer
		used.Append(nil, []byte(strings.ToUpper(s.text)+s.text))
		want, _ := fresh.Append(nil, []byte(s.text))
		if got, _ := used.Append(nil, []byte(s.text)); !bytes.Equal(got, want) {
			t.Errorf("%s: %q, from a fresh Writer %q", s.name, got, want)
		}
	}
}

// A damaged stream is refused, or is none that the library finds damaged.
func TestDamaged(t *testing.T) {
	var w Writer
	for _, s := range sessions {
		stream, _ := w.Append(nil, []byte(s.text))
		for i := range 8 * len(stream) {
			bad := bytes.Clone(stream)
			bad[i/8] ^= 1 << (i % 8)
			got, ok := AppendText(nil, bad, MaxText)
			if !ok && len(got) == 0 {
				continue
			}
			if want, err := library(bad, MaxText); !ok || string(got) != want || err != nil {
				t.Errorf("%s, bit %d flipped: %q, compress/zlib says %q, %v", s.name, i, got, want, err)
			}
		}
		for n := range stream {
			if got, ok := AppendText(nil, stream[:n], MaxText); ok || len(got) != 0 {
				t.Errorf("%s, the first %d bytes: %q", s.name, n, got)
			}
		}
		for _, tail := range []string{"\x00", "tail", "a tail of more than eight bytes"} {
			if got, ok := AppendText(nil, append(bytes.Clone(stream), tail...), MaxText); string(got) != s.text || !ok {
				t.Errorf("%s, and %q: %q, %v", s.name, tail, got, ok)
			}
		}
	}
}

func TestLimit(t *testing.T) {
	var w Writer
	for _, s := range sessions {
		stream, _ := w.Append(nil, []byte(s.text))
		for limit := range len(s.text) + 3 {
			got, ok := AppendText(nil, stream, limit)
			if ok != (limit >= len(s.text)) || !ok && len(got) != 0 || ok && string(got) != s.text {
				t.Errorf("%s, limit %d: %q, %v", s.name, limit, got, ok)
			}
		}
	}
}

// Nothing is allocated but room for the output.
func TestAllocations(t *testing.T) {
	var w Writer
	text := []byte(sessions[2].text)
	stream, _ := w.Append(nil, text)
	packed, plain := make([]byte, 0, 2*MaxText), make([]byte, 0, MaxText)
	if n := testing.AllocsPerRun(100, func() { w.Append(packed, text) }); n != 0 {
		t.Errorf("Append: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { AppendText(plain, stream, MaxText) }); n != 0 {
		t.Errorf("AppendText: %v allocations", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	text := []byte(sessions[2].text)
	b.Run("own", func(b *testing.B) {
		var w Writer
		out := make([]byte, 0, 2*MaxText)
		b.ReportAllocs()
		for b.Loop() {
			w.Append(out, text)
		}
	})
	b.Run("library", func(b *testing.B) {
		w, err := klauspost.NewWriterLevel(io.Discard, 4)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			w.Reset(io.Discard)
			w.Write(text)
			w.Close()
		}
	})
}

func BenchmarkAppendText(b *testing.B) {
	var w Writer
	stream, _ := w.Append(nil, []byte(sessions[2].text))
	out := make([]byte, MaxText)
	b.Run("own", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			AppendText(out[:0], stream, MaxText)
		}
	})
	b.Run("library", func(b *testing.B) {
		var source bytes.Reader
		source.Reset(stream)
		r, err := klauspost.NewReader(&source)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			source.Reset(stream)
			if err := r.(klauspost.Resetter).Reset(&source, nil); err != nil {
				b.Fatal(err)
			}
			for err = nil; err == nil; {
				_, err = r.Read(out)
			}
		}
	})
}
