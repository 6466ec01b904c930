package pyjson

import (
	"math/big"
	"strconv"
	"strings"
)

// decode returns what one valid value is as an any.
func decode(raw string) (any, error) {
	s := scanner{text: raw}
	return s.any(0)
}

// any decodes the next value, which is inside of depth arrays and objects.
func (s *scanner) any(depth int) (any, error) {
	switch s.peek() {
	case '[':
		return s.list(depth + 1)
	case '{':
		return s.dict(depth + 1)
	}
	start := s.pos
	if err := s.value(depth); err != nil {
		return nil, err
	}
	raw := s.text[start:s.pos]
	switch raw[0] {
	case '"':
		return unquote(raw), nil
	case 't', 'f':
		return raw == "true", nil
	case 'n':
		return nil, nil
	}
	return number(raw), nil
}

func (s *scanner) list(depth int) ([]any, error) {
	list := []any{}
	err := s.array(depth, func() error {
		v, err := s.any(depth)
		list = append(list, v)
		return err
	})
	return list, err
}

func (s *scanner) dict(depth int) (map[string]any, error) {
	dict := map[string]any{}
	err := s.object(depth, func(name string) error {
		v, err := s.any(depth)
		dict[name] = v
		return err
	})
	return dict, err
}

// number returns a valid number as int64, *big.Int or float64.
func number(raw string) any {
	if isInteger(raw) {
		if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
			return n
		}
		n, _ := new(big.Int).SetString(raw, 10)
		return n
	}
	f, _ := parseFloat(raw)
	return f
}

// isInteger reports whether a valid number is an integer, as opposed to a float
// without a fraction.
func isInteger(raw string) bool { return !strings.ContainsAny(raw, ".eENI") }

// parseInt returns a valid value as an integer, if it is one of that size.
func parseInt(raw string, bits int) (int64, bool) {
	n, err := strconv.ParseInt(raw, 10, bits)
	return n, err == nil
}

// parseFloat returns a valid value as a float, if it is a number: a float of
// any size, which may become an infinity, or an integer that is not too large.
func parseFloat(raw string) (float64, bool) {
	switch raw[0] {
	case '"', '[', '{', 't', 'f', 'n':
		return 0, false
	}
	f, err := strconv.ParseFloat(raw, 64) // takes NaN and Infinity, too; 1e400 is an error and +Inf
	if !isInteger(raw) {
		return f, true
	}
	if f == 0 {
		return 0, true // the integer -0 has no sign
	}
	return f, err == nil
}
