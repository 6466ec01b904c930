package hashers

import (
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// scryptAlgorithm writes scrypt$N$SALT$R$P$BASE64.
type scryptAlgorithm struct{ n, r, p int }

// scryptSize is how many bytes a hash has.
const scryptSize = 64

func (a scryptAlgorithm) encode(password, salt string) (string, error) {
	sum, err := scrypt.Key([]byte(password), []byte(salt), a.n, a.r, a.p, scryptSize)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s$%d$%s$%d$%d$%s", Scrypt, a.n, salt, a.r, a.p, base64.StdEncoding.EncodeToString(sum)), nil
}

func (a scryptAlgorithm) cost() cost { return scryptCost(uint64(a.n), uint64(a.r), uint64(a.p)) }

// scryptCost: one block of 128·r bytes for each of N, and one for each of p.
func scryptCost(n, r, p uint64) cost {
	return cost{
		work:   float64(n) * float64(r) * float64(p),
		memory: 128 * float64(r) * (float64(n) + float64(p)),
	}
}

func (a scryptAlgorithm) decode(rest string) (hash, error) {
	fields := strings.Split(rest, "$")
	if len(fields) != 5 {
		return nil, malformed(Scrypt, "not five fields after the name")
	}
	n, okN := number(fields[0])
	r, okR := number(fields[2])
	p, okP := number(fields[3])
	if !okN || !okR || !okP || n < 2 || n&(n-1) != 0 {
		return nil, malformed(Scrypt, "parameters")
	}
	if fields[1] == "" {
		return nil, malformed(Scrypt, "no salt")
	}
	sum, ok := decodeBase64(base64.StdEncoding, fields[4])
	if !ok || len(sum) != scryptSize {
		return nil, malformed(Scrypt, "not 64 bytes in base64")
	}
	return scryptHash{a, n, r, p, fields[1], sum}, nil
}

type scryptHash struct {
	algorithm scryptAlgorithm
	n, r, p   uint64 // fit an int once the cost is within the limit
	salt      string
	sum       []byte
}

func (h scryptHash) verify(password string) (bool, error) {
	sum, err := scrypt.Key([]byte(password), []byte(h.salt), int(h.n), int(h.r), int(h.p), scryptSize)
	return err == nil && hmac.Equal(sum, h.sum), err
}

// mustUpdate does not look at the salt, as Django's does not.
func (h scryptHash) mustUpdate() bool {
	return scryptAlgorithm{int(h.n), int(h.r), int(h.p)} != h.algorithm
}

// harden does nothing, as Django's.
func (h scryptHash) harden(string) error { return nil }

func (h scryptHash) cost() cost { return scryptCost(h.n, h.r, h.p) }
