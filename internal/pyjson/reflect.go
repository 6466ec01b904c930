package pyjson

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// value writes v as encoding/json would, but for floats and text.
func (e *encoder) value(v reflect.Value) error { return e.field(v, false) }

// field is value for a struct's field, quoted if its tag says ",string".
func (e *encoder) field(v reflect.Value, quoted bool) error {
	t := v.Type()
	info := infoOf(t)
	if info.pointer != byKind && v.CanAddr() && v.CanInterface() {
		return e.custom(v.Addr(), info.pointer)
	}
	if info.method != byKind && v.CanInterface() {
		return e.custom(v, info.method)
	}
	switch t.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			e.null()
			return nil
		}
		return e.hop(func() error { return e.any(v.Elem().Interface()) })
	case reflect.Pointer:
		if v.IsNil() {
			e.null()
			return nil
		}
		return e.hop(func() error { return e.field(v.Elem(), quoted) })
	case reflect.Slice:
		if info.bytes && !v.IsNil() {
			e.buf = append(e.buf, '"')
			e.buf = base64.StdEncoding.AppendEncode(e.buf, v.Bytes())
			e.buf = append(e.buf, '"')
			return nil
		}
		return e.list(v.IsNil(), v.Len(), func(i int) error { return e.value(v.Index(i)) })
	case reflect.Array:
		return e.list(false, v.Len(), func(i int) error { return e.value(v.Index(i)) })
	case reflect.Map:
		return e.reflectMap(v)
	case reflect.Struct:
		return e.structure(v, info.fields)
	}
	start := len(e.buf)
	if err := e.scalar(v); err != nil {
		return err
	}
	if quoted {
		text := string(e.buf[start:])
		e.buf = AppendString(e.buf[:start], text)
	}
	return nil
}

func (e *encoder) scalar(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Bool:
		e.buf = strconv.AppendBool(e.buf, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.buf = strconv.AppendInt(e.buf, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.buf = strconv.AppendUint(e.buf, v.Uint(), 10)
	case reflect.Float32:
		e.buf = appendFloat(e.buf, v.Float(), 32)
	case reflect.Float64:
		e.buf = AppendFloat(e.buf, v.Float())
	case reflect.String:
		if v.Type() == reflect.TypeFor[json.Number]() {
			return e.number(v.String())
		}
		return e.text(v.String())
	default:
		return &json.UnsupportedTypeError{Type: v.Type()}
	}
	return nil
}

// hop writes what a pointer or an interface leads to.
func (e *encoder) hop(write func() error) error {
	if e.hops == maxHops {
		return ErrDepth
	}
	e.hops++
	err := write()
	e.hops--
	return err
}

func (e *encoder) reflectMap(v reflect.Value) error {
	key := v.Type().Key()
	switch key.Kind() {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
	default:
		if !key.Implements(textMarshalerType) {
			return &json.UnsupportedTypeError{Type: v.Type()}
		}
	}
	if v.IsNil() {
		e.null()
		return nil
	}
	type member struct {
		name  string
		value reflect.Value
	}
	members := make([]member, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		name, err := mapKey(it.Key())
		if err != nil {
			return err
		}
		members = append(members, member{name, it.Value()})
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })

	if err := e.open('{'); err != nil {
		return err
	}
	for i, m := range members {
		if err := e.name(i == 0, m.name); err != nil {
			return err
		}
		if err := e.value(m.value); err != nil {
			return err
		}
	}
	e.close('}')
	return nil
}

func mapKey(key reflect.Value) (string, error) {
	if key.Kind() == reflect.String {
		return key.String(), nil
	}
	if m, ok := key.Interface().(encoding.TextMarshaler); ok {
		if key.Kind() == reflect.Pointer && key.IsNil() {
			return "", nil
		}
		text, err := m.MarshalText()
		if err != nil {
			return "", &methodError{byText, key.Type(), err}
		}
		return string(text), nil
	}
	if key.CanInt() {
		return strconv.FormatInt(key.Int(), 10), nil
	}
	return strconv.FormatUint(key.Uint(), 10), nil
}

func (e *encoder) structure(v reflect.Value, fields []field) error {
	if err := e.open('{'); err != nil {
		return err
	}
	first := true
	for i := range fields {
		f := &fields[i]
		value, ok := f.in(v)
		if !ok || f.omitEmpty && isEmpty(value) || f.omitZero && f.isZero(value) {
			continue
		}
		if !first {
			e.buf = append(e.buf, ',')
		}
		first = false
		e.buf = append(e.buf, f.text...)
		if err := e.field(value, f.quoted); err != nil {
			return err
		}
	}
	e.close('}')
	return nil
}
