package pyjson

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Latin1ToASCII returns JSON in Latin-1, which is how Django reads a payload,
// as JSON in ASCII: bytes from 0x80 on become escapes. That is right without
// looking further, as they are legal inside of strings only. The one exception
// is such a byte just behind a backslash: its escape would make that a legal
// \\, so the byte stays, and reading fails as it does in Python.
//
// Text that is ASCII already is returned as it is.
func Latin1ToASCII(text string) string {
	if isASCII(text) {
		return text
	}
	b := make([]byte, 0, len(text)+64)
	behindBackslash := false
	for i := range len(text) {
		c := text[i]
		if c >= 0x80 && !behindBackslash {
			b = appendEscape(b, rune(c))
		} else {
			b = append(b, c)
		}
		behindBackslash = c == '\\' && !behindBackslash
	}
	return string(b)
}

// UTF8ToASCII is Latin1ToASCII for JSON in UTF-8. Text that is not UTF-8,
// begins with a byte order mark, or has a backslash in front of a character
// outside ASCII, is an ErrSyntax.
func UTF8ToASCII(text string) (string, error) {
	if isASCII(text) {
		return text, nil
	}
	if strings.HasPrefix(text, "\ufeff") {
		return "", fmt.Errorf("%w: byte order mark", ErrSyntax)
	}
	b := make([]byte, 0, len(text)+64)
	behindBackslash := false
	for i, r := range text {
		if r < utf8.RuneSelf {
			b = append(b, byte(r))
			behindBackslash = r == '\\' && !behindBackslash
			continue
		}
		if behindBackslash || r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd") {
			return "", fmt.Errorf("%w at offset %d", ErrSyntax, i)
		}
		b = appendEscape(b, r)
	}
	return string(b), nil
}

func isASCII(s string) bool {
	for ; len(s) >= 8; s = s[8:] {
		if load8(s, 0)&highs != 0 {
			return false
		}
	}
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
