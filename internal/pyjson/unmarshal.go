package pyjson

import (
	"encoding/json"
	"maps"
	"reflect"
	"strconv"
)

// Unmarshal reads one value, in ASCII as ScanObject passes it, into what into
// points to. Into an any, and into those inside of other types, go string,
// bool, nil, int64 (*big.Int if it does not fit), float64, []any and
// map[string]any: an integer stays one when it is written again.
//
// Into a float64 goes any number, NaN, Infinity and 1e400 included, but into an
// integer only an integer. Other types are read by encoding/json, which knows
// no NaN or Infinity ([ErrNotFinite]) and puts U+FFFD for a lone surrogate.
// null empties what can be nil and leaves the rest as it is, see [IsNull]. A
// value that does not fit is a *[TypeError].
func Unmarshal(raw string, into any) error {
	if v := reflect.ValueOf(into); v.Kind() != reflect.Pointer || v.IsNil() {
		return &json.InvalidUnmarshalError{Type: reflect.TypeOf(into)}
	}
	raw, err := single(raw)
	if err != nil {
		return err
	}
	done := true
	switch p := into.(type) {
	case *string:
		if done = raw[0] == '"'; done {
			*p = unquote(raw)
		}
	case *bool:
		if done = raw[0] == 't' || raw[0] == 'f'; done {
			*p = raw == "true"
		}
	case *int:
		var n int64
		if n, done = parseInt(raw, strconv.IntSize); done {
			*p = int(n)
		}
	case *int64:
		var n int64
		if n, done = parseInt(raw, 64); done {
			*p = n
		}
	case *float64:
		var f float64
		if f, done = parseFloat(raw); done {
			*p = f
		}
	case *any:
		*p, err = decode(raw)
	case *map[string]any:
		if done = raw[0] == '{'; done {
			err = decodeMap(raw, p)
		}
	case *[]any:
		if done = raw[0] == '['; done {
			s := scanner{text: raw}
			*p, err = s.list(1)
		}
	case *[]string:
		done = raw[0] == '[' && decodeStrings(raw, p)
	case *json.RawMessage:
		*p = json.RawMessage(raw)
	default:
		done = false
	}
	if done {
		return err
	}
	return unmarshalOther(raw, into)
}

func decodeMap(raw string, into *map[string]any) error {
	s := scanner{text: raw}
	m, err := s.dict(1)
	if err == nil && *into != nil {
		maps.Copy(*into, m) // encoding/json, too, adds to a map that is there
		return nil
	}
	*into = m
	return err
}

// decodeStrings reads an array of nothing but strings.
func decodeStrings(raw string, into *[]string) bool {
	list := []string{}
	s := scanner{text: raw}
	err := s.array(1, func() error {
		start := s.pos
		if _, err := s.str(); err != nil {
			return err
		}
		list = append(list, unquote(raw[start:s.pos]))
		return nil
	})
	if err == nil {
		*into = list
	}
	return err == nil
}
