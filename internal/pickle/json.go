package pickle

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/keepsake-go/sessions/internal/pyjson"
)

// AppendJSON appends v as Python's json.dumps would write it without white
// space, and reports whether JSON says all of it: v consists of None, bool, int,
// float, str, list, and dict with keys of type str only. Else b comes back
// unchanged. budget is reduced by the bytes that were written, kept or not; when
// it is used up the error is ErrLimit.
func AppendJSON(b []byte, v *Value, budget *int) (out []byte, ok bool, err error) {
	out, ok = appendJSON(b, v, len(b)+*budget)
	*budget -= len(out) - len(b)
	if *budget < 0 {
		return b, false, ErrLimit
	}
	if !ok {
		return b, false, nil
	}
	return out, true, nil
}

// appendJSON stops when b has more than limit bytes, or at what JSON lacks.
func appendJSON(b []byte, v *Value, limit int) ([]byte, bool) {
	if len(b) > limit {
		return b, false
	}
	switch v.Kind {
	case None:
		return append(b, "null"...), true
	case Bool:
		return strconv.AppendBool(b, v.Int != 0), true
	case Int:
		return strconv.AppendInt(b, v.Int, 10), true
	case Long:
		return appendLong(b, v.Text)
	case Float:
		return pyjson.AppendFloat(b, v.Float()), true
	case Str:
		return pyjson.AppendString(b, v.Text), pyjson.ValidName(v.Text) // two surrogates in a row would be joined
	case List:
		b = append(b, '[')
		for i, item := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			var ok bool
			if b, ok = appendJSON(b, item, limit); !ok {
				return b, false
			}
		}
		return append(b, ']'), true
	case Dict:
		b = append(b, '{')
		for i, item := range v.Items {
			switch {
			case i%2 == 1:
				b = append(b, ':')
			case item.Kind != Str:
				return b, false
			case i > 0:
				b = append(b, ',')
			}
			var ok bool
			if b, ok = appendJSON(b, item, limit); !ok {
				return b, false
			}
		}
		return append(b, '}'), true
	}
	return b, false
}

// FromJSON makes the value that Python's json.loads makes of text, which is
// ASCII. Its errors are those of pyjson.
func (a *Arena) FromJSON(text string) (*Value, error) {
	if err := pyjson.Valid(text); err != nil {
		return nil, err
	}
	r := jsonReader{Arena: a, text: text}
	return r.value()
}

// jsonReader reads JSON that is known to be valid.
type jsonReader struct {
	*Arena
	text string
	pos  int
}

var errJSON = errors.New("pickle: not JSON")

// next passes over white space and separators.
func (r *jsonReader) next() byte {
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; c {
		case ' ', '\t', '\n', '\r', ',', ':':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

func (r *jsonReader) value() (*Value, error) {
	switch c := r.next(); c {
	case '"':
		return r.str()
	case '[':
		return r.container(List, ']')
	case '{':
		return r.container(Dict, '}')
	}
	return r.literal()
}

func (r *jsonReader) container(kind Kind, end byte) (*Value, error) {
	r.pos++
	var items []*Value
	for r.next() != end {
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	r.pos++
	return r.Arena.container(kind, items), nil
}

func (r *jsonReader) str() (*Value, error) {
	start := r.pos
	escaped := false
	for r.pos++; r.text[r.pos] != '"'; r.pos++ {
		if r.text[r.pos] == '\\' {
			escaped = true
			r.pos++
		}
	}
	r.pos++
	if !escaped {
		return r.Str(r.text[start+1 : r.pos-1]), nil
	}
	var text string
	err := pyjson.Unmarshal(r.text[start:r.pos], &text)
	return r.Str(text), err
}

// inLiteral reports whether a number or word goes on with c.
func inLiteral(c byte) bool { return c > ' ' && c != ',' && c != ']' && c != '}' }

// literal reads a number or a word.
func (r *jsonReader) literal() (*Value, error) {
	rest := r.text[r.pos:]
	n := 0
	for n < len(rest) && inLiteral(rest[n]) {
		n++
	}
	rest = rest[:n]
	r.pos += len(rest)
	switch rest {
	case "null":
		return none, nil
	case "true":
		return trueValue, nil
	case "false":
		return falseValue, nil
	}
	if n, err := strconv.ParseInt(rest, 10, 64); err == nil {
		return r.int(n), nil
	}
	if isInteger(rest) {
		n, ok := new(big.Int).SetString(rest, 10)
		if !ok {
			return nil, errJSON
		}
		return r.long(twosComplement(n)), nil
	}
	f, err := readFloat(rest)
	return r.float(f), err
}

// isInteger reports whether a number is one, of any size.
func isInteger(word string) bool { return !strings.ContainsAny(word, ".eENI") }

// readFloat reads a number that is no integer.
func readFloat(word string) (f float64, err error) {
	if word == "NaN" { // Go's own has other bits than Python's
		return math.Float64frombits(0x7ff8 << 48), nil
	}
	err = pyjson.Unmarshal(word, &f)
	return f, err
}
