package signing

import (
	"math"
	"strings"
	"time"
)

// Forever as a maximum age accepts a signature of any age: Django's
// max_age=None. No other value does: zero and negative ages are ages.
const Forever time.Duration = math.MaxInt64

// A TimestampSigner makes and checks strings of the form
// value:timestamp:signature. It is Django's TimestampSigner. Make it with
// [NewTimestamp]; the zero value is not usable. It is safe for concurrent use.
type TimestampSigner struct {
	signer *Signer
	clock  func() time.Time
}

// NewTimestamp returns a signer that takes the time from clock; nil means
// time.Now. The clock must be safe for concurrent use. Errors are those of
// [New].
func NewTimestamp(o Options, clock func() time.Time) (*TimestampSigner, error) {
	return newTimestamp(o, "django.core.signing.TimestampSigner", clock)
}

func newTimestamp(o Options, defaultSalt string, clock func() time.Time) (*TimestampSigner, error) {
	signer, err := newSigner(o, defaultSalt)
	if err != nil {
		return nil, err
	}
	if clock == nil {
		clock = time.Now
	}
	return &TimestampSigner{signer, clock}, nil
}

// Salt returns the salt in use, which is never empty.
func (t *TimestampSigner) Salt() string { return t.signer.salt }

// Algorithm returns the name of the hash in use, such as "sha256".
func (t *TimestampSigner) Algorithm() string { return t.signer.algorithm }

// Sign returns value with the present time, in whole seconds, and a signature
// over both.
func (t *TimestampSigner) Sign(value string) string {
	b := getBuffers()
	defer b.free()
	b.out = append(b.out[:0], value...)
	b.out, _ = t.seal(b.out)
	return string(b.out)
}

// Unsign returns the value that Sign was given, however old it is. Errors are
// ErrBadSignature, and ErrMalformed for a signed string without a timestamp or
// with one that is not base62.
func (t *TimestampSigner) Unsign(signed string) (string, error) {
	return t.UnsignMaxAge(signed, Forever)
}

// UnsignMaxAge is Unsign that also refuses, with an *[ExpiredError], what is
// older than maxAge. A timestamp in the future is not refused, as in Django:
// its age is negative.
func (t *TimestampSigner) UnsignMaxAge(signed string, maxAge time.Duration) (string, error) {
	b := getBuffers()
	defer b.free()
	value, _, err := t.unseal(b, signed, maxAge)
	return value, err
}

// Timestamp returns when the string was signed, to the second and in UTC, and
// the value. Errors are those of Unsign.
func (t *TimestampSigner) Timestamp(signed string) (time.Time, string, error) {
	b := getBuffers()
	defer b.free()
	at, value, err := t.open(b, signed)
	if err != nil {
		return time.Time{}, "", err
	}
	return at, value, nil
}

// SignPayload returns payload in base64, with the present time, signed. This
// is what Django's sign_object and dumps do after they have made the JSON. The
// payload may be any bytes. With compress it is deflated first, and marked with
// a leading dot, if that saves at least two bytes. Django reads either; which
// payloads are worth it, and the compressed bytes, are not exactly Django's: a
// session of a few hundred bytes comes out a few percent longer.
func (t *TimestampSigner) SignPayload(payload string, compress bool) string {
	signed, _ := t.SignDated(payload, compress)
	return signed
}

// SignDated is SignPayload that also returns the time that UnsignDated will: the
// present, in whole seconds and in UTC.
func (t *TimestampSigner) SignDated(payload string, compress bool) (string, time.Time) {
	b := getBuffers()
	defer b.free()
	b.out = b.appendPayload(b.out[:0], payload, compress)
	var at time.Time
	b.out, at = t.seal(b.out)
	return string(b.out), at
}

// UnsignPayload returns what SignPayload was given. It checks the signature
// and the age (see [Forever]) before it decodes or decompresses anything.
//
// Limit is the largest payload to return, in bytes, and bounds the memory that
// decompression takes; 0 or less is [DefaultLimit]. A larger payload is
// ErrTooLarge. The other errors are ErrBadSignature, ErrSignatureExpired, and
// ErrMalformed for a bad timestamp, bad base64 or bad zlib data.
func (t *TimestampSigner) UnsignPayload(signed string, maxAge time.Duration, limit int) (string, error) {
	payload, _, err := t.UnsignDated(signed, maxAge, limit)
	return payload, err
}

// UnsignDated is UnsignPayload that also says when the string was signed, as
// Timestamp does: the signature is checked once.
func (t *TimestampSigner) UnsignDated(signed string, maxAge time.Duration, limit int) (string, time.Time, error) {
	b := getBuffers()
	defer b.free()
	text, at, err := t.unseal(b, signed, maxAge)
	if err != nil {
		return "", time.Time{}, err
	}
	payload, err := b.decodePayload(text, limit)
	if err != nil {
		return "", time.Time{}, err
	}
	return payload, at, nil
}

// seal appends timestamp and signature to the value in buf.
func (t *TimestampSigner) seal(buf []byte) ([]byte, time.Time) {
	now := t.clock()
	seconds := now.Unix()
	if seconds < 0 && now.Nanosecond() > 0 {
		seconds++ // Python's int() cuts towards zero
	}
	buf = append(buf, t.signer.sep...)
	buf = appendB62(buf, seconds)
	return t.signer.seal(buf), time.Unix(seconds, 0).UTC()
}

// unseal checks signature and age and cuts both off.
func (t *TimestampSigner) unseal(b *buffers, signed string, maxAge time.Duration) (string, time.Time, error) {
	at, value, err := t.open(b, signed)
	if err != nil || maxAge == Forever {
		return value, at, err
	}
	// Django computes in float seconds. Durations agree with it to the
	// microsecond and stop at 292 years instead of wrapping.
	if age := t.clock().Sub(at); age > maxAge {
		return "", time.Time{}, &ExpiredError{Age: age, MaxAge: maxAge}
	}
	return value, at, nil
}

// open checks the signature and takes the timestamp apart from the value. It
// decodes the timestamp even where nobody asks for the age: so does Django.
func (t *TimestampSigner) open(b *buffers, signed string) (time.Time, string, error) {
	text, err := t.signer.unseal(b, signed)
	if err != nil {
		return time.Time{}, "", err
	}
	i := strings.LastIndex(text, t.signer.sep)
	if i < 0 {
		return time.Time{}, "", malformed("no timestamp")
	}
	seconds, err := B62Decode(text[i+len(t.signer.sep):])
	if err != nil {
		return time.Time{}, "", malformed("bad timestamp")
	}
	// Python's integers have no end. Here the end is 30 billion years away,
	// which keeps time.Time from wrapping.
	if seconds > 1e18 || seconds < -1e18 {
		return time.Time{}, "", malformed("timestamp out of range")
	}
	return time.Unix(seconds, 0).UTC(), text[:i], nil
}
