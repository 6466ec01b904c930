// Package deflate compresses short JSON texts in zlib's format (RFC 1950 and
// 1951), and decompresses what it has compressed, several times sooner than a
// library made for long data.
//
// A general compressor makes a Huffman code for each text, which takes longer
// than the compression itself, and a decompressor makes its tables anew from it.
// Here the code is always the same. It suits sessions: JSON with long hex
// numbers, tokens, and words. DEFLATE has a fixed code of its own, which gives
// all characters 8 bits; sessions come out much longer with it than at zlib's
// level 6. With this one, which the stream has to describe in 31 bytes, they come
// out a few percent longer.
//
// What the code does not suit is left to the caller, who needs a library in any
// case to read what others wrote.
package deflate

import "math/bits"

// MaxText is the longest text, in bytes, that is compressed or decompressed: a
// longer one is worth a code of its own.
const MaxText = 1024

const (
	minMatch = 4
	maxMatch = 130 // the longest that the code has
	endMark  = 256

	literalLimit  = 10 // bits of the longest code of a literal or a length
	distanceLimit = 6  // and of a distance
)

// The number of bits of each symbol's code, in hex. The lengths were found by
// trial: they are good for sessions, and have a short description. Bytes that
// are not printable ASCII have no code, as they don't occur in Python's JSON.
const (
	literalBits = "994aaaaaaa99" + // space to +
		"6666666" + "5555555" + "6" + // , - . / 0 1 2, 3 to 9, :
		"aaaaaa" + "999999" + "aaaaaaaaaaaaaaaaaaa" + // ; to @, A to F, G to Y
		"8888888" + // Z to `
		"555555" + "6666666666666" + "77777" + "999999" // a to f, g to s, t to x, y to ~
	lengthBits   = "7" + "7777" + "9999999999999999" + "aaaa" // the end mark, 3 to 6, to 82, to 130
	distanceBits = "6666666" + "333333" + "55" + "66666"      // 1 to 12, to 96, to 192, to 1024
)

// header is how each stream begins: zlib's two bytes, and the description of
// the code in the one block that there is. It ends within a byte.
const (
	header         = "\x78\x9c\xc5\x53\x83\xa2\xdd\x48\x18\x7e\x95\xf6\x5f\xb7\xf1\x38\xcb\x72\x6d\x5f\x0f\x63\x1f\x95\xcf\x7e\x54\x1b\x8b\xf8\xe3\x4c"
	headerLast     = 0x4 // the bits in the last byte
	headerLastBits = 4
)

// A code is bits to write, the first one lowest.
type code struct {
	bits uint16
	n    uint8
}

// A symbol is what a code stands for.
type symbol struct {
	value uint16 // a byte, endMark, endMark + a length, or a distance
	n     uint8  // bits of the code
	extra uint8  // bits after it, to be added to the value
}

// The tables of both directions. The codes include the extra bits.
var (
	literals  [endMark + 1]code // n is 0 for bytes without a code
	lengths   [maxMatch + 1]code
	distances [MaxText + 1]code

	literalSymbols  [1 << literalLimit]symbol // by the next bits, whatever follows the code
	distanceSymbols [1 << distanceLimit]symbol
)

func init() {
	for i, c := range canonical(literalBits + lengthBits) {
		switch i += ' '; {
		case i <= '~':
			literals[i] = c
			enter(literalSymbols[:], c, symbol{value: uint16(i)})
		case i == '~'+1:
			literals[endMark] = c
			enter(literalSymbols[:], c, symbol{value: endMark})
		default:
			i -= '~' + 2
			extra := max(i/4-1, 0)
			base := i
			if extra > 0 {
				base = (4 + i%4) << extra
			}
			base += 3 // the shortest match of DEFLATE
			fill(lengths[:], c, base, extra)
			enter(literalSymbols[:], c, symbol{value: uint16(endMark + base), extra: uint8(extra)})
		}
	}
	for i, c := range canonical(distanceBits) {
		extra := max(i/2-1, 0)
		base := i
		if extra > 0 {
			base = (2 + i%2) << extra
		}
		base++
		fill(distances[:], c, base, extra)
		enter(distanceSymbols[:], c, symbol{value: uint16(base), extra: uint8(extra)})
	}
}

// canonical returns the codes that RFC 1951 gives to symbols with codes of these
// numbers of bits: the shorter first, and the symbols in order.
func canonical(lengths string) []code {
	codes := make([]code, len(lengths))
	var next uint16
	for n := 1; n <= literalLimit; n++ {
		next <<= 1
		for i := range lengths {
			if "0123456789abcdef"[n] == lengths[i] {
				codes[i] = code{bits.Reverse16(next) >> (16 - n), uint8(n)}
				next++
			}
		}
	}
	return codes
}

// fill enters the codes of base and the values after it, which differ in their
// extra bits.
func fill(codes []code, c code, base, extra int) {
	for i := range 1 << extra {
		codes[base+i] = code{c.bits | uint16(i)<<c.n, c.n + uint8(extra)}
	}
}

// enter enters s for whatever bits begin with its code.
func enter(symbols []symbol, c code, s symbol) {
	s.n = c.n
	for i := int(c.bits); i < len(symbols); i += 1 << c.n {
		symbols[i] = s
	}
}
