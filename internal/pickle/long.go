package pickle

import (
	"math/big"
	"slices"
)

// maxDigits is how many digits of a decimal integer Python reads and writes.
const maxDigits = 4300

// maxDigitsSize is the size in bytes of the largest integer of maxDigits.
const maxDigitsSize = 1786

// long makes an integer from its two's complement, little-endian.
func (a *Arena) long(b string) *Value {
	for n := len(b); n > 1 && (b[n-1] == 0 && b[n-2] < 0x80 || b[n-1] == 0xff && b[n-2] >= 0x80); n-- {
		b = b[:n-1]
	}
	if len(b) > 8 {
		return a.text(Long, b)
	}
	var n int64
	for i := len(b) - 1; i >= 0; i-- {
		if i == len(b)-1 {
			n = int64(int8(b[i])) // the sign
		} else {
			n = n<<8 | int64(b[i])
		}
	}
	return a.int(n)
}

// decimal makes an integer from [+-]?[0-9]+, or nil.
func (a *Arena) decimal(text string) *Value {
	digits := text
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		digits = digits[1:]
	}
	if digits == "" || len(digits) > maxDigits {
		return nil
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return nil
		}
	}
	n, _ := new(big.Int).SetString(text, 10)
	return a.long(twosComplement(n))
}

// twosComplement is n as LONG1 holds it, perhaps with a byte of sign too many.
func twosComplement(n *big.Int) string {
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 {
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	b := n.FillBytes(make([]byte, size))
	slices.Reverse(b)
	return string(b)
}

// appendLong appends a Long in decimal. It reports whether Python would.
func appendLong(b []byte, long string) ([]byte, bool) {
	if len(long) > maxDigitsSize {
		return b, false
	}
	bytes := []byte(long)
	slices.Reverse(bytes)
	n := new(big.Int).SetBytes(bytes)
	if bytes[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(bytes))))
	}
	start := len(b)
	b = n.Append(b, 10)
	digits := len(b) - start
	if n.Sign() < 0 {
		digits--
	}
	return b, digits <= maxDigits
}
