package codec_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/signing"
)

// compressors make what django-redis's compressors of that name make.
var compressors = map[string]func(io.Writer) io.WriteCloser{
	"zlib": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
	"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"zstd": func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
}

func compressed(t *testing.T, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := compressors[name](&b)
	_, err := io.WriteString(w, text)
	check(t, err)
	check(t, w.Close())
	return b.String()
}

func inflated(t *testing.T, data string) string {
	t.Helper()
	r, err := zlib.NewReader(strings.NewReader(data))
	check(t, err)
	text, err := io.ReadAll(r)
	check(t, err)
	return string(text)
}

func newJSON(t *testing.T, o codec.JSONOptions) *codec.JSON {
	t.Helper()
	c, err := codec.NewJSON(o)
	check(t, err)
	return c
}

func newPickle(t *testing.T, o codec.PickleOptions) *codec.Pickle {
	t.Helper()
	c, err := codec.NewPickle(o)
	check(t, err)
	return c
}

// What a django-redis with a JSONSerializer or a ZlibCompressor has stored is
// read, and written byte for byte; of what is compressed, what is inside.
func TestDjangoRedisVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/django_redis.json")
	check(t, err)
	var file struct {
		Cases []struct {
			ID, Data, Value string
			Versions        []string
		}
	}
	check(t, json.Unmarshal(raw, &file))
	if len(file.Cases) < 30 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	for _, v := range file.Cases {
		t.Run(v.ID, func(t *testing.T) {
			raw, err := hex.DecodeString(v.Value)
			check(t, err)
			stored := string(raw)
			var c sessions.Codec = newJSON(t, codec.JSONOptions{Spaces: true})
			zipped := strings.Contains(v.ID, "zlib")
			if zipped {
				c = newPickle(t, codec.PickleOptions{Protocol: 4, Zlib: true})
			}
			values, err := c.Decode(stored)
			check(t, err)
			if got, want := compact(object(t, values)), compact(v.Data); got != want {
				t.Errorf("decoded\n%s, not\n%s", got, want)
			}
			back, err := c.Encode(values)
			check(t, err)
			if zipped {
				back, stored = inflated(t, back), inflated(t, stored)
			}
			if back != stored {
				t.Errorf("encoded\n%q, not\n%q", back, stored)
			}
		})
	}
}

// Whatever COMPRESSOR was when a value was written, it is read, by codecs with
// and without compression.
func TestCompressedIsRead(t *testing.T) {
	var values sessions.Values
	check(t, values.Encode("list", strings.Repeat("again and again ", 50)))
	for _, zlib := range []bool{false, true} {
		for kind, c := range map[string]sessions.Codec{
			"pickle": newPickle(t, codec.PickleOptions{Zlib: zlib}),
			"json":   newJSON(t, codec.JSONOptions{Zlib: zlib}),
		} {
			stored, err := c.Encode(values)
			check(t, err)
			if zlib != strings.HasPrefix(stored, "x\x9c") {
				t.Errorf("%s, Zlib %v: begins with %q", kind, zlib, stored[:2])
			}
			if zlib {
				stored = inflated(t, stored)
			}
			for name := range compressors {
				got, err := c.Decode(compressed(t, name, stored))
				if err != nil || object(t, got) != object(t, values) {
					t.Errorf("%s, Zlib %v, in %s: %v", kind, zlib, name, err)
				}
			}
			got, err := c.Decode(stored)
			if err != nil || object(t, got) != object(t, values) {
				t.Errorf("%s, Zlib %v, not compressed: %v", kind, zlib, err)
			}
		}
	}
}

// As django-redis's ZlibCompressor: what has at most 15 bytes stays as it is.
func TestShortIsNotCompressed(t *testing.T) {
	for n := range 12 {
		var values sessions.Values
		check(t, values.Encode("a", strings.Repeat("x", n)))
		stored, err := newJSON(t, codec.JSONOptions{Zlib: true}).Encode(values)
		check(t, err)
		if zipped, long := strings.HasPrefix(stored, "x"), n+len(`{"a":""}`) > 15; zipped != long {
			t.Errorf("%d bytes of JSON: compressed is %v", n+len(`{"a":""}`), zipped)
		}
	}
}

// What can't be read is refused by its name, and what to do is said.
func TestForeignValues(t *testing.T) {
	herd := "\x80\x04\x8c\x18django_redis.client.herd\x8c\x06Marker\x93)\x81}K\x00\x87."
	for _, c := range []struct{ data, says string }{
		{"\xfd7zXZ\x00\x00\x04", "LzmaCompressor"},
		{"\x04\x22\x4d\x18\x40\x40", "Lz4Compressor"},
		{"\x81\xa3cat\xa3dog", "MSGPackSerializer"},
		{"\x80", "MSGPackSerializer"},
		{"\xde\x00\x10", "MSGPackSerializer"},
		{herd, "HerdClient"},
		{`{"cat": "dog"}`, "codec.JSONOptions"},
	} {
		_, err := newPickle(t, codec.PickleOptions{}).Decode(c.data)
		if !errors.Is(err, sessions.ErrCorrupt) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, which doesn't name %s", c.data, err, c.says)
		}
	}
	for _, c := range []struct{ data, says string }{
		{"\xfd7zXZ\x00\x00\x04", "LzmaCompressor"},
		{"\x81\xa3cat\xa3dog", "MSGPackSerializer"},
		{"\x80\x05}.", "codec.PickleOptions"},
	} {
		_, err := newJSON(t, codec.JSONOptions{}).Decode(c.data)
		if !errors.Is(err, sessions.ErrCorrupt) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("JSON: %q: %v, which doesn't name %s", c.data, err, c.says)
		}
	}
}

