package sessions

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"
)

// Django's session keys: 32 characters of a-z0-9, 165 bits
// (SessionBase._get_new_session_key).
const (
	keyLength   = 32
	keyAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

	// The shortest that Django accepts from a cookie (_validate_session_key),
	// and the width of the column that it is looked up in.
	minKeyLength = 8
	maxKeyLength = 40
)

// newKey returns a fresh random key, every character equally likely.
func newKey() string {
	// Bytes from the largest multiple of 36 on are thrown away: a remainder
	// would favour the first letters.
	const fair = 256 / len(keyAlphabet) * len(keyAlphabet)
	key := make([]byte, 0, keyLength)
	var random [keyLength + 8]byte
	for {
		_, _ = rand.Read(random[:]) // ends the program rather than fail
		for _, b := range random {
			if int(b) < fair {
				key = append(key, keyAlphabet[int(b)%len(keyAlphabet)])
				if len(key) == keyLength {
					return string(key)
				}
			}
		}
	}
}

// assignableKey is Django's _validate_session_key: what a cookie must have to
// be taken for a key at all.
func assignableKey(key string) bool {
	if len(key) >= minKeyLength*utf8.UTFMax {
		return true
	}
	n := 0
	for range key {
		if n++; n == minKeyLength {
			return true
		}
	}
	return false
}

// ValidKey reports whether a store is asked for key: 8 to 40 characters of
// a-z0-9. Nothing else can name a session of Django's or of ours, so it never
// reaches a store: no path, no NUL, no quote.
func ValidKey(key string) bool {
	if len(key) < minKeyLength || len(key) > maxKeyLength {
		return false
	}
	for i := range len(key) {
		if !inKeys[key[i]] {
			return false
		}
	}
	return true
}

// inKeys has the bytes of keyAlphabet. Comparing with its ends takes several times
// as long: no processor can guess whether a letter or a digit comes next.
var inKeys = func() (in [256]bool) {
	for _, c := range []byte(keyAlphabet) {
		in[c] = true
	}
	return in
}()

// keyHasher makes the short hashes by which logs name a session.
type keyHasher struct{ secret [sha256.Size]byte }

func newKeyHasher(secretKey string) keyHasher {
	return keyHasher{sha256.Sum256([]byte("keepsake.key-hash" + secretKey))}
}

// hash names key in a log: 12 hexadecimal digits that can't be turned back, not
// even by trying keys out, without the secret key.
func (h keyHasher) hash(key string) string {
	return h.sum("", key)[:12]
}

// wireLength is how long a hash in a message is.
const wireLength = 32

// wire names key in a message between processes. It is another hash than that in
// logs, and no two keys have the same.
func (h keyHasher) wire(key string) string { return h.sum("wire:", key)[:wireLength] }

// channel is where processes with this secret key tell each other of sessions.
func (h keyHasher) channel() string { return "keepsake_" + h.sum("channel:", "")[:12] }

func (h keyHasher) sum(purpose, text string) string {
	mac := hmac.New(sha256.New, h.secret[:])
	mac.Write([]byte(purpose))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}
