package codec_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/signing"
)

// FuzzSignedPayload signs any bytes, as somebody who has the key might, and
// reads them as a session: they are one or they are corrupt. One that is read is
// written and read again without a difference.
func FuzzSignedPayload(f *testing.F) {
	const secret = "the secret key of this fuzz test, which is long enough for Django"
	st := sessions.DefaultSettings()
	st.SecretKey = secret
	c, err := codec.NewSigned(st, codec.SignedOptions{})
	if err != nil {
		f.Fatal(err)
	}
	reader, err := codec.NewSigned(st, codec.SignedOptions{}) // c knows what it has written
	if err != nil {
		f.Fatal(err)
	}
	signer, err := signing.NewTimestamp(signing.Options{Key: secret, Salt: codec.SessionSalt}, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		`{}`, `{"a":1}`, `{"a":1,"b":2,"a":3}`, ` { "a" : [ 1.0 , -0 , 1e5 , NaN , -Infinity ] } `, `{"":""}`, `{"\ud800":"\udc00"}`, `{"\ud834\udd1e":"\u00e9"}`,
		"{\"a\":\"\xe9\"}", `[]`, `null`, `{"a":}`, `{"a":01}`, `{"a":"` + "\x00" + `"}`, `{"a":"\/\u007f"}`, `{"a":123456789012345678901234567890}`, "", "{", "\xff",
	} {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, compress bool) {
		values, err := c.Decode(signer.SignPayload(text, compress))
		if err != nil {
			if !errors.Is(err, sessions.ErrCorrupt) {
				t.Fatalf("Decode: %v", err)
			}
			return
		}
		data, err := c.Encode(values)
		if err != nil {
			t.Fatalf("what was decoded can't be encoded: %v", err)
		}
		again, err := reader.Decode(data)
		if err != nil {
			t.Fatalf("what was encoded can't be decoded: %v", err)
		}
		if a, b := list(values), list(again); a != b {
			t.Fatalf("it has changed on the way:\n%s\n%s", a, b)
		}
		for m := range values.All() {
			var v any
			if found, err := values.Decode(m.Name, &v); err != nil || found == (m.JSON == "null" && v != nil) {
				t.Fatalf("the value %q can't be read: %v", m.JSON, err)
			}
		}
	})
}

func list(values sessions.Values) (text string) {
	for m := range values.All() {
		text += fmt.Sprintf("%q: %q\n", m.Name, m.JSON)
	}
	return text
}

// TestSignedPayloadCorpus: the inputs that are committed are there.
func TestSignedPayloadCorpus(t *testing.T) {
	files, err := os.ReadDir("testdata/fuzz/FuzzSignedPayload")
	if err != nil || len(files) < 5 {
		t.Errorf("the corpus of FuzzSignedPayload has %d files, %v", len(files), err)
	}
}