// A few bytes that decompress to gigabytes are refused at the limit, and so is
// a session that is written larger than it could be read.
func TestCompressionBombs(t *testing.T) {
	for name := range compressors {
		bomb := compressed(t, name, strings.Repeat(" ", 64<<20))
		if len(bomb) > 1<<20 {
			t.Fatalf("%s: the bomb itself has %d bytes", name, len(bomb))
		}
		for kind, c := range map[string]sessions.Codec{
			"pickle": newPickle(t, codec.PickleOptions{Limit: 1 << 20}),
			"json":   newJSON(t, codec.JSONOptions{Limit: 1 << 20}),
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := c.Decode(bomb)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, sessions.ErrCorrupt) || !errors.Is(err, signing.ErrTooLarge) {
				t.Errorf("%s in %s: %v", kind, name, err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 24<<20 {
				t.Errorf("%s in %s: %d bytes allocated for 64 MiB that were refused", kind, name, n)
			}
		}
		for i := range 40 { // broken anywhere
			broken := []byte(compressed(t, name, `{"a":"`+strings.Repeat("abc", 100)+`"}`))
			broken[i%len(broken)] ^= 0x55
			if _, err := newJSON(t, codec.JSONOptions{}).Decode(string(broken)); err != nil && !errors.Is(err, sessions.ErrCorrupt) {
				t.Errorf("%s, byte %d broken: %v", name, i, err)
			}
		}
	}
	var values sessions.Values
	check(t, values.Encode("a", strings.Repeat("x", 100)))
	if _, err := newJSON(t, codec.JSONOptions{Limit: 100}).Encode(values); !errors.Is(err, signing.ErrTooLarge) {
		t.Errorf("written over the limit: %v", err)
	}
	if _, err := newJSON(t, codec.JSONOptions{Limit: 100}).Decode(`{"a":"` + strings.Repeat("x", 100) + `"}`); !errors.Is(err, signing.ErrTooLarge) {
		t.Errorf("read over the limit: %v", err)
	}
	if _, err := codec.NewJSON(codec.JSONOptions{Limit: -1}); err == nil {
		t.Error("a negative limit is accepted")
	}
}

// Python ignores what follows a pickle, or a zlib stream, and JSON it does not.
func TestTails(t *testing.T) {
	var values sessions.Values
	check(t, values.Encode("a", strings.Repeat("x", 100)))
	for name, c := range map[string]sessions.Codec{
		"pickle":            newPickle(t, codec.PickleOptions{}),
		"compressed pickle": newPickle(t, codec.PickleOptions{Zlib: true}),
		"json":              newJSON(t, codec.JSONOptions{}),
	} {
		stored, err := c.Encode(values)
		check(t, err)
		_, err = c.Decode(stored + "a tail")
		tolerant, ok := c.(codec.TailTolerant)
		if says := ok && tolerant.IgnoresTail(); says != (err == nil) || says != strings.Contains(name, "pickle") {
			t.Errorf("%s: IgnoresTail %v, but %v", name, says, err)
		}
	}
}

// JSON of a Django is UTF-8 here, and the spelling of json.dumps.
func TestJSONSpelling(t *testing.T) {
	c := newJSON(t, codec.JSONOptions{Spaces: true})
	values, err := c.Decode("{\"a\":\t[1,{\"b\" :\"x, y: z \\\" \xc3\xa9\"}],\n\"c\":{}}")
	check(t, err)
	if a, _ := values.Get("a"); a.JSON != `[1,{"b":"x, y: z \" \u00e9"}]` { // as Set spells it
		t.Errorf("a is %s", a.JSON)
	}
	stored, err := c.Encode(values)
	check(t, err)
	if want := `{"a": [1, {"b": "x, y: z \" \u00e9"}], "c": {}}`; stored != want {
		t.Errorf("%s, not %s", stored, want)
	}
	for _, bad := range []string{"", "[]", `{"a":1} x`, "{\"a\":\"\xe9\"}", "\ufeff{}"} {
		if _, err := c.Decode(bad); !errors.Is(err, sessions.ErrCorrupt) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	values.Set(sessions.Member{Name: "d", Opaque: "N."})
	if _, err := c.Encode(values); err == nil {
		t.Error("a value that JSON can't express was written")
	}
}
