package codec_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/signing"
)

// A vector is one case of signing/testdata/vectors.json: what real Djangos from
// 3.2 to 6.1 answered. The fields that its kind lacks are zero.
type vector struct {
	ID   string
	Kind string
	In   struct {
		SecretKey, Salt    string
		Data, String, Time string
	}
	Out struct {
		String, Decoded string
		Compressed      bool
		Logs            [][]string
	}
	Versions []string
}

// vectors returns the cases of one kind that concern stored sessions, at least
// min of them.
func vectors(t *testing.T, kind string, min int) []vector {
	t.Helper()
	raw, err := os.ReadFile("../signing/testdata/vectors.json")
	check(t, err)
	// encoding/json matches names without regard to case but not to "_".
	raw = []byte(strings.ReplaceAll(string(raw), `"secret_key":`, `"secretkey":`))
	var file struct{ Cases []vector }
	check(t, json.Unmarshal(raw, &file))
	found := slices.DeleteFunc(file.Cases, func(v vector) bool {
		return v.Kind != kind || v.In.Salt != "" && v.In.Salt != codec.SessionSalt
	})
	if len(found) < min {
		t.Fatalf("%d vectors of kind %s, want at least %d", len(found), kind, min)
	}
	return found
}

// current reports whether the Djangos since 4.2 answer so.
func (v vector) current() bool { return slices.Contains(v.Versions, "6.1.1") }

// codec is one under the vector's settings, where its time stands.
func (v vector) codec(t *testing.T, o codec.SignedOptions) *codec.Signed {
	t.Helper()
	st := sessions.DefaultSettings()
	st.SecretKey = v.In.SecretKey
	if v.In.Time != "" {
		seconds, ok := new(big.Rat).SetString(v.In.Time)
		if !ok {
			t.Fatalf("bad time %q", v.In.Time)
		}
		now := time.UnixMicro(seconds.Mul(seconds, big.NewRat(1e6, 1)).Num().Int64())
		st.Clock = func() time.Time { return now }
	}
	c, err := codec.NewSigned(st, o)
	check(t, err)
	return c
}

// object is what json.dumps(obj, separators=(",", ":")) makes of values: they
// are the same if and only if it is the same text.
func object(t *testing.T, values sessions.Values) string {
	t.Helper()
	st := sessions.DefaultSettings()
	st.SecretKey = "any"
	c, err := codec.NewSigned(st, codec.SignedOptions{Uncompressed: true})
	check(t, err)
	text, err := c.Encode(values)
	check(t, err)
	s, err := signing.NewTimestamp(signing.Options{Key: "any", Salt: codec.SessionSalt}, nil)
	check(t, err)
	payload, err := s.UnsignPayload(text, signing.Forever, 0)
	check(t, err)
	return payload
}

