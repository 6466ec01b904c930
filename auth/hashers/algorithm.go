package hashers

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The algorithms, by the names that hashes begin with.
const (
	PBKDF2SHA256 = "pbkdf2_sha256" // PBKDF2PasswordHasher
	PBKDF2SHA1   = "pbkdf2_sha1"   // PBKDF2SHA1PasswordHasher
	Argon2       = "argon2"        // Argon2PasswordHasher
	BCryptSHA256 = "bcrypt_sha256" // BCryptSHA256PasswordHasher
	BCrypt       = "bcrypt"        // BCryptPasswordHasher: only the first 72 bytes count
	Scrypt       = "scrypt"        // ScryptPasswordHasher
	MD5          = "md5"           // MD5PasswordHasher: fast tests, nothing else
)

// algorithm is one of Django's hashers with its work factors.
type algorithm interface {
	// encode makes a hash. bcrypt draws a salt of its own.
	encode(password, salt string) (string, error)
	// decode reads what follows the algorithm's name and a dollar.
	decode(rest string) (hash, error)
	// cost is that of encode.
	cost() cost
}

// hash is a stored hash that has been read. Its work has not been done yet.
type hash interface {
	verify(password string) (bool, error)
	// mustUpdate says that the algorithm's own factors are others.
	mustUpdate() bool
	// harden does the work that verify did less than the algorithm does.
	harden(password string) error
	cost() cost
}

// cost is what computing a hash takes: work in a unit of the algorithm's own,
// memory in bytes. Floats, since stored factors may be of any size.
type cost struct{ work, memory float64 }

func (c cost) max(other cost) cost {
	return cost{math.Max(c.work, other.work), math.Max(c.memory, other.memory)}
}

// times is n times c, and never more work than an int counts: what is within the
// limit can be handed to a library.
func (c cost) times(n int) cost {
	return cost{math.Min(c.work*float64(n), math.MaxInt), c.memory * float64(n)}
}

func (c cost) exceeds(limit cost) bool { return c.work > limit.work || c.memory > limit.memory }

// classes are Django's names of the algorithms' hashers.
var classes = map[string]string{
	"PBKDF2PasswordHasher":       PBKDF2SHA256,
	"PBKDF2SHA1PasswordHasher":   PBKDF2SHA1,
	"Argon2PasswordHasher":       Argon2,
	"BCryptSHA256PasswordHasher": BCryptSHA256,
	"BCryptPasswordHasher":       BCrypt,
	"ScryptPasswordHasher":       Scrypt,
	"MD5PasswordHasher":          MD5,
}

// algorithmName takes an algorithm's name or the path of Django's class.
func algorithmName(name string) string {
	if class, ok := strings.CutPrefix(name, "django.contrib.auth.hashers."); ok {
		return classes[class]
	}
	return name
}

// newAlgorithm returns nil for a name that is none.
func newAlgorithm(name string, f Factors) algorithm {
	switch name {
	case PBKDF2SHA256:
		return newPBKDF2SHA256(f)
	case PBKDF2SHA1:
		return newPBKDF2SHA1(f)
	case Argon2:
		return newArgon2(f)
	case BCryptSHA256:
		return bcryptAlgorithm{name: name, rounds: f.BCryptRounds, sha256: true}
	case BCrypt:
		return bcryptAlgorithm{name: name, rounds: f.BCryptRounds}
	case Scrypt:
		return scryptAlgorithm{n: f.ScryptWorkFactor, r: f.ScryptBlockSize, p: f.ScryptParallelism}
	case MD5:
		return md5Algorithm{}
	}
	return nil
}

// identify is Django's identify_hasher. A hash from before Django 1.4 has no
// algorithm's name; the name is then one of those that Django gave them.
func identify(encoded string) (name, rest string, err error) {
	switch {
	case len(encoded) > maxEncoded:
		return "", "", fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxEncoded)
	case len(encoded) == 32 && !strings.Contains(encoded, "$"),
		len(encoded) == 37 && strings.HasPrefix(encoded, "md5$$"):
		return "unsalted_md5", "", nil
	case len(encoded) == 46 && strings.HasPrefix(encoded, "sha1$$"):
		return "unsalted_sha1", "", nil
	}
	name, rest, ok := strings.Cut(encoded, "$")
	if !ok || !isName(name) {
		return "", "", fmt.Errorf("%w: it does not begin with the name of an algorithm", ErrMalformed)
	}
	return name, rest, nil
}

// maxEncoded is more than any hash has: Django's column holds 128 characters.
const maxEncoded = 1024

// isName keeps what is no algorithm's name, and might be a secret, out of errors.
func isName(name string) bool {
	if name == "" || len(name) > 32 {
		return false
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// malformed is an error without a part of the hash.
func malformed(algorithm, what string) error {
	return fmt.Errorf("%w: %s: %s", ErrMalformed, algorithm, what)
}

// number reads a whole number above 0 in the only spelling that Python's %d has.
// Django compares the whole text, so that another spelling fits no password.
func number(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 63)
	return n, err == nil && n > 0 && strconv.FormatUint(n, 10) == text
}

// decodeBase64 takes only what encoding gives the same text again.
func decodeBase64(encoding *base64.Encoding, text string) ([]byte, bool) {
	data, err := encoding.DecodeString(text)
	return data, err == nil && encoding.EncodeToString(data) == text
}
