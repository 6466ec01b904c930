package hashers

import (
	"crypto/rand"
	"strings"
)

const (
	// alphabet is Django's RANDOM_STRING_CHARS.
	alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

	// saltLength is how many of these have Django's 128 bits: 22 × log2(62) = 131.
	saltLength = 22

	unusablePrefix       = "!"
	unusableSuffixLength = 40
)

// Unusable returns what Django stores for an account without a password, its
// make_password(None): no password fits it. It is another text each time.
func Unusable() string { return unusablePrefix + randomString(unusableSuffixLength) }

// IsUsable is Django's is_password_usable: false for what [Unusable] returns.
// It does not say that the hash can be read.
func IsUsable(encoded string) bool { return !strings.HasPrefix(encoded, unusablePrefix) }

// randomString draws each of the 62 characters equally often: a byte is taken
// for its upper six bits, and drawn again when these are 62 or 63. rand.Read
// does not fail: it ends the program instead.
func randomString(length int) string {
	text := make([]byte, 0, length)
	var random [64]byte
	for {
		rand.Read(random[:])
		for _, b := range random {
			if i := int(b >> 2); i < len(alphabet) {
				if text = append(text, alphabet[i]); len(text) == length {
					return string(text)
				}
			}
		}
	}
}

// shortSalt is Django's must_update_salt: less than 128 bits, if the salt is of
// the alphabet. length is in characters.
func shortSalt(length int) bool { return length < saltLength }
