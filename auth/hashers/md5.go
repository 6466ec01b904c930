package hashers

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// md5Algorithm writes md5$SALT$HEXADECIMAL. Django keeps it for tests, which
// want it fast.
type md5Algorithm struct{}

func (md5Algorithm) sum(password, salt string) string {
	sum := md5.Sum([]byte(salt + password))
	return hex.EncodeToString(sum[:])
}

func (a md5Algorithm) encode(password, salt string) (string, error) {
	return MD5 + "$" + salt + "$" + a.sum(password, salt), nil
}

func (md5Algorithm) cost() cost { return cost{work: 1} }

func (md5Algorithm) decode(rest string) (hash, error) {
	salt, sum, ok := strings.Cut(rest, "$")
	if !ok || salt == "" {
		return nil, malformed(MD5, "no salt")
	}
	if data, err := hex.DecodeString(sum); err != nil || len(data) != md5.Size || hex.EncodeToString(data) != sum {
		return nil, malformed(MD5, "not 16 bytes in hexadecimal")
	}
	return md5Hash{salt, sum}, nil
}

type md5Hash struct{ salt, sum string }

func (h md5Hash) verify(password string) (bool, error) {
	return hmac.Equal([]byte(md5Algorithm{}.sum(password, h.salt)), []byte(h.sum)), nil
}

func (h md5Hash) mustUpdate() bool    { return shortSalt(utf8.RuneCountInString(h.salt)) }
func (h md5Hash) harden(string) error { return nil }
func (h md5Hash) cost() cost          { return md5Algorithm{}.cost() }
