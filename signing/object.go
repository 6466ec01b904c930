package signing

import (
	"fmt"
	"strings"
	"time"

	"github.com/keepsake-go/sessions/internal/pyjson"
)

// Dumps is django.core.signing.dumps: obj as JSON, with the present time,
// signed. Compress deflates it if that makes it shorter. Errors are those of
// [New] and of [TimestampSigner.SignObject].
//
// Dumps and Loads derive the keys anew each time: on a busy path keep a
// TimestampSigner whose salt is "django.core.signing".
func Dumps(obj any, o Options, compress bool) (string, error) {
	t, err := newTimestamp(o, dumpsSalt, nil)
	if err != nil {
		return "", err
	}
	return t.SignObject(obj, compress)
}

// Loads is django.core.signing.loads: it reads what Dumps wrote into what into
// points to, unless it is older than maxAge ([Forever]: any age). Errors are
// those of [New] and of [TimestampSigner.UnsignObject].
func Loads(signed string, o Options, maxAge time.Duration, into any) error {
	t, err := newTimestamp(o, dumpsSalt, nil)
	if err != nil {
		return err
	}
	return t.UnsignObject(signed, maxAge, into)
}

const dumpsSalt = "django.core.signing"

// SignObject is Django's Signer.sign_object: obj as JSON in base64, signed. It
// fails only if obj has no JSON form. The JSON is what Python would write:
// ASCII, no spaces, 1.0 for a float64 of 1.
func (s *Signer) SignObject(obj any, compress bool) (string, error) {
	payload, err := encodeObject(obj)
	if err != nil {
		return "", err
	}
	return s.SignPayload(payload, compress), nil
}

// UnsignObject is Django's Signer.unsign_object: it reads what SignObject wrote
// into what into points to. See [TimestampSigner.UnsignObject] for errors.
func (s *Signer) UnsignObject(signed string, into any) error {
	payload, err := s.UnsignPayload(signed, DefaultLimit)
	if err != nil {
		return err
	}
	return decodeObject(payload, into)
}

// SignObject is Django's TimestampSigner.sign_object: obj as JSON in base64,
// with the present time, signed. It fails only if obj has no JSON form. The
// JSON is what Python would write: ASCII, no spaces, 1.0 for a float64 of 1.
func (t *TimestampSigner) SignObject(obj any, compress bool) (string, error) {
	payload, err := encodeObject(obj)
	if err != nil {
		return "", err
	}
	return t.SignPayload(payload, compress), nil
}

// UnsignObject is Django's TimestampSigner.unsign_object: it reads what
// SignObject wrote into what into points to, unless it is older than maxAge
// ([Forever]: any age). Numbers in an any become int64, *big.Int or float64.
//
// Errors are those of UnsignPayload with [DefaultLimit], ErrMalformed for bad
// JSON, and for JSON that does not fit into's type one that is none of these.
func (t *TimestampSigner) UnsignObject(signed string, maxAge time.Duration, into any) error {
	payload, err := t.UnsignPayload(signed, maxAge, DefaultLimit)
	if err != nil {
		return err
	}
	return decodeObject(payload, into)
}

func encodeObject(obj any) (string, error) {
	payload, err := pyjson.Marshal(obj)
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return payload, nil
}

// decodeObject is Django's JSONSerializer.loads: the payload is Latin-1, not
// UTF-8, whatever wrote it. Errors of pyjson name offsets and types, no values.
func decodeObject(payload string, into any) error {
	text := strings.Trim(pyjson.Latin1ToASCII(payload), " \t\r\n")
	if err := pyjson.Valid(text); err != nil {
		return malformed(err.Error())
	}
	if err := pyjson.Unmarshal(text, into); err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	return nil
}
