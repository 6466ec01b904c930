package pickle

import (
	"strconv"
	"unicode/utf8"
)

// In a Text a lone surrogate is the three bytes that UTF-8 would have for it
// (WTF-8), as Python writes it with "surrogatepass".

func isSurrogate(s string) bool {
	return len(s) >= 3 && s[0] == 0xed && s[1]&0xe0 == 0xa0 && s[2]&0xc0 == 0x80
}

func validWTF8(s string) bool {
	if utf8.ValidString(s) {
		return true
	}
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r != utf8.RuneError || size > 1:
			s = s[size:]
		case isSurrogate(s):
			s = s[3:]
		default:
			return false
		}
	}
	return true
}

// rawUnicodeEscape decodes Python's codec of that name: Latin-1, with \uXXXX
// and \UXXXXXXXX.
func rawUnicodeEscape(line string) (string, bool) {
	b := make([]byte, 0, len(line)+8)
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c != '\\' || i+1 == len(line) {
			b = utf8.AppendRune(b, rune(c))
			continue
		}
		i++
		digits := 0
		switch line[i] {
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		default:
			b = utf8.AppendRune(append(b, '\\'), rune(line[i]))
			continue
		}
		if i+digits >= len(line) {
			return "", false
		}
		r, err := strconv.ParseUint(line[i+1:i+1+digits], 16, 32)
		if err != nil || r > utf8.MaxRune {
			return "", false
		}
		b = appendWTF8(b, rune(r))
		i += digits
	}
	return string(b), true
}

// appendWTF8 is utf8.AppendRune that also takes surrogates.
func appendWTF8(b []byte, r rune) []byte {
	if r >= 0xd800 && r < 0xe000 {
		return append(b, 0xed, 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
	}
	return utf8.AppendRune(b, r)
}

// latin1 is str.encode("latin1").
func latin1(text string) (string, bool) {
	b := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff { // U+FFFD for a surrogate, too
			return "", false
		}
		b = append(b, byte(r))
	}
	return string(b), true
}

// singleton reports whether CPython has one object only for a str: the empty
// one, and each character of Latin-1.
func singleton(text string) bool {
	return len(text) < 2 || len(text) == 2 && text[0] >= 0xc2 && text[0] <= 0xc3
}
