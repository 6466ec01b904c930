package codec_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/signing"
)

// signedBy is a codec under a secret key, with a clock that the test moves.
func signedBy(t *testing.T, secret string, o codec.SignedOptions) (c *codec.Signed, now *time.Time) {
	t.Helper()
	st := settings()
	at := time.Unix(1790000000, 0)
	st.SecretKey, st.Clock = secret, func() time.Time { return at }
	c, err := codec.NewSigned(st, o)
	check(t, err)
	return c, &at
}

func oneValue(t *testing.T, name string, value any) (v sessions.Values) {
	t.Helper()
	check(t, v.Encode(name, value))
	return v
}

// A session that was written or read a moment ago is refused as soon as it is too
// old, like any other.
func TestVerifiedAge(t *testing.T) {
	writer, _ := signedBy(t, "k", codec.SignedOptions{})
	data, err := writer.Encode(oneValue(t, "a", 1))
	check(t, err)
	c, now := signedBy(t, "k", codec.SignedOptions{MaxAge: time.Hour})
	for _, row := range []struct {
		age   time.Duration
		lives bool
	}{{0, true}, {time.Hour, true}, {time.Hour + time.Microsecond, false}, {time.Minute, true}} {
		*now = time.Unix(1790000000, 0).Add(row.age)
		v, written, err := c.DecodeDated(data)
		switch {
		case row.lives:
			if err != nil || v.Len() != 1 || !written.Equal(time.Unix(1790000000, 0)) {
				t.Errorf("after %v: %d values, written %v, %v", row.age, v.Len(), written, err)
			}
		case !errors.Is(err, sessions.ErrNotFound) || !errors.Is(err, signing.ErrSignatureExpired) || v.Len() != 0:
			t.Errorf("after %v: %d values, %v", row.age, v.Len(), err)
		}
	}
}

// With ReadSHA1, too, what is too old is not there, and not corrupt: neither what was
// signed with SHA-256 nor with SHA-1.
func TestExpiredBesideSHA1(t *testing.T) {
	for _, algorithm := range []string{"sha256", "sha1"} {
		writer, err := signing.NewTimestamp(signing.Options{Key: "k", Salt: codec.SessionSalt, Algorithm: algorithm},
			func() time.Time { return time.Unix(1790000000, 0) })
		check(t, err)
		c, now := signedBy(t, "k", codec.SignedOptions{MaxAge: time.Hour, ReadSHA1: true})
		data := writer.SignPayload(`{"a":1}`, false)
		if v, err := c.Decode(data); err != nil || v.Len() != 1 {
			t.Errorf("%s: %d values, %v", algorithm, v.Len(), err)
		}
		*now = now.Add(2 * time.Hour)
		if _, err := c.Decode(data); !errors.Is(err, sessions.ErrNotFound) || errors.Is(err, sessions.ErrCorrupt) {
			t.Errorf("%s, after two hours: %v", algorithm, err)
		}
	}
}

// What one codec has verified is nothing to another one, and a string that differs
// in any byte from one that was verified is not it.
func TestVerifiedIsNobodyElses(t *testing.T) {
	for _, uncompressed := range []bool{false, true} {
		o := codec.SignedOptions{Uncompressed: uncompressed}
		c, _ := signedBy(t, "k", o)
		data, err := c.Encode(oneValue(t, "a", strings.Repeat("text ", 30)))
		check(t, err)
		for range 3 { // until all is known of it
			_, err := c.Decode(data)
			check(t, err)
		}
		for i := range data {
			forged := []byte(data)
			forged[i] ^= 1
			if _, err := c.Decode(string(forged)); !errors.Is(err, sessions.ErrCorrupt) {
				t.Errorf("with byte %d of %d changed: %v", i, len(data), err)
			}
		}
		for _, forged := range []string{data[:len(data)-1], data + "A", data[1:], ""} {
			if _, err := c.Decode(forged); !errors.Is(err, sessions.ErrCorrupt) {
				t.Errorf("%q: %v", forged, err)
			}
		}
		other, _ := signedBy(t, "another", o)
		if _, err := other.Decode(data); !errors.Is(err, signing.ErrBadSignature) {
			t.Errorf("under another key: %v", err)
		}
		if v, err := c.Decode(data); err != nil || v.Len() != 1 {
			t.Errorf("the genuine one: %d values, %v", v.Len(), err)
		}
	}
}

