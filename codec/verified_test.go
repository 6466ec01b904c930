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

// What one codec has verified is nothing to another one, and a string that differs
// in any byte from one that was verified is not it.
func TestVerifiedIsNobodyElses(t *testing.T) {
	for _, uncompressed := range []bool{false, true} {
		o := codec.SignedOptions{Uncompressed: uncompressed}
		c, _ := signedBy(t, "k", o)
		data, err := c.Encode(oneValue(t, "a", strings.Repeat("text ", 30)))
		check(t, err)
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

// Who changes the values that he was given changes nobody else's.
func TestVerifiedValuesAreOnesOwn(t *testing.T) {
	c, _ := signedBy(t, "k", codec.SignedOptions{})
	data, err := c.Encode(oneValue(t, "a", 1))
	check(t, err)
	first, err := c.Decode(data)
	check(t, err)
	check(t, first.Encode("a", 2))
	check(t, first.Encode("b", 3))
	second, err := c.Decode(data)
	check(t, err)
	if got := list(second); got != `"a": "1"`+"\n" {
		t.Errorf("the next one reads %s", got)
	}
}

// Of many more sessions than are remembered, read and written by many at once, each
// is read as it was written, again and again.
func TestVerifiedUnderLoad(t *testing.T) {
	c, _ := signedBy(t, "k", codec.SignedOptions{})
	writer, _ := signedBy(t, "k", codec.SignedOptions{}) // half of them come from elsewhere
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			stored := map[string]string{}
			for i := range 700 {
				text := fmt.Sprintf("%d of %d %s", i, worker, strings.Repeat("x", i%50/49*5000)) // long ones are not kept
				by := c
				if i%2 == 0 {
					by = writer
				}
				data, err := by.Encode(oneValue(t, "a", text))
				if err != nil {
					t.Error(err)
					return
				}
				stored[text] = data
			}
			for range 2 {
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
				}
			}
		})
	}
	wg.Wait()
}
