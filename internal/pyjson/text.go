package pyjson

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends s in quotes, in ASCII, as Python writes it. Invalid
// bytes, see [ValidName], become \ufffd.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := skipPlain(s, 0); i < len(s); i = skipPlain(s, start) {
		dst = append(dst, s[start:i]...)
		size := 1
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		default:
			var r rune
			r, size = decodeWTF8(s[i:])
			dst = appendEscape(dst, r)
		}
		start = i + size
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// Plain returns how many bytes at the start of s AppendString copies as they
// are, and in a string in JSON stand for themselves.
func Plain(s string) int { return skipPlain(s, 0) }

// appendEscape appends \uXXXX, or two of them.
func appendEscape(dst []byte, r rune) []byte {
	if r >= 0x10000 {
		high, low := utf16.EncodeRune(r)
		return appendEscape(appendEscape(dst, high), low)
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// Unquote decodes a string: the text of one, in its quotes. It reports false
// for other values.
func Unquote(raw string) (string, bool) {
	s := scanner{text: raw}
	if _, err := s.str(); err != nil || s.pos != len(raw) {
		return "", false
	}
	return unquote(raw), true
}

// unquote is Unquote for what is known to be a string.
func unquote(raw string) string {
	inside := raw[1 : len(raw)-1]
	if strings.IndexByte(inside, '\\') < 0 {
		return inside
	}
	return unescape(inside)
}

// unescape decodes the inside of a valid string.
func unescape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		c := s[i+1]
		s = s[i+2:]
		switch c {
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'u':
			r, _ := hex4(s)
			s = s[4:]
			if isHigh(r) && strings.HasPrefix(s, `\u`) {
				if low, _ := hex4(s[2:]); isLow(low) {
					r = utf16.DecodeRune(r, low)
					s = s[6:]
				}
			}
			writeWTF8(&b, r)
		default:
			b.WriteByte(c)
		}
	}
}

func isHigh(r rune) bool { return r>>10 == 0xd800>>10 }
func isLow(r rune) bool  { return r>>10 == 0xdc00>>10 }

// writeWTF8 is WriteRune for surrogates, too.
func writeWTF8(b *strings.Builder, r rune) {
	if !utf16.IsSurrogate(r) {
		b.WriteRune(r)
		return
	}
	b.Write([]byte{0xed, 0x80 | byte(r>>6)&0x3f, 0x80 | byte(r)&0x3f})
}

// decodeWTF8 is utf8.DecodeRuneInString for surrogates, too.
func decodeWTF8(s string) (rune, int) {
	if len(s) >= 3 && s[0] == 0xed && s[1]&0xe0 == 0xa0 && s[2]&0xc0 == 0x80 {
		return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), 3
	}
	return utf8.DecodeRuneInString(s)
}

// ValidName reports whether name is a string that ScanObject could yield and
// that comes back the same once it is written: UTF-8, or WTF-8, which has lone
// surrogates, but not a high and a low one in a row, which JSON would join.
func ValidName(name string) bool {
	if utf8.ValidString(name) {
		return true
	}
	var last rune
	for len(name) > 0 {
		r, size := decodeWTF8(name)
		if r == utf8.RuneError && size == 1 || isHigh(last) && isLow(r) {
			return false
		}
		last = r
		name = name[size:]
	}
	return true
}
