package pyjson

import (
	"bytes"
	"math"
	"strconv"
)

// AppendFloat appends f as Python's repr writes it: the shortest digits that
// read back as f, with an exponent below 1e-4 and from 1e16 on, and with a
// point or an exponent in any case. JSON has no NaN, Infinity and -Infinity,
// but Python does.
func AppendFloat(dst []byte, f float64) []byte { return appendFloat(dst, f, 64) }

func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	low, high := 1e-4, 1e16
	if bits == 32 { // where it is the float32 next to these that has their digits
		low, high = float64(float32(low)), float64(float32(high))
	}
	if abs := math.Abs(f); abs != 0 && (abs < low || abs >= high) {
		return strconv.AppendFloat(dst, f, 'e', -1, bits) // with two digits of exponent at least, as in Python
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, bits)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, '.', '0')
	}
	return dst
}
