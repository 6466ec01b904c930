package hashers

import "errors"

// The errors of this package, for errors.Is. None of them holds a password or a
// part of a hash.
var (
	// ErrUnknownAlgorithm is of a hash whose algorithm is not among
	// [Options.Hashers], or is a variant that can't be computed here: argon2d,
	// and Argon2 1.0 (v=16). The message names it.
	ErrUnknownAlgorithm = errors.New("unknown algorithm")

	// ErrMalformed is of a hash that no Django writes: no password fits it.
	ErrMalformed = errors.New("malformed password hash")

	// ErrTooExpensive is of a hash that asks for more work or memory than
	// [Options.MaxWork] allows.
	ErrTooExpensive = errors.New("the password hash asks for too much work")

	// ErrPasswordTooLong is of making a hash with the algorithm "bcrypt" of a
	// password of more than 72 bytes: bcrypt does not look at the others.
	ErrPasswordTooLong = errors.New("password longer than the 72 bytes that bcrypt uses")
)
