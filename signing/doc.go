// Package signing is Django's django.core.signing: it puts a signature on
// text, so that what comes back from a browser or a database can be trusted.
// Strings signed here are accepted by Django and the other way round, as long
// as key, salt, separator and algorithm agree.
//
//	signed := signer.Sign("hello")        // "hello:Ap3C_RSH…"
//	value, err := signer.Unsign(signed)   // "hello", or ErrBadSignature
//
// Signing is not encryption: everybody can read the value. It is only certain
// that somebody who has the key wrote it.
//
//   - [Signer] makes value:signature.
//   - [TimestampSigner] makes value:timestamp:signature, so that a value can
//     be refused once it is too old. Django's sessions use this one.
//   - [Dumps] and [Loads] sign any JSON value in one call; SignObject and
//     UnsignObject do the same with a signer that is kept and used again.
//   - SignPayload and UnsignPayload stand one level below: they sign text that
//     is JSON (or a pickle) already.
//
// # Key, salt, rotation
//
// Key is Django's SECRET_KEY. The salt is no secret: it is a name that keeps
// strings made for one purpose from being accepted for another. Give each
// purpose its own.
//
// To change the key, put the old one into FallbackKeys: new strings are signed
// with Key, old ones are still accepted. Take it out when the last of them has
// expired.
//
// # Errors
//
//	ErrBadSignature       not made with this key and salt, or changed since
//	ErrSignatureExpired   made with this key, too old (also is an ErrBadSignature)
//	ErrMalformed          signature right, contents unreadable
//	ErrTooLarge           signature right, contents larger than the caller allows
//
// No error text ever holds a key, a signed value or a signature: the text of
// an error ends in a log, and a signed value in a log can be a visitor's
// session.
//
// Signers are safe for concurrent use. Making one derives the keys, so make it
// once and keep it; signing then costs a fraction of a microsecond.
package signing
