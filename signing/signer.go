package signing

import "strings"

// A Signer makes and checks strings of the form value:signature. It is
// Django's Signer. Make it with [New]; the zero value is not usable. It is
// safe for concurrent use.
type Signer struct {
	keys      []*signingKey // the first one signs, all verify
	salt      string
	sep       string
	algorithm string
	noSep     error
}

// New returns a signer. Its error names everything that is wrong with o and
// is ErrNoKey, ErrUnsafeSeparator or ErrInvalidAlgorithm, or several of them.
func New(o Options) (*Signer, error) {
	return newSigner(o, "django.core.signing.Signer")
}

func newSigner(o Options, defaultSalt string) (*Signer, error) {
	o, err := o.withDefaults(defaultSalt)
	if err != nil {
		return nil, err
	}
	newHash, err := hashByName(o.Algorithm)
	if err != nil {
		return nil, err
	}
	s := &Signer{
		keys:      []*signingKey{newSigningKey(newHash, o.Salt, o.Key)},
		salt:      o.Salt,
		sep:       o.Sep,
		algorithm: o.Algorithm,
		noSep:     &detail{`signing: No "` + o.Sep + `" found in value`, ErrBadSignature},
	}
	for _, key := range o.FallbackKeys {
		s.keys = append(s.keys, newSigningKey(newHash, o.Salt, key))
	}
	return s, nil
}

// Salt returns the salt in use, which is never empty.
func (s *Signer) Salt() string { return s.salt }

// Algorithm returns the name of the hash in use, such as "sha256".
func (s *Signer) Algorithm() string { return s.algorithm }

// Signature returns the signature of value alone.
func (s *Signer) Signature(value string) string {
	b := getBuffers()
	defer b.free()
	b.in = append(b.in[:0], value...)
	b.out = s.keys[0].appendSignature(b.out[:0], b.in)
	return string(b.out)
}

// Sign returns value, the separator, and value's signature. The value may hold
// the separator itself.
func (s *Signer) Sign(value string) string {
	b := getBuffers()
	defer b.free()
	b.out = append(b.out[:0], value...)
	b.out = s.seal(b.out)
	return string(b.out)
}

// Unsign returns the value that Sign was given, or ErrBadSignature.
func (s *Signer) Unsign(signed string) (string, error) {
	b := getBuffers()
	defer b.free()
	return s.unseal(b, signed)
}

// SignPayload returns payload in base64, compressed first if asked to and if
// that makes it shorter, and signed. See [TimestampSigner.SignPayload].
func (s *Signer) SignPayload(payload string, compress bool) string {
	b := getBuffers()
	defer b.free()
	b.out = b.appendPayload(b.out[:0], payload, compress)
	b.out = s.seal(b.out)
	return string(b.out)
}

// UnsignPayload returns what SignPayload was given. See
// [TimestampSigner.UnsignPayload] for limit and errors.
func (s *Signer) UnsignPayload(signed string, limit int) (string, error) {
	b := getBuffers()
	defer b.free()
	text, err := s.unseal(b, signed)
	if err != nil {
		return "", err
	}
	return b.decodePayload(text, limit)
}

// seal appends separator and signature to the value in buf.
func (s *Signer) seal(buf []byte) []byte {
	n := len(buf)
	buf = append(buf, s.sep...)
	return s.keys[0].appendSignature(buf, buf[:n])
}

// unseal checks the signature and cuts it off.
func (s *Signer) unseal(b *buffers, signed string) (string, error) {
	i := strings.LastIndex(signed, s.sep)
	if i < 0 {
		return "", s.noSep
	}
	b.in = append(b.in[:0], signed...)
	message, signature := b.in[:i], b.in[i+len(s.sep):]
	// All keys are tried even after a match: the time taken must not tell
	// which key is in use.
	match := 0
	for _, key := range s.keys {
		match |= key.verify(message, signature)
	}
	if match == 0 {
		return "", ErrBadSignature
	}
	return signed[:i], nil
}
