package pyjson

import "math/bits"

// inString has the bytes that stand for themselves in a string. DEL is one of
// them on reading; Python escapes it on writing.
var inString = func() (table [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

func load8(s string, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// skipPlain returns where, from i on, the first byte of s is that AppendString
// does not copy: outside of 0x20 to 0x7e, a quote or a backslash.
func skipPlain(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		// The highest bit is set in the byte of each that is found, and perhaps
		// in some after it.
		x := load8(s, i)
		quote, backslash := x^ones*'"', x^ones*'\\'
		found := x | (x + ones) | (x-ones*0x20)&^x | (quote-ones)&^quote | (backslash-ones)&^backslash
		if found &= highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && inString[s[i]] && s[i] != 0x7f {
		i++
	}
	return i
}

// str passes over a string and reports whether it has escapes.
func (s *scanner) str() (escaped bool, err error) {
	if s.peek() != '"' {
		return false, s.syntax()
	}
	text, i := s.text, s.pos+1
	for {
		i = skipPlain(text, i)
		s.pos = i
		if i == len(text) {
			return false, s.syntax()
		}
		switch text[i] {
		case '"':
			s.pos++
			return escaped, nil
		case '\\':
			n := escapeLen(text[i:])
			if n == 0 {
				return false, s.syntax()
			}
			escaped = true
			i += n
		case 0x7f:
			i++
		default:
			return false, s.syntax()
		}
	}
}

// escapeLen returns the length of the escape at the start of s, 0 if there is
// none that is legal.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(s[2:]); ok {
			return 6
		}
	}
	return 0
}

func hex4(s string) (r rune, ok bool) {
	if len(s) < 4 {
		return 0, false
	}
	for i := range 4 {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

const maxDigits = 4300 // Python's sys.int_info.default_max_str_digits

// number passes over an integer, a float, or -Infinity.
func (s *scanner) number() error {
	if s.peek() == '-' {
		s.pos++
		if s.peek() == 'I' {
			return s.word("Infinity")
		}
	}
	zero := s.peek() == '0'
	n := s.digits()
	if n == 0 || zero && n > 1 {
		return s.syntax()
	}
	integer := true
	if s.peek() == '.' {
		integer = false
		s.pos++
		if s.digits() == 0 {
			return s.syntax()
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		integer = false
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if s.digits() == 0 {
			return s.syntax()
		}
	}
	if integer && n > maxDigits {
		return ErrNumber
	}
	return nil
}

// digits passes over digits and returns how many there are.
func (s *scanner) digits() int {
	start := s.pos
	for s.pos < len(s.text) && s.text[s.pos] >= '0' && s.text[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}
