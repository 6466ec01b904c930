package codec_test

import (
	"errors"
	"os"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/signing"
)

// FuzzPacked reads any bytes as what a cache may hold, compressed or not: they
// are a session or they are corrupt. One that is read is written, in every
// spelling, and read again without a difference.
func FuzzPacked(f *testing.F) {
	f.Fuzz(func(t *testing.T, data string) {
		for _, o := range []codec.JSONOptions{{}, {Spaces: true}, {Zlib: true}} {
			o.Limit = 1 << 20
			c, err := codec.NewJSON(o)
			check(t, err)
			again(t, c, data, true)
		}
		for _, o := range []codec.PickleOptions{{}, {Protocol: 4, Zlib: true}} {
			o.Limit = 1 << 20
			c, err := codec.NewPickle(o)
			check(t, err)
			again(t, c, data, false)
		}
	})
}

// again decodes, encodes and decodes.
func again(t *testing.T, c sessions.Codec, data string, respaced bool) {
	t.Helper()
	text := func(v sessions.Values) (text string) {
		for m := range v.All() {
			if respaced {
				m.JSON = compact(m.JSON)
			}
			text += m.Name + "\x00" + m.JSON + "\x00" + m.Opaque + "\x00"
		}
		return text
	}
	values, err := c.Decode(data)
	if err != nil {
		if !errors.Is(err, sessions.ErrCorrupt) || values.Len() != 0 {
			t.Fatalf("Decode: %d values, %v", values.Len(), err)
		}
		return
	}
	stored, err := c.Encode(values)
	if err != nil { // spaces, or what a pickle shared, may have made it too large
		if len(data) < 1<<10 && !errors.Is(err, signing.ErrTooLarge) {
			t.Fatalf("what was decoded can't be encoded: %v", err)
		}
		return
	}
	got, err := c.Decode(stored)
	if err != nil {
		t.Fatalf("what was encoded can't be decoded: %v", err)
	}
	if a, b := text(values), text(got); a != b {
		t.Fatalf("it has changed on the way:\n%q\n%q", a, b)
	}
}

// TestPackedCorpus: the inputs that are committed are there.
func TestPackedCorpus(t *testing.T) {
	files, err := os.ReadDir("testdata/fuzz/FuzzPacked")
	if err != nil || len(files) < 10 {
		t.Errorf("the corpus of FuzzPacked has %d files, %v", len(files), err)
	}
}
