package hashers

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// pbkdf2Algorithm writes pbkdf2_sha256$ITERATIONS$SALT$BASE64.
type pbkdf2Algorithm struct {
	name       string
	size       int // of the digest, and of the hash
	key        func(password, salt string, iterations int) ([]byte, error)
	iterations int
}

func newPBKDF2SHA256(f Factors) pbkdf2Algorithm {
	return pbkdf2Algorithm{PBKDF2SHA256, sha256.Size, func(password, salt string, iterations int) ([]byte, error) {
		return pbkdf2.Key(sha256.New, password, []byte(salt), iterations, sha256.Size)
	}, f.PBKDF2Iterations}
}

func newPBKDF2SHA1(f Factors) pbkdf2Algorithm {
	return pbkdf2Algorithm{PBKDF2SHA1, sha1.Size, func(password, salt string, iterations int) ([]byte, error) {
		return pbkdf2.Key(sha1.New, password, []byte(salt), iterations, sha1.Size)
	}, f.PBKDF2Iterations}
}

func (a pbkdf2Algorithm) encode(password, salt string) (string, error) {
	sum, err := a.key(password, salt, a.iterations)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s$%d$%s$%s", a.name, a.iterations, salt, base64.StdEncoding.EncodeToString(sum)), nil
}

func (a pbkdf2Algorithm) cost() cost { return pbkdf2Cost(uint64(a.iterations)) }

func pbkdf2Cost(iterations uint64) cost { return cost{work: float64(iterations)} }

func (a pbkdf2Algorithm) decode(rest string) (hash, error) {
	fields := strings.Split(rest, "$")
	if len(fields) != 3 {
		return nil, malformed(a.name, "not three fields after the name")
	}
	iterations, ok := number(fields[0])
	if !ok {
		return nil, malformed(a.name, "iterations")
	}
	if fields[1] == "" {
		return nil, malformed(a.name, "no salt")
	}
	sum, ok := decodeBase64(base64.StdEncoding, fields[2])
	if !ok || len(sum) != a.size {
		return nil, malformed(a.name, "not "+strconv.Itoa(a.size)+" bytes in base64")
	}
	return pbkdf2Hash{a, iterations, fields[1], sum}, nil
}

type pbkdf2Hash struct {
	algorithm  pbkdf2Algorithm
	iterations uint64 // fits an int once the cost is within the limit
	salt       string
	sum        []byte
}

func (h pbkdf2Hash) verify(password string) (bool, error) {
	sum, err := h.algorithm.key(password, h.salt, int(h.iterations))
	return err == nil && hmac.Equal(sum, h.sum), err
}

func (h pbkdf2Hash) mustUpdate() bool {
	return h.iterations != uint64(h.algorithm.iterations) || shortSalt(utf8.RuneCountInString(h.salt))
}

func (h pbkdf2Hash) harden(password string) error {
	extra := h.algorithm.iterations - int(h.iterations)
	if extra <= 0 {
		return nil
	}
	_, err := h.algorithm.key(password, h.salt, extra)
	return err
}

func (h pbkdf2Hash) cost() cost { return pbkdf2Cost(h.iterations) }
