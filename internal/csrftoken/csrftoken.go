// Package csrftoken is Django's CSRF tokens: a secret of 32 letters and digits, and
// the same behind a mask, in 64.
package csrftoken

import (
	"crypto/rand"
	"strings"
)

// SessionKey is where Django keeps the secret with CSRF_USE_SESSIONS.
const SessionKey = "_csrftoken"

const (
	alphabet     = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	secretLength = 32
)

// New makes a fresh secret behind its mask: what Django before 4.0 stores, and what
// later ones, which store the bare secret, still read. (A bare one locks out every
// form of a 3.2.)
func New() string { return Mask(random32()) }

// Mask hides a secret behind a fresh mask, so that no two pages show the same.
func Mask(secret string) string {
	mask := random32()
	token := []byte(mask)
	for i := range len(secret) {
		x, y := strings.IndexByte(alphabet, secret[i]), strings.IndexByte(alphabet, mask[i])
		token = append(token, alphabet[(x+y)%len(alphabet)])
	}
	return string(token)
}

// Secret is the secret of a token, masked or not. It reports whether the token has
// the form of one.
func Secret(token string) (string, bool) {
	if len(token) != secretLength && len(token) != 2*secretLength || strings.Trim(token, alphabet) != "" {
		return "", false
	}
	if len(token) == secretLength {
		return token, true
	}
	mask, cipher := token[:secretLength], token[secretLength:]
	secret := make([]byte, secretLength)
	for i := range secret {
		x, y := strings.IndexByte(alphabet, cipher[i]), strings.IndexByte(alphabet, mask[i])
		if x < 0 || y < 0 {
			return "", false
		}
		secret[i] = alphabet[(x-y+len(alphabet))%len(alphabet)]
	}
	return string(secret), true
}

// random32 is 32 characters with 160 bits of randomness.
func random32() string { return (rand.Text() + rand.Text())[:32] }
