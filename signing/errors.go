package signing

import (
	"errors"
	"strconv"
	"time"
)

// What a call of this package can fail with; use errors.Is.
var (
	// ErrBadSignature is Django's BadSignature: the string has no separator,
	// or no key made its signature.
	ErrBadSignature = errors.New("signing: Signature does not match")

	// ErrSignatureExpired is Django's SignatureExpired: the signature is
	// right, but older than allowed. As in Django it is also an
	// ErrBadSignature, so test for it first. What is returned is an
	// *[ExpiredError], which knows the age.
	ErrSignatureExpired error = &detail{"signing: Signature expired", ErrBadSignature}

	// ErrMalformed means that the signature is right but what was signed
	// cannot be read: no timestamp or a bad one, bad base64, zlib or JSON.
	// Django has several exceptions for these, and its sessions swallow them
	// without the warning that a BadSignature gets.
	ErrMalformed = errors.New("signing: malformed payload")

	// ErrTooLarge means that the signature is right but the payload is larger
	// than the given limit. It is no ErrMalformed: Django, which has no limit,
	// would read this one, so it should not be taken for an empty session.
	ErrTooLarge = errors.New("signing: payload exceeds the size limit")

	// ErrInvalidAlgorithm is Django's InvalidAlgorithm.
	ErrInvalidAlgorithm = errors.New("signing: invalid algorithm")

	// ErrNoKey means that Key or one of the FallbackKeys is empty. Anybody
	// could sign with an empty key.
	ErrNoKey = errors.New("signing: The SECRET_KEY setting must not be empty.")

	// ErrUnsafeSeparator means that the separator could occur inside a
	// signature or a timestamp.
	ErrUnsafeSeparator = errors.New("signing: Unsafe Signer separator")
)

// detail is an error with a text of its own that counts as kind.
//
// Django's text `Signature "%s" does not match` quotes the signature, which
// together with a value from another log line is a usable session. This
// package keeps Django's words but never the quoted text.
type detail struct {
	text string
	kind error
}

func (e *detail) Error() string { return e.text }
func (e *detail) Unwrap() error { return e.kind }

func malformed(why string) error {
	return &detail{ErrMalformed.Error() + ": " + why, ErrMalformed}
}

// ExpiredError is an [ErrSignatureExpired] with its numbers.
type ExpiredError struct {
	Age    time.Duration // from the signature's timestamp to now
	MaxAge time.Duration // what the caller allowed
}

func (e *ExpiredError) Error() string {
	return "signing: Signature age " + seconds(e.Age) + " > " + seconds(e.MaxAge) + " seconds"
}

// Unwrap makes the error an ErrSignatureExpired and an ErrBadSignature.
func (e *ExpiredError) Unwrap() error { return ErrSignatureExpired }

func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
}
