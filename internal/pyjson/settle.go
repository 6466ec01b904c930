package pyjson

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
)

// encoding/json makes every number in an any a float64: an integer of a list of
// maps, say, would be a float once it is written again, and too large ones
// would lose digits. So it is told to keep them as text, and then they are
// settled here.

var (
	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

var anyHolders sync.Map // reflect.Type to bool

// holdsAny reports whether a value of type t can have an any in it.
func holdsAny(t reflect.Type) bool {
	if known, ok := anyHolders.Load(t); ok {
		return known.(bool)
	}
	holds := findAny(t, map[reflect.Type]bool{})
	anyHolders.Store(t, holds)
	return holds
}

func findAny(t reflect.Type, seen map[reflect.Type]bool) bool {
	if p := reflect.PointerTo(t); seen[t] || p.Implements(unmarshalerType) || p.Implements(textUnmarshalerType) {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return t.NumMethod() == 0
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return findAny(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if findAny(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}

// A settler remembers where it has been, as what it is given may have been
// there before and refer to itself.
type settler map[place]bool

type place struct {
	typ reflect.Type
	at  uintptr
	len int
}

func (s settler) settle(v reflect.Value) {
	if !holdsAny(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		here := place{typ: v.Type(), at: v.Pointer()}
		if v.Kind() == reflect.Slice {
			here.len = v.Len()
		}
		if v.IsNil() || s[here] {
			return
		}
		s[here] = true
	}
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		if n, ok := v.Interface().(json.Number); !ok {
			s.settle(v.Elem())
		} else if v.CanSet() {
			v.Set(reflect.ValueOf(number(string(n))))
		}
	case reflect.Pointer:
		s.settle(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			s.settle(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(v.MapIndex(key))
			s.settle(value)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			if f.CanSet() || f.Kind() == reflect.Struct && v.Type().Field(i).Anonymous {
				s.settle(f)
			}
		}
	}
}
