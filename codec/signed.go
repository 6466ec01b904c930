package codec

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/signing"
)

// SessionSalt is the salt of every Django engine's stored sessions:
// "django.contrib.sessions." and the name of the class. A Django whose engine
// class has another name has another salt.
const SessionSalt = "django.contrib.sessions.SessionStore"

// SignedOptions are the choices of NewSigned. The zero value is
// Django's default.
type SignedOptions struct {
	// Serializer makes the text that is signed: SESSION_SERIALIZER. Nil is
	// Django's default, JSONSerializer.
	Serializer Serializer

	// Salt keeps what is signed here from being accepted elsewhere; "" is
	// SessionSalt.
	Salt string

	// Uncompressed stores the text as it is, where Django compresses what gets
	// shorter by it. Django reads both.
	Uncompressed bool

	// ReadSHA1 also accepts what Django up to 3.2 stored with
	// DEFAULT_HASHING_ALGORITHM = 'sha1', and before 3.1: signatures with SHA-1,
	// and the format base64(hash:json). Nothing is written that way.
	ReadSHA1 bool

	// MaxAge refuses what was written longer ago, as a cookie engine must (0: no
	// limit). It is Django's max_age.
	MaxAge time.Duration

	// Limit is the size in bytes, after decompression, above which a session is
	// neither read nor written (0: signing.DefaultLimit).
	Limit int
}

// Signed is a session as its Serializer's text, JSON as a rule, compressed where
// that is shorter, with a timestamp and a signature: what Django's
// SessionBase.encode() writes (django.core.signing.dumps with compress=True). It
// shows its contents to whoever can read the store, and lets nobody change them.
// Make it with NewSigned; it is safe for concurrent use.
//
// It remembers the last some thousand sessions that it wrote or read, each by all
// that is stored of it: reading one again checks no signature, decompresses nothing,
// and parses nothing from the third time on, unless the Serializer is one of one's
// own. No answer is another one for that, and none is older: a store is asked each
// time, only the same bytes are the same session, which this codec has made or checked
// with its keys, and their age is looked at each time. It takes some 5 MB for sessions
// of 300 bytes; those of more than about 4 KB are not remembered.
type Signed struct {
	signer     *signing.TimestampSigner
	sha1       *signing.TimestampSigner // nil unless ReadSHA1
	serializer Serializer
	keys       []string
	salt       string
	compress   bool
	maxAge     time.Duration
	limit      int
	now        func() time.Time
	verified   *verified
	parsed     *parsed // nil: each is parsed anew
}

// NewSigned makes the codec for SecretKey, SecretKeyFallbacks and Clock of
// the settings.
func NewSigned(st sessions.Settings, o SignedOptions) (*Signed, error) {
	c := &Signed{salt: o.Salt, compress: !o.Uncompressed, maxAge: o.MaxAge, limit: o.Limit, now: st.Clock, verified: newVerified()}
	if c.now == nil {
		c.now = time.Now
	}
	if c.salt == "" {
		c.salt = SessionSalt
	}
	if c.maxAge == 0 {
		c.maxAge = signing.Forever
	}
	if c.limit <= 0 {
		c.limit = signing.DefaultLimit
	}
	options := signing.Options{Key: st.SecretKey, FallbackKeys: st.SecretKeyFallbacks, Salt: c.salt}
	var err error
	if c.serializer, err = serializer(o.Serializer); err != nil {
		return nil, err
	}
	switch c.serializer.(type) {
	case JSONSerializer, PickleSerializer: // another one may have its reasons not to read a text again
		c.parsed = newParsed(c.verified.seed)
	}
	if c.signer, err = signing.NewTimestamp(options, st.Clock); err != nil {
		return nil, fmt.Errorf("codec: %w", err)
	}
	if o.ReadSHA1 {
		options.Algorithm = "sha1"
		if c.sha1, err = signing.NewTimestamp(options, st.Clock); err != nil {
			return nil, fmt.Errorf("codec: %w", err)
		}
		c.keys = append([]string{st.SecretKey}, st.SecretKeyFallbacks...)
	}
	return c, nil
}

// Encode writes what Django's encode() would, members in their order.
func (c *Signed) Encode(v sessions.Values) (string, error) {
	text, err := c.serializer.Dumps(v)
	if err != nil {
		return "", err
	}
	if len(text) > c.limit {
		return "", tooLarge(len(text), c.limit)
	}
	data, at := c.signer.SignDated(text, c.compress)
	c.verified.add(c.verified.hash(data), data, text, at)
	return data, nil
}

