package signing

import (
	"errors"
	"math"
)

const b62Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// b62Values maps a byte to its value, or to 62 and more if it is no digit.
var b62Values = func() (v [256]uint8) {
	for i := range v {
		v[i] = 0xff
	}
	for i := range len(b62Alphabet) {
		v[b62Alphabet[i]] = uint8(i)
	}
	return v
}()

// B62Encode is django.core.signing.b62_encode: n in base 62 with the digits
// 0-9, A-Z, a-z and a minus sign if negative.
func B62Encode(n int64) string {
	return string(appendB62(make([]byte, 0, 12), n))
}

func appendB62(dst []byte, n int64) []byte {
	u := uint64(n)
	if n < 0 {
		dst = append(dst, '-')
		u = -u // right for the smallest int64 too
	}
	var digits [11]byte // 62^11 > 2^64
	i := len(digits)
	for {
		i--
		digits[i] = b62Alphabet[u%62]
		u /= 62
		if u == 0 {
			return append(dst, digits[i:]...)
		}
	}
}

// B62Decode is django.core.signing.b62_decode. As there, leading zeros are
// fine and a lone minus sign is zero, while the empty string and any other
// character are errors. So is a number beyond int64, which Python would read.
func B62Decode(s string) (int64, error) {
	if s == "" {
		return 0, errors.New("signing: empty base62 number")
	}
	negative := s[0] == '-'
	if negative {
		s = s[1:]
	}
	var u uint64
	for i := range len(s) {
		digit := uint64(b62Values[s[i]])
		if digit >= 62 {
			return 0, errors.New("signing: bad base62 digit")
		}
		if u > (math.MaxInt64+1-digit)/62 {
			return 0, errors.New("signing: base62 number out of range")
		}
		u = u*62 + digit
	}
	switch {
	case negative:
		return -int64(u), nil // 2^63 is its own negative, the smallest int64
	case u > math.MaxInt64:
		return 0, errors.New("signing: base62 number out of range")
	}
	return int64(u), nil
}
