package pyjson

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
)

// Marshal writes v as Python would write what it means: floats as its repr, so
// that a float64 of 1 is 1.0 and stays a float, NaN and Infinity, text in
// ASCII, no white space. A nil is null, []byte base64, a map's keys are sorted.
//
// Everything else goes as in encoding/json: struct tags, embedded structs,
// json.Number, json.RawMessage and the methods MarshalJSON and MarshalText.
// What MarshalJSON returns has to be valid by Python's rules; white space goes,
// strings are written anew, numbers stay as they are.
//
// A string that is not UTF-8 (or WTF-8) is ErrUTF8. Data that refer to
// themselves, or nest so deeply that they could not be read back as a member of
// an object, are ErrDepth.
func Marshal(v any) (string, error) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	b, err := Append((*buffer)[:0], v)
	if err != nil {
		return "", err
	}
	if cap(b) <= maxBuffer {
		*buffer = b
	}
	return string(b), nil
}

var buffers = sync.Pool{New: func() any { return new(make([]byte, 0, 512)) }}

const maxBuffer = 1 << 16 // larger ones are not kept

// Append appends to dst what Marshal returns. If it fails, it returns dst.
func Append(dst []byte, v any) ([]byte, error) {
	e := encoder{buf: dst}
	if err := e.any(v); err != nil {
		return dst, err
	}
	return e.buf, nil
}

type encoder struct {
	buf   []byte
	depth int // arrays and objects that are open
	hops  int // pointers that are being followed
}

const (
	maxOpen = MaxDepth - 1 // as what is written becomes a member
	maxHops = 2 * MaxDepth // more than one pointer per array or object is rare
)

// any has the common types; reflection does the rest.
func (e *encoder) any(v any) error {
	switch v := v.(type) {
	case nil:
		e.null()
	case string:
		return e.text(v)
	case bool:
		e.buf = strconv.AppendBool(e.buf, v)
	case int:
		e.buf = strconv.AppendInt(e.buf, int64(v), 10)
	case int64:
		e.buf = strconv.AppendInt(e.buf, v, 10)
	case float64:
		e.buf = AppendFloat(e.buf, v)
	case []string:
		return e.list(v == nil, len(v), func(i int) error { return e.text(v[i]) })
	case []any:
		return e.list(v == nil, len(v), func(i int) error { return e.any(v[i]) })
	case map[string]any:
		return e.dict(v)
	case json.RawMessage:
		if v == nil {
			e.null()
			return nil
		}
		return e.raw(string(v))
	default:
		return e.value(reflect.ValueOf(v))
	}
	return nil
}

func (e *encoder) null() { e.buf = append(e.buf, "null"...) }

func (e *encoder) text(s string) error {
	if !ValidName(s) {
		return ErrUTF8
	}
	e.buf = AppendString(e.buf, s)
	return nil
}

func (e *encoder) list(null bool, n int, item func(i int) error) error {
	if null {
		e.null()
		return nil
	}
	if err := e.open('['); err != nil {
		return err
	}
	for i := range n {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		if err := item(i); err != nil {
			return err
		}
	}
	e.close(']')
	return nil
}

func (e *encoder) dict(m map[string]any) error {
	if m == nil {
		e.null()
		return nil
	}
	if err := e.open('{'); err != nil {
		return err
	}
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if err := e.name(i == 0, name); err != nil {
			return err
		}
		if err := e.any(m[name]); err != nil {
			return err
		}
	}
	e.close('}')
	return nil
}

// name writes what is in front of a member's value.
func (e *encoder) name(first bool, name string) error {
	if !first {
		e.buf = append(e.buf, ',')
	}
	if err := e.text(name); err != nil {
		return err
	}
	e.buf = append(e.buf, ':')
	return nil
}

func (e *encoder) open(bracket byte) error {
	if e.depth == maxOpen {
		return ErrDepth
	}
	e.depth++
	e.buf = append(e.buf, bracket)
	return nil
}

func (e *encoder) close(bracket byte) {
	e.depth--
	e.buf = append(e.buf, bracket)
}
