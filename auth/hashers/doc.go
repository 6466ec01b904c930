// Package hashers makes and checks passwords as Django stores them: the column
// auth_user.password, Django's contrib.auth.hashers.
//
// A [Hashers] is made once, for the version of the Django beside it:
//
//	h, err := hashers.New(hashers.Options{Django: "5.2"})
//
//	encoded, err := h.Make(ctx, password)          // make_password
//	ok, err := h.Check(ctx, password, encoded)     // check_password
//	if ok && h.MustUpdate(encoded) {               // must_update
//		encoded, err = h.Make(ctx, password)   // to be stored
//	}
//	err = h.Waste(ctx, password)                   // for a user who does not exist
//
// The version matters. Django stores a password anew at a login when it is not
// hashed with Django's own work factors, and a new hash ends the user's other
// sessions. Two programs with different factors that share a table do this to
// each other at each login. Say which Django it is, or set [Options.Factors].
//
// # Formats
//
// pbkdf2_sha256, pbkdf2_sha1, argon2, scrypt, bcrypt_sha256, bcrypt, and md5
// for tests; the last two only when [Options.Hashers] lists them. Django's old
// ones (sha1, unsalted_md5, unsalted_sha1, crypt) are refused: who knows the
// hash knows the password soon after.
//
// # What a stored hash may ask for
//
// A hash names its own work factors, and a login runs them. One that asks for
// more than [Options.MaxWork] allows is not run: [ErrTooExpensive]. At most
// [Options.Parallel] hashes are computed at once; the others wait, as long as
// their context lets them.
//
// # Time
//
// Hashes are compared in constant time. A wrong password takes as long as a
// right one where Django sees to that: a hash with fewer iterations is made up
// for, and where there is nothing to check (an unusable password, a hash that
// can't be read) a hash is computed all the same.
//
// This package is a module of its own, so that golang.org/x/crypto is required
// only by those who check passwords. PBKDF2 is the standard library's.
package hashers
