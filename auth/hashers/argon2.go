package hashers

import (
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"math"
	"strings"

	"golang.org/x/crypto/argon2"
)

// argon2Params are the parameters of one hash.
type argon2Params struct {
	memory  uint32 // KiB
	time    uint32 // passes
	lanes   uint8
	hashLen int
}

func (p argon2Params) cost() cost {
	return cost{work: float64(p.memory) * float64(p.time), memory: float64(p.memory) * 1024}
}

// maxLanes is x/crypto's limit; argon2-cffi's is 2^24-1.
const maxLanes = math.MaxUint8

// argon2Algorithm writes argon2$argon2id$v=19$m=102400,t=2,p=8$SALT$HASH; salt
// and hash are in base64 without padding.
type argon2Algorithm struct{ params argon2Params }

func newArgon2(f Factors) argon2Algorithm {
	return argon2Algorithm{argon2Params{
		memory:  uint32(f.Argon2Memory),
		time:    uint32(f.Argon2Time),
		lanes:   uint8(f.Argon2Parallelism),
		hashLen: f.Argon2HashLen,
	}}
}

func (a argon2Algorithm) encode(password, salt string) (string, error) {
	p := a.params
	sum := argon2.IDKey([]byte(password), []byte(salt), p.time, p.memory, p.lanes, uint32(p.hashLen))
	return fmt.Sprintf("%s$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", Argon2, argon2.Version, p.memory, p.time, p.lanes,
		base64.RawStdEncoding.EncodeToString([]byte(salt)), base64.RawStdEncoding.EncodeToString(sum)), nil
}

func (a argon2Algorithm) cost() cost { return a.params.cost() }

// decode takes what the reference implementation's decoder takes, of versions
// and variants that x/crypto has.
func (a argon2Algorithm) decode(rest string) (hash, error) {
	h := argon2Hash{algorithm: a}
	fields := strings.Split(rest, "$")
	switch fields[0] {
	case "argon2id":
		h.key = argon2.IDKey
	case "argon2i":
		h.key = argon2.Key
	case "argon2d":
		return nil, fmt.Errorf("%w: argon2d", ErrUnknownAlgorithm)
	default:
		return nil, malformed(Argon2, "variety")
	}
	if len(fields) == 4 || len(fields) == 5 && fields[1] == "v=16" {
		return nil, fmt.Errorf("%w: Argon2 of version 1.0", ErrUnknownAlgorithm)
	}
	if len(fields) != 5 || fields[1] != "v=19" {
		return nil, malformed(Argon2, "not of version 19")
	}
	var numbers [3]uint64
	params := strings.Split(fields[2], ",")
	if len(params) != len(numbers) {
		return nil, malformed(Argon2, "parameters")
	}
	for i, prefix := range []string{"m=", "t=", "p="} {
		text, found := strings.CutPrefix(params[i], prefix)
		n, ok := number(text)
		if !found || !ok || n > math.MaxUint32 {
			return nil, malformed(Argon2, "parameters")
		}
		numbers[i] = n
	}
	memory, time, lanes := numbers[0], numbers[1], numbers[2]
	if memory < 8*lanes {
		return nil, malformed(Argon2, "less memory than 8 KiB a lane")
	}
	if lanes > maxLanes {
		return nil, fmt.Errorf("%w: Argon2 with more than %d lanes", ErrUnknownAlgorithm, maxLanes)
	}
	var ok bool
	if h.salt, ok = decodeBase64(base64.RawStdEncoding, fields[3]); !ok || len(h.salt) < 8 {
		return nil, malformed(Argon2, "salt")
	}
	if h.sum, ok = decodeBase64(base64.RawStdEncoding, fields[4]); !ok || len(h.sum) < 4 {
		return nil, malformed(Argon2, "hash")
	}
	h.id = fields[0] == "argon2id"
	h.params = argon2Params{uint32(memory), uint32(time), uint8(lanes), len(h.sum)}
	return h, nil
}

type argon2Hash struct {
	algorithm argon2Algorithm
	key       func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte
	id        bool // argon2id
	params    argon2Params
	salt, sum []byte
}

func (h argon2Hash) verify(password string) (bool, error) {
	p := h.params
	sum := h.key([]byte(password), h.salt, p.time, p.memory, p.lanes, uint32(p.hashLen))
	return hmac.Equal(sum, h.sum), nil
}

func (h argon2Hash) mustUpdate() bool {
	return !h.id || h.params != h.algorithm.params || shortSalt(len(h.salt))
}

// harden does nothing, as Django's: how long Argon2 takes is no simple sum.
func (h argon2Hash) harden(string) error { return nil }

func (h argon2Hash) cost() cost { return h.params.cost() }