// compact takes the white space between tokens out of JSON.
func compact(text string) string {
	var b strings.Builder
	inString := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inString && c == '\\':
			b.WriteByte(c)
			i++
			c = text[i]
		case c == '"':
			inString = !inString
		case !inString && strings.IndexByte(" \t\r\n", c) >= 0:
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Every value that Django stored is read, name by name and digit by digit, and
// written as Django writes it: the same string, unless Django's is compressed.
// Other deflaters than zlib make other bytes, and find other payloads worth it.
//
// (Compressed strings of ours are read by a real Django in interop.)
func TestSignedStringVectors(t *testing.T) {
	for _, v := range vectors(t, "signed-string", 20) {
		t.Run(v.ID, func(t *testing.T) {
			c := v.codec(t, codec.SignedOptions{})
			values, err := c.Decode(v.Out.String)
			check(t, err)
			want := compact(v.Out.Decoded)
			if want == "" {
				want = compact(v.In.Data)
			}
			if got := object(t, values); got != want {
				t.Errorf("decoded %s, want %s", got, want)
			}
			text, err := c.Encode(values)
			check(t, err)
			if !v.Out.Compressed && text != v.Out.String && compact(v.In.Data) == want {
				t.Errorf("encoded %s, want %s", text, v.Out.String)
			}
			again, err := c.Decode(text)
			check(t, err)
			if got := object(t, again); got != want {
				t.Errorf("encoded and decoded %s", got)
			}
		})
	}
}

// notObjects are payloads that Django hands on although they are no dictionary:
// its next access to the session raises AttributeError. Here they are corrupt.
var notObjects = []string{"decode/jsonlist", "decode/jsonnull", "decode/jsonstr", "decode/jsonint"}

// What Django can't decode is corrupt, and a bad signature where Django logs
// one; what it can decode is the same here.
func TestDecodeVectors(t *testing.T) {
	tested := 0
	for _, v := range vectors(t, "decode", 30) {
		if !v.current() {
			continue // how 3.2 differed
		}
		tested++
		t.Run(v.ID, func(t *testing.T) {
			values, err := v.codec(t, codec.SignedOptions{}).Decode(v.In.String)
			switch {
			case slices.Contains(notObjects, v.ID):
				if !errors.Is(err, sessions.ErrCorrupt) || errors.Is(err, signing.ErrBadSignature) {
					t.Errorf("error %v, want ErrCorrupt", err)
				}
			case v.Out.Decoded == "{}":
				logged := len(v.Out.Logs) > 0
				if !errors.Is(err, sessions.ErrCorrupt) || errors.Is(err, signing.ErrBadSignature) != logged || values.Len() != 0 {
					t.Errorf("error %v with %d values; Django's log: %v", err, values.Len(), v.Out.Logs)
				}
			default:
				check(t, err)
				if got, want := object(t, values), compact(v.Out.Decoded); got != want {
					t.Errorf("decoded %s, want %s", got, want)
				}
			}
		})
	}
	if tested < 20 {
		t.Errorf("%d vectors of current Djangos, want at least 20", tested)
	}
}

// What 3.2 alone answered otherwise: with an exception that escapes, or with a
// log line where later ones have none, as it tried its former format. Here it is
// corrupt, also with 3.2's formats allowed.
func TestDecodeVectorsOf32(t *testing.T) {
	tested := 0
	for _, v := range vectors(t, "decode", 33) {
		if v.current() {
			continue
		}
		tested++
		values, err := v.codec(t, codec.SignedOptions{ReadSHA1: true}).Decode(v.In.String)
		if !errors.Is(err, sessions.ErrCorrupt) || values.Len() != 0 {
			t.Errorf("%s: error %v with %d values", v.ID, err, values.Len())
		}
	}
	if tested < 10 {
		t.Errorf("%d vectors of 3.2, want at least 10", tested)
	}
}

// What Django 3.1 and 3.2 wrote with DEFAULT_HASHING_ALGORITHM = "sha1", and
// every Django before.
func TestLegacyVectors(t *testing.T) {
	for _, v := range vectors(t, "legacy-encode", 3) {
		t.Run(v.ID, func(t *testing.T) {
			values, err := v.codec(t, codec.SignedOptions{ReadSHA1: true}).Decode(v.Out.String)
			check(t, err)
			if got, want := object(t, values), compact(v.In.Data); got != want {
				t.Errorf("decoded %s, want %s", got, want)
			}
			if _, err := v.codec(t, codec.SignedOptions{}).Decode(v.Out.String); !errors.Is(err, signing.ErrBadSignature) {
				t.Errorf("without ReadSHA1: %v, want ErrBadSignature", err)
			}
			broken := v.Out.String[:len(v.Out.String)-4] + "fX19" // another JSON under that hash
			if _, err := v.codec(t, codec.SignedOptions{ReadSHA1: true}).Decode(broken); !errors.Is(err, signing.ErrBadSignature) {
				t.Errorf("broken: %v, want ErrBadSignature", err)
			}
			v.In.SecretKey += "x"
			if _, err := v.codec(t, codec.SignedOptions{ReadSHA1: true}).Decode(v.Out.String); !errors.Is(err, signing.ErrBadSignature) {
				t.Errorf("another key: %v, want ErrBadSignature", err)
			}
		})
	}
}
