package deflate

import (
	"encoding/binary"
	"hash/adler32"
	"slices"
)

// AppendText appends to dst the text of a stream that [Writer.Append] has made;
// what follows the stream is ignored. It appends nothing and reports false for
// every other stream, a damaged one, and a text longer than limit or [MaxText].
// A library has to tell them apart.
func AppendText(dst, stream []byte, limit int) ([]byte, bool) {
	if len(stream) <= len(header) || string(stream[:len(header)]) != header ||
		stream[len(header)]&(1<<headerLastBits-1) != headerLast {
		return dst, false
	}
	limit = min(limit, MaxText)
	dst = slices.Grow(dst, limit)
	text := dst[len(dst) : len(dst)+limit]
	size := 0
	at := len(header) + 1
	next := uint64(stream[len(header)]) >> headerLastBits // bits that have been read
	n := 8 - headerLastBits                               // how many
	// With & 63 the compiler knows that a shift leaves something.
	//
	// Where the stream ends too soon it seems to go on with zeros, and n becomes
	// negative: then there is no checksum either.
	for {
		if n < 32 { // which is more than a match takes
			if at+8 <= len(stream) {
				next |= binary.LittleEndian.Uint64(stream[at:]) << n
				at += (63 - n) / 8
				n |= 56
			} else {
				for ; n <= 56 && at < len(stream); n += 8 {
					next |= uint64(stream[at]) << n
					at++
				}
			}
		}
		s := literalSymbols[next%(1<<literalLimit)]
		next >>= s.n & 63
		n -= int(s.n)
		if s.value < endMark {
			if size >= len(text) {
				return dst, false
			}
			text[size] = byte(s.value)
			size++
			continue
		}
		if s.value == endMark {
			break
		}
		d := distanceSymbols[next>>s.extra%(1<<distanceLimit)]
		length := int(s.value) - endMark + int(next&(1<<(s.extra&63)-1))
		next >>= (s.extra + d.n) & 63
		distance := int(d.value) + int(next&(1<<(d.extra&63)-1))
		next >>= d.extra & 63
		n -= int(s.extra + d.n + d.extra)
		if distance > size || length > len(text)-size {
			return dst, false
		}
		from := size - distance
		if distance >= length {
			copy(text[size:], text[from:from+length])
			size += length
			continue
		}
		for range length { // one by one, as they overlap
			text[size] = text[from]
			size++
			from++
		}
	}
	at -= n / 8 // bytes that have been read too early
	if len(stream)-at < 4 || binary.BigEndian.Uint32(stream[at:]) != adler32.Checksum(text[:size]) {
		return dst, false
	}
	return dst[:len(dst)+size], true
}
