package hashers

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math"

	"golang.org/x/crypto/bcrypt"
)

const (
	minRounds = bcrypt.MinCost
	maxRounds = bcrypt.MaxCost

	// maxPassword is how many bytes of a password bcrypt looks at.
	maxPassword = 72
)

// bcryptAlgorithm writes bcrypt_sha256$$2b$12$ and 53 characters: 22 of salt, 31
// of hash.
type bcryptAlgorithm struct {
	name   string
	rounds int
	sha256 bool // bcrypt sees the hexadecimal SHA-256 of the password
}

// key is what bcrypt sees of a password. whole is false when that is not all.
func (a bcryptAlgorithm) key(password string) (key []byte, whole bool) {
	if a.sha256 {
		sum := sha256.Sum256([]byte(password))
		return hex.AppendEncode(nil, sum[:]), true
	}
	whole = len(password) <= maxPassword
	return []byte(password[:min(len(password), maxPassword)]), whole
}

func (a bcryptAlgorithm) encode(password, _ string) (string, error) {
	key, whole := a.key(password)
	if !whole {
		return "", ErrPasswordTooLong
	}
	sum, err := bcrypt.GenerateFromPassword(key, a.rounds)
	if err != nil {
		return "", err
	}
	// x/crypto writes $2a$, Python's bcrypt $2b$. They differ only in what
	// OpenBSD did with more than 255 bytes.
	copy(sum, "$2b$")
	return a.name + "$" + string(sum), nil
}

func (a bcryptAlgorithm) cost() cost { return bcryptCost(a.rounds) }

func bcryptCost(rounds int) cost { return cost{work: math.Exp2(float64(rounds))} }

// bcryptBase64 is bcrypt's own alphabet.
var bcryptBase64 = base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)

func (a bcryptAlgorithm) decode(rest string) (hash, error) {
	const prefix, salt, all = len("$2b$12$"), 22, 60
	if len(rest) != all || rest[3] != '$' || rest[6] != '$' {
		return nil, malformed(a.name, "not of bcrypt's shape")
	}
	switch rest[:3] {
	case "$2a", "$2b", "$2y":
	default:
		return nil, malformed(a.name, "neither 2a nor 2b nor 2y")
	}
	tens, ones := rest[4]-'0', rest[5]-'0'
	rounds := int(tens)*10 + int(ones)
	if tens > 9 || ones > 9 || rounds < minRounds || rounds > maxRounds {
		return nil, malformed(a.name, "rounds")
	}
	for _, text := range []string{rest[prefix : prefix+salt], rest[prefix+salt:]} {
		if _, ok := decodeBase64(bcryptBase64, text); !ok {
			return nil, malformed(a.name, "salt or hash")
		}
	}
	return bcryptHash{a, rounds, []byte(rest)}, nil
}

type bcryptHash struct {
	algorithm bcryptAlgorithm
	rounds    int
	encoded   []byte
}

// verify takes a password of any length: what bcrypt does not look at was not
// looked at when the hash was made.
func (h bcryptHash) verify(password string) (bool, error) {
	key, _ := h.algorithm.key(password)
	err := bcrypt.CompareHashAndPassword(h.encoded, key)
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, nil
}

// mustUpdate does not look at the salt: bcrypt's always has 128 bits.
func (h bcryptHash) mustUpdate() bool { return h.rounds != h.algorithm.rounds }

// harden makes up for 2^algorithm.rounds - 2^rounds: the sum of all powers between.
func (h bcryptHash) harden(password string) error {
	key, _ := h.algorithm.key(password)
	for rounds := h.rounds; rounds < h.algorithm.rounds; rounds++ {
		if _, err := bcrypt.GenerateFromPassword(key, rounds); err != nil {
			return err
		}
	}
	return nil
}

func (h bcryptHash) cost() cost { return bcryptCost(h.rounds) }
