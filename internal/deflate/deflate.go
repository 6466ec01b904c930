package deflate

import (
	"encoding/binary"
	"hash/adler32"
	"math/bits"
	"slices"
)

const hashBits = 10

func hash(four uint32) uint32 { return four * 0x9e3779b1 >> (32 - hashBits) }

// A Writer is the memory for compression; its zero value is ready. It must not
// be used by several goroutines at the same time.
type Writer struct {
	seen [1 << hashBits]uint16 // where four bytes have been seen last, by their hash
}

// Append appends text to dst as a zlib stream, always the same for the same
// text. It can be longer than the text.
//
// It reports false, and appends nothing, for a text that the code does not
// suit: one longer than [MaxText], with other bytes than printable ASCII, that
// repeats less than an eighth of itself, as tokens and lists of numbers do, or
// more than five eighths, as few sessions do.
func (w *Writer) Append(dst, text []byte) ([]byte, bool) {
	if len(text) > MaxText {
		return dst, false
	}
	// The end mark is shorter than literalLimit; each step writes eight bytes.
	dst = slices.Grow(dst, len(header)+(len(text)+1)*literalLimit/8+8)
	out := dst[len(dst):cap(dst)]
	at := copy(out, header)
	pending, n := uint64(headerLast), uint(headerLastBits) // what is still to be written
	alone := 0                                             // bytes that are in no match
	for i := 0; i < len(text); {
		c, length := literals[text[i]], 1
		if c.n == 0 {
			return dst, false
		}
		if i+minMatch <= len(text) {
			four := binary.LittleEndian.Uint32(text[i:])
			seen := &w.seen[hash(four)]
			from := int(*seen)
			*seen = uint16(i)
			// An entry of an earlier text is never taken for one of this: if the
			// same four bytes stood there, they would have been entered since.
			if from < i && binary.LittleEndian.Uint32(text[from:]) == four {
				length = match(text, from, i)
				for j := i + 1; j < min(i+length, len(text)-minMatch+1); j++ {
					w.seen[hash(binary.LittleEndian.Uint32(text[j:]))] = uint16(j)
				}
				c = lengths[length]
				pending |= uint64(c.bits) << n
				n += uint(c.n)
				c = distances[i-from]
			}
		}
		if length == 1 {
			alone++
		}
		pending |= uint64(c.bits) << n
		n += uint(c.n)
		binary.LittleEndian.PutUint64(out[at:], pending)
		at += int(n / 8)
		pending >>= n &^ 7
		n &= 7
		i += length
	}
	if alone < len(text)*3/8 || alone > len(text)*7/8 {
		return dst, false
	}
	pending |= uint64(literals[endMark].bits) << n
	n += uint(literals[endMark].n)
	binary.LittleEndian.PutUint64(out[at:], pending)
	at += int(n+7) / 8
	return binary.BigEndian.AppendUint32(dst[:len(dst)+at], adler32.Checksum(text)), true
}

// match returns how many bytes at i are the same as those at from, four of
// which are known to be.
func match(text []byte, from, i int) int {
	limit := min(len(text)-i, maxMatch)
	n := minMatch
	for ; n+8 <= limit; n += 8 {
		differ := binary.LittleEndian.Uint64(text[from+n:]) ^ binary.LittleEndian.Uint64(text[i+n:])
		if differ != 0 {
			return n + bits.TrailingZeros64(differ)/8
		}
	}
	for n < limit && text[from+n] == text[i+n] {
		n++
	}
	return n
}