// Who changes the values that he was given changes nobody else's, however often they
// were read before.
func TestRememberedValuesAreOnesOwn(t *testing.T) {
	forEachCodec(t, func(t *testing.T, c sessions.Codec) {
		v := oneValue(t, "a", 1)
		check(t, v.Encode("b", "two"))
		want := list(v)
		data, err := c.Encode(v)
		check(t, err)
		var read []sessions.Values
		for i := range 12 {
			v, err := c.Decode(data)
			check(t, err)
			if got := list(v); got != want {
				t.Fatalf("read %d: %s, not %s", i, got, want)
			}
			switch read = append(read, v); i % 4 {
			case 0:
				check(t, v.Encode("a", 2))
			case 1:
				check(t, v.Encode("c", 3))
			case 2:
				v.Delete("a")
			case 3:
				v.Clear()
				check(t, v.Encode("d", 4))
			}
			if list(v) == want {
				t.Fatalf("read %d was not changed", i)
			}
		}
		for i, v := range read {
			if got := list(v); i > 0 && got != want { // the first one shares its members with its changed copy
				t.Errorf("read %d has become %s", i, got)
			}
		}
	})
}

// forEachCodec runs f with each codec that remembers.
func forEachCodec(t *testing.T, f func(t *testing.T, c sessions.Codec)) {
	for name, maker := range map[string]codec.Maker{
		"signed": codec.SignedOptions{}, "signed pickle": codec.SignedOptions{Serializer: codec.PickleSerializer{}},
		"pickle": codec.PickleOptions{}, "pickle, packed": codec.PickleOptions{Zlib: true},
		"JSON": codec.JSONOptions{}, "JSON, spaced": codec.JSONOptions{Spaces: true},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := maker.Make(settings())
			check(t, err)
			f(t, c)
		})
	}
}

// Of many more sessions than are remembered, read, changed and written by many at
// once, each is read as it was written, again and again.
func TestRememberedUnderLoad(t *testing.T) {
	load := func(t *testing.T, c sessions.Codec) {
		var wg sync.WaitGroup
		common, err := c.Encode(oneValue(t, "a", "everybody's"))
		check(t, err)
		for worker := range 4 {
			wg.Go(func() {
				stored := map[string]string{"everybody's": common}
				for i := range 1100 {
					text := fmt.Sprintf("%d of %d %s", i, worker, strings.Repeat("x", i%50/49*5000)) // long ones are not kept
					data, err := c.Encode(oneValue(t, "a", text))
					if err != nil {
						t.Error(err)
						return
					}
					stored[text] = data
				}
				for range 3 {
					for want, data := range stored {
						v, err := c.Decode(data)
						if err != nil {
							t.Error(err)
							return
						}
						var got string
						if found, err := v.Decode("a", &got); !found || err != nil || got != want {
							t.Errorf("%.20q was read as %.20q, %v", want, got, err)
						}
						if err := errors.Join(v.Encode("a", "changed"), v.Encode("b", worker)); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
	}
	for name, maker := range map[string]codec.Maker{"signed": codec.SignedOptions{}, "pickle": codec.PickleOptions{}} {
		t.Run(name, func(t *testing.T) {
			c, err := maker.Make(settings())
			check(t, err)
			load(t, c)
		})
	}
}

// From the third read on nothing is allocated.
func TestRememberedAllocations(t *testing.T) {
	forEachCodec(t, func(t *testing.T, c sessions.Codec) {
		data, err := c.Encode(oneValue(t, "a", "one value"))
		check(t, err)
		long, err := c.Encode(oneValue(t, "a", strings.Repeat("too long to be kept ", 1000)))
		check(t, err)
		read := func(data string) float64 {
			return testing.AllocsPerRun(100, func() { _, _ = c.Decode(data) })
		}
		if n := read(data); n != 0 {
			t.Errorf("%v allocations", n)
		}
		if n := read(long); n == 0 {
			t.Error("20,000 bytes are remembered")
		}
	})
}

// A serializer of one's own is asked each time.
func TestRememberedUnlessOnesOwn(t *testing.T) {
	own := &countingSerializer{}
	c, _ := signedBy(t, "k", codec.SignedOptions{Serializer: own})
	data, err := c.Encode(oneValue(t, "a", 1))
	check(t, err)
	for range 5 {
		_, err := c.Decode(data)
		check(t, err)
	}
	if own.loads != 5 {
		t.Errorf("asked %d times", own.loads)
	}
}

type countingSerializer struct {
	codec.JSONSerializer
	loads int
}

func (s *countingSerializer) Loads(text string) (sessions.Values, error) {
	s.loads++
	return s.JSONSerializer.Loads(text)
}
