package auth

import (
	"encoding/hex"

	"github.com/keepsake-go/sessions/signing"
)

const hashSalt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"

// SessionHash is Django's get_session_auth_hash: what the session holds of a
// user's encoded password, so that a session ends with the password. In hex.
func SessionHash(secretKey, encodedPassword string) string {
	return sessionHash(secretKey, encodedPassword, "sha256")
}

// sessionHash is SessionHash by another algorithm: Django 3.1 and 3.2 may have
// used sha1 (DEFAULT_HASHING_ALGORITHM).
func sessionHash(secretKey, encodedPassword, algorithm string) string {
	sum, err := signing.SaltedHMAC(hashSalt, encodedPassword, secretKey, algorithm)
	if err != nil {
		panic("auth: " + err.Error()) // both algorithms are known
	}
	return hex.EncodeToString(sum)
}

// hashes are the session hashes of one user.
type hashes struct {
	current   string   // what is written now; "": the user has none
	accepted  []string // as good as the current one
	fallbacks []string // of former secret keys: accepted, and renewed
}

// hashesOf computes u's hashes under every secret key.
func (a *Auth) hashesOf(b Backend, u *User) hashes {
	hash := func(secret string) string { return SessionHash(secret, u.Password) }
	own, ok := able[SessionHasher](b)
	if ok {
		hash = func(secret string) string { return own.SessionAuthHash(u, secret) }
	}
	h := hashes{current: hash(a.settings.SecretKey)}
	for _, secret := range a.settings.SecretKeyFallbacks {
		h.fallbacks = append(h.fallbacks, hash(secret))
	}
	if a.options.ReadSHA1 && !ok {
		h.accepted = append(h.accepted, sessionHash(a.settings.SecretKey, u.Password, "sha1"))
	}
	return h
}
