package codec

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/signing"
)

// EncryptedOptions are the choices of NewEncrypted.
type EncryptedOptions struct {
	// Serializer makes the text that is encrypted. Nil is JSONSerializer.
	Serializer Serializer

	// Purpose keeps what is encrypted here from being accepted elsewhere under
	// the same secret key. "" is "session".
	Purpose string

	// MaxAge refuses what was written longer ago (0: no limit).
	MaxAge time.Duration
}

// Encrypted is a session as its Serializer's text, JSON as a rule, encrypted and
// authenticated with AES-256-GCM under a key that HKDF-SHA-256 (RFC 5869) derives
// from SecretKey: nobody without it can read or change the session. SecretKeyFallbacks are tried when
// reading. Make it with NewEncrypted; it is safe for concurrent use.
//
// A random 96-bit nonce is safe for 2^32 sessions under one key; change
// SecretKey before that many were written.
type Encrypted struct {
	ciphers    []cipher.AEAD // SecretKey's, then the fallbacks'
	serializer Serializer
	maxAge     time.Duration
	now        func() time.Time
}

// The stored form, in URL-safe base64 without padding:
//
//	version (1 byte) | nonce (12) | encrypted: seconds since 1970 (8), text | tag (16)
const (
	encryptedVersion = 1
	nonceSize        = 12
	stampSize        = 8
)

// NewEncrypted makes the codec for SecretKey, SecretKeyFallbacks and Clock of
// the settings.
func NewEncrypted(st sessions.Settings, o EncryptedOptions) (*Encrypted, error) {
	if o.Purpose == "" {
		o.Purpose = "session"
	}
	c := &Encrypted{maxAge: o.MaxAge, now: st.Clock}
	if c.now == nil {
		c.now = time.Now
	}
	var err error
	if c.serializer, err = serializer(o.Serializer); err != nil {
		return nil, err
	}
	if st.SecretKey == "" {
		return nil, errors.New("codec: encryption needs a SecretKey")
	}
	for _, secret := range append([]string{st.SecretKey}, st.SecretKeyFallbacks...) {
		key, err := hkdf.Key(sha256.New, []byte(secret), nil, "keepsake encrypted "+o.Purpose, 32)
		if err != nil {
			return nil, fmt.Errorf("codec: %w", err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("codec: %w", err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("codec: %w", err)
		}
		c.ciphers = append(c.ciphers, aead)
	}
	return c, nil
}

// Encode encrypts the session under SecretKey.
func (c *Encrypted) Encode(v sessions.Values) (string, error) {
	text, err := c.serializer.Dumps(v)
	if err != nil {
		return "", err
	}
	plain := binary.BigEndian.AppendUint64(make([]byte, 0, stampSize+len(text)), uint64(c.now().Unix()))
	plain = append(plain, text...)
	sealed := make([]byte, 1+nonceSize, 1+nonceSize+len(plain)+c.ciphers[0].Overhead())
	sealed[0] = encryptedVersion
	_, _ = rand.Read(sealed[1:]) // ends the program rather than fail
	sealed = c.ciphers[0].Seal(sealed, sealed[1:], plain, sealed[:1])
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Decode reads what Encode has written. An error wraps sessions.ErrCorrupt, and
// signing.ErrBadSignature when no key opens it; sessions.ErrNotFound when it is
// too old.
func (c *Encrypted) Decode(data string) (sessions.Values, error) {
	v, _, err := c.DecodeDated(data)
	return v, err
}

// DecodeDated implements sessions.DatedCodec, in whole seconds.
func (c *Encrypted) DecodeDated(data string) (sessions.Values, time.Time, error) {
	plain, err := c.open(data)
	if err != nil {
		return sessions.Values{}, time.Time{}, fmt.Errorf("%w: %w", sessions.ErrCorrupt, err)
	}
	written := time.Unix(int64(binary.BigEndian.Uint64(plain)), 0)
	if c.maxAge > 0 && c.now().Sub(written) > c.maxAge {
		return sessions.Values{}, time.Time{}, fmt.Errorf("%w: %w", sessions.ErrNotFound, signing.ErrSignatureExpired)
	}
	v, err := loads(c.serializer, string(plain[stampSize:]))
	return v, written, err
}

// open decrypts with whichever key fits. All are tried, lest the time tells which.
func (c *Encrypted) open(data string) ([]byte, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(data)
	if err != nil || len(sealed) < 1+nonceSize || sealed[0] != encryptedVersion {
		return nil, signing.ErrBadSignature
	}
	var opened []byte
	for _, aead := range c.ciphers {
		plain, err := aead.Open(nil, sealed[1:1+nonceSize], sealed[1+nonceSize:], sealed[:1])
		if err == nil && len(plain) >= stampSize {
			opened = plain
		}
	}
	if opened == nil {
		return nil, signing.ErrBadSignature
	}
	return opened, nil
}
