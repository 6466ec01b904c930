package pyliteral

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// str reads a string or bytes. Lone surrogates, which UTF-8 can't have, become
// U+FFFD.
func (p *parser) str(isBytes, isRaw bool) (any, error) {
	quote := p.text[p.at]
	p.at++
	var b strings.Builder
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == quote:
			if isBytes {
				return Bytes(b.String()), nil
			}
			return b.String(), nil
		case c == '\n':
			return nil, ErrSyntax
		case c != '\\':
			b.WriteByte(c)
		case isRaw:
			b.WriteByte(c)
			b.WriteByte(p.peek())
			p.at++
		case !p.escape(&b, isBytes):
			return nil, ErrSyntax
		}
	}
	return nil, ErrSyntax
}

// escape reads what follows a backslash.
func (p *parser) escape(b *strings.Builder, isBytes bool) bool {
	c := p.peek()
	p.at++
	if i := strings.IndexByte(`\'"abfnrtv`, c); i >= 0 && c != 0 {
		b.WriteByte("\\'\"\a\b\f\n\r\t\v"[i])
		return true
	}
	digits, base := 0, 16
	switch {
	case c == '\n': // a line that goes on
		return true
	case c == 'x':
		digits = 2
	case c == 'u' && !isBytes:
		digits = 4
	case c == 'U' && !isBytes:
		digits = 8
	case c >= '0' && c <= '7':
		p.at--
		base = 8
		for digits < 3 && p.at+digits < len(p.text) && p.text[p.at+digits] >= '0' && p.text[p.at+digits] <= '7' {
			digits++
		}
	case c >= utf8.RuneSelf || c == 0:
		return false
	default: // Python keeps an escape that it does not know
		b.WriteByte('\\')
		b.WriteByte(c)
		return true
	}
	if p.at+digits > len(p.text) {
		return false
	}
	n, err := strconv.ParseUint(p.text[p.at:p.at+digits], base, 32)
	if err != nil || n > utf8.MaxRune {
		return false
	}
	p.at += digits
	if isBytes {
		b.WriteByte(byte(n))
	} else {
		b.WriteRune(rune(n))
	}
	return true
}