// tooLarge refuses to write what would not be read.
func tooLarge(size, limit int) error {
	return fmt.Errorf("codec: %w: %w", signing.ErrTooLarge, &sessions.TooLargeError{Size: size, Limit: limit})
}

// Decode reads what Django's encode() has written. An error wraps
// sessions.ErrCorrupt, and signing.ErrBadSignature when no key has made the
// signature, which is when Django logs "Session data corrupted".
func (c *Signed) Decode(data string) (sessions.Values, error) {
	v, _, err := c.decode(data)
	return v, err
}

// decode also says when the data was written: zero where it has no date.
func (c *Signed) decode(data string) (sessions.Values, time.Time, error) {
	hash := c.verified.hash(data)
	if c.parsed != nil {
		if known := c.parsed.find(hash, data); known != nil && c.lives(known.what.at) {
			return known.what.values, known.what.at, nil
		}
	}
	text, stored, written, err := c.unsign(hash, data)
	if err != nil {
		return sessions.Values{}, time.Time{}, err
	}
	v, err := loads(c.serializer, text)
	if err == nil && c.parsed != nil && !written.IsZero() {
		v = c.parsed.read(hash, stored, text, v, written)
	}
	return v, written, err
}

// lives reports whether what was written then is not too old.
func (c *Signed) lives(written time.Time) bool {
	return c.maxAge == signing.Forever || c.now().Sub(written) <= c.maxAge
}

// unsign is the text of what was signed, and when that was. stored is data, and part
// of no longer string.
func (c *Signed) unsign(hash uint64, data string) (text, stored string, written time.Time, err error) {
	if known := c.verified.find(hash, data); known != nil && c.lives(known.what.at) {
		return known.what.text, known.stored, known.what.at, nil
	}
	text, written, err = c.signer.UnsignDated(data, c.maxAge, c.limit)
	if err == nil {
		stored = strings.Clone(data) // of a cookie it is part of the header
		c.verified.add(hash, stored, text, written)
	}
	if err != nil && c.sha1 != nil && errors.Is(err, signing.ErrBadSignature) && !errors.Is(err, signing.ErrSignatureExpired) {
		text, err = c.unsignSHA1(data)
	}
	switch {
	case errors.Is(err, signing.ErrSignatureExpired):
		return "", "", time.Time{}, fmt.Errorf("%w: %w", sessions.ErrNotFound, err)
	case err != nil:
		return "", "", time.Time{}, fmt.Errorf("%w: %w", sessions.ErrCorrupt, err)
	}
	return text, stored, written, nil
}

// DecodeDated implements sessions.DatedCodec: the signature's timestamp, in
// whole seconds.
func (c *Signed) DecodeDated(data string) (sessions.Values, time.Time, error) {
	v, written, err := c.decode(data)
	if err != nil {
		return v, time.Time{}, err
	}
	if written.IsZero() { // written with SHA-1
		return sessions.Values{}, time.Time{}, fmt.Errorf("%w: %w", sessions.ErrCorrupt, signing.ErrBadSignature)
	}
	return v, written, nil
}

// unsignSHA1 reads both of Django's former formats (SessionBase._legacy_decode
// in 3.2 is the older one).
func (c *Signed) unsignSHA1(data string) (string, error) {
	if text, err := c.sha1.UnsignPayload(data, c.maxAge, c.limit); err == nil || errors.Is(err, signing.ErrSignatureExpired) {
		return text, err
	}
	decoded, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return "", signing.ErrBadSignature
	}
	hash, text, _ := strings.Cut(string(decoded), ":")
	// The class name alone, without the dot that the salt has now.
	salt := strings.Replace(c.salt, "django.contrib.sessions.", "django.contrib.sessions", 1)
	valid := false
	for _, key := range c.keys {
		secret := sha1.Sum([]byte(salt + key))
		mac := hmac.New(sha1.New, secret[:])
		mac.Write([]byte(text))
		if hmac.Equal([]byte(hash), []byte(hex.EncodeToString(mac.Sum(nil)))) {
			valid = true
		}
	}
	if !valid {
		return "", signing.ErrBadSignature
	}
	return text, nil
}
