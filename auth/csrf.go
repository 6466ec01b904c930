package auth

import (
	"crypto/rand"
	"strings"
)

// csrfKey is where Django keeps the CSRF secret with CSRF_USE_SESSIONS.
const csrfKey = "_csrftoken"

const csrfAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// newCSRFToken makes a fresh secret of 32 characters behind its mask: what
// Django before 4.0 stores, and what later ones, which store the bare secret,
// still read. (A bare one locks out every form of a 3.2.)
func newCSRFToken() string {
	mask, secret := random32(), random32()
	token := []byte(mask)
	for i := range len(secret) {
		x, y := strings.IndexByte(csrfAlphabet, secret[i]), strings.IndexByte(csrfAlphabet, mask[i])
		token = append(token, csrfAlphabet[(x+y)%len(csrfAlphabet)])
	}
	return string(token)
}

// random32 is 32 characters with 160 bits of randomness.
func random32() string { return (rand.Text() + rand.Text())[:32] }
