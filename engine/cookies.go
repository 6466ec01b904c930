package engine

import (
	"context"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
)

// cookieSalt is the salt of Django's signed_cookies engine.
const cookieSalt = "django.contrib.sessions.backends.signed_cookies"

// SignedCookies keeps each session in its cookie, signed and readable by whoever
// has the cookie: Django's django.contrib.sessions.backends.signed_cookies. It
// needs no store.
//
// What a cookie engine can't do: revoke a copy (a stolen or saved cookie works
// until it expires, also after a logout, unless Revoked says otherwise), merge parallel changes (the last
// response's cookie is the session), or hold more than 4096 bytes: a save above
// that is a *sessions.TooLargeError, and the cookie before it stays valid. The
// expiry is enforced here, whatever the browser does; Django does that only for
// SESSION_COOKIE_AGE.
func SignedCookies() SignedCookiesEngine { return SignedCookiesEngine{} }

// SignedCookiesEngine is SignedCookies with choices; its zero value is Django's.
type SignedCookiesEngine struct {
	// Serializer makes the text that is signed: SESSION_SERIALIZER. Nil is
	// Django's default, codec.JSONSerializer.
	Serializer codec.Serializer

	// Revoked says of a genuine session, which was written then, whether it is not
	// to be accepted any more: what a logout can't do here by itself. It is asked
	// at each load, and looks for instance into a list of users whose cookies of
	// before a certain time are void, or of sessions by a value that the program
	// has put into each. Its error fails the load. Nil: a copy of a cookie works
	// until it expires. It must be safe for concurrent use.
	Revoked func(ctx context.Context, values sessions.Values, written time.Time) (bool, error)

	// Uncompressed writes cookies as they are, where Django compresses what gets
	// shorter by it. Django reads both. It saves most of a request's time, and
	// costs room, of which a cookie has little.
	Uncompressed bool
}

// Open implements sessions.Engine.
func (e SignedCookiesEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	c, err := codec.NewSigned(st, codec.SignedOptions{
		Serializer: e.Serializer, Salt: cookieSalt, Uncompressed: e.Uncompressed, MaxAge: st.CookieAge,
	})
	if err != nil {
		return sessions.Backend{}, err
	}
	return sessions.Backend{Name: "signed_cookies", Codec: c, Revoked: e.Revoked}, nil
}

// EncryptedCookies keeps each session in its cookie, encrypted: its holder can't
// read it. Django has no such engine and can't read its cookies. What
// SignedCookies can't do it can't do either.
func EncryptedCookies() EncryptedCookiesEngine { return EncryptedCookiesEngine{} }

// EncryptedCookiesEngine is EncryptedCookies with choices.
type EncryptedCookiesEngine struct {
	// Serializer makes the text that is encrypted. Nil is codec.JSONSerializer.
	Serializer codec.Serializer

	// Revoked is SignedCookiesEngine's.
	Revoked func(ctx context.Context, values sessions.Values, written time.Time) (bool, error)
}

// Open implements sessions.Engine.
func (e EncryptedCookiesEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	c, err := codec.NewEncrypted(st, codec.EncryptedOptions{Serializer: e.Serializer, Purpose: "cookie " + st.CookieName, MaxAge: st.CookieAge})
	if err != nil {
		return sessions.Backend{}, err
	}
	return sessions.Backend{Name: "encrypted_cookies", Codec: c, Revoked: e.Revoked}, nil
}
