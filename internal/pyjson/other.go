package pyjson

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// unmarshalOther leaves a valid value to encoding/json.
func unmarshalOther(raw string, into any) error {
	target := reflect.ValueOf(into).Elem()
	d := json.NewDecoder(strings.NewReader(raw))
	settle := holdsAny(target.Type())
	if settle {
		d.UseNumber()
	}
	err := d.Decode(into)
	if settle {
		settler{}.settle(target)
	}
	if err == nil {
		return nil
	}
	e := &TypeError{Kind: kindOf(raw), Type: target.Type()}
	typeErr, ok := err.(*json.UnmarshalTypeError)
	switch {
	case !ok && !json.Valid([]byte(raw)):
		return ErrNotFinite
	case !ok:
		e.cause = err
	case typeErr.Field != "" && typeErr.Type != nil && hasPath(e.Type, typeErr.Field):
		e.Kind, e.Type, e.Field = kindNamed(typeErr.Value), typeErr.Type, typeErr.Field
	case typeErr.Field == "" && typeErr.Type != nil && typeErr.Type != e.Type: // an item's
		e.Kind, e.Type = kindNamed(typeErr.Value), typeErr.Type
	}
	return e
}

// hasPath reports whether path is made of names of t's fields, of their fields,
// and so on: an UnmarshalJSON method can return an error with any others.
func hasPath(t reflect.Type, path string) bool {
	for name := range strings.SplitSeq(path, ".") {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return false
		}
		fields := fieldsOf(t)
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i >= 0 {
			t = t.FieldByIndex(fields[i].index).Type
		} else if sf, ok := t.FieldByName(name); ok && sf.Anonymous {
			t = sf.Type
		} else {
			return false
		}
	}
	return true
}

// kindOf names the type of a valid value.
func kindOf(raw string) string {
	switch raw[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	if isInteger(raw) {
		return "integer"
	}
	return "float"
}

// kindNamed makes encoding/json's name for a kind ours. The number itself may
// follow, but does not always.
func kindNamed(value string) string {
	kind, number, _ := strings.Cut(value, " ")
	switch {
	case kind == "bool":
		return "boolean"
	case kind == "string" || kind == "array" || kind == "object":
		return kind
	case kind == "number" && number != "":
		return kindOf(number)
	}
	return "number" // or what some UnmarshalJSON method says
}
