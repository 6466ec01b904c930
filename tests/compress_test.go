package tests

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keepsake-go/sessions/internal/deflate"
	"github.com/keepsake-go/sessions/signing"
)

// compressible is what payloads are made of: words that repeat, and what
// doesn't, in any order. Most are JSON's characters, some are any bytes.
func compressible() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{
			`{"_auth_user_id":"`, `","_auth_user_backend":"`, `django.contrib.auth.backends.ModelBackend`,
			`","_auth_user_hash":"`, `"_csrftoken":"`, `","`, `":"`, `{"quantity":1,"price":"19.95"},`, `\u0438\u043c\u044f`,
			"a", "ab", "abcdefgh", strings.Repeat("0", 131),
		}),
		rapid.StringMatching(`[0-9a-f]{8,64}`),
		rapid.StringMatching(`[ -~]{1,12}`),
	)
	json := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 0, 60).Draw(t, "pieces"), "")
	})
	return rapid.OneOf(json, json, json, rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
}

func unzlib(stream []byte, limit int) (string, error) {
	r, err := zlib.NewReader(bytes.NewReader(stream))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(text) > limit {
		err = signing.ErrTooLarge
	}
	if err != nil {
		return "", err
	}
	return string(text), nil
}

func compressed(t *rapid.T, text string, level int) []byte {
	var out bytes.Buffer
	w, err := zlib.NewWriterLevel(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return out.Bytes()
}

// What is compressed here, zlib reads, and it is shorter.
func TestCompressedIsReadByZlib(t *testing.T) {
	s, err := signing.New(signing.Options{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	rapid.Check(t, func(t *rapid.T) {
		payload := compressible().Draw(t, "payload")
		signed := s.SignPayload(payload, true)
		if got, err := s.UnsignPayload(signed, len(payload)+1); got != payload || err != nil {
			t.Fatalf("read as %q, %v", got, err)
		}
		text, isCompressed := strings.CutPrefix(signed, ".")
		if !isCompressed {
			return
		}
		text, _, _ = strings.Cut(text, ":")
		stream, err := signing.B64Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		if len(stream) >= len(payload)-1 {
			t.Fatalf("%d bytes became %d", len(payload), len(stream))
		}
		if got, err := unzlib(stream, len(payload)); got != payload || err != nil {
			t.Fatalf("compress/zlib reads %q, %v", got, err)
		}
		if _, ok := deflate.AppendText(nil, stream, len(payload)); ok {
			ours++
		}
	})
	if ours == 0 {
		t.Error("the code for sessions was never used")
	}
}

// What zlib has compressed, at any level, is read here, within the limit.
func TestZlibIsRead(t *testing.T) {
	s, err := signing.New(signing.Options{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		payload := compressible().Draw(t, "payload")
		stream := compressed(t, payload, rapid.IntRange(zlib.HuffmanOnly, zlib.BestCompression).Draw(t, "level"))
		signed := s.Sign("." + signing.B64Encode(stream))
		if got, err := s.UnsignPayload(signed, max(len(payload), 1)); got != payload || err != nil {
			t.Fatalf("read as %q, %v", got, err)
		}
		if len(payload) < 2 {
			return // a limit of 0 is the default
		}
		if got, err := s.UnsignPayload(signed, len(payload)-1); got != "" || !errors.Is(err, signing.ErrTooLarge) {
			t.Fatalf("one over the limit: %q, %v", got, err)
		}
	})
}

// A stream that was cut or damaged, whoever made it, is what zlib says it is.
func TestDamagedStreams(t *testing.T) {
	s, err := signing.New(signing.Options{Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		payload := compressible().Draw(t, "payload")
		var w deflate.Writer
		stream, ok := w.Append(nil, []byte(payload))
		if !ok {
			stream = compressed(t, payload, rapid.IntRange(zlib.HuffmanOnly, zlib.BestCompression).Draw(t, "level"))
		}
		for range rapid.IntRange(0, 3).Draw(t, "damages") {
			if len(stream) == 0 {
				break
			}
			at := rapid.IntRange(0, len(stream)-1).Draw(t, "at")
			switch rapid.IntRange(0, 3).Draw(t, "damage") {
			case 0:
				stream = stream[:at]
			case 1:
				stream[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			case 2:
				copy(stream[at:], rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
			case 3:
				stream = append(stream[:at], stream[min(at+rapid.IntRange(1, 9).Draw(t, "left out"), len(stream)):]...)
			}
		}
		limit := max(1, len(payload)+rapid.SampledFrom([]int{0, -1, 1, -100, 100}).Draw(t, "limit"))
		got, err := s.UnsignPayload(s.Sign("."+signing.B64Encode(stream)), limit)
		want, wantErr := unzlib(stream, limit)
		if got != want || (err == nil) != (wantErr == nil) {
			t.Fatalf("%q, %v; compress/zlib says %q, %v", got, err, want, wantErr)
		}
		if err != nil && !errors.Is(err, signing.ErrMalformed) && !errors.Is(err, signing.ErrTooLarge) {
			t.Fatalf("unexpected error %v", err)
		}
	})
}
