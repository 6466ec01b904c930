package pyjson

import "reflect"

// isScalar reports whether ",string" has an effect on a field.
func isScalar(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Float64 || k == reflect.String
}

// isEmpty is what omitempty omits.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Interface, reflect.Pointer:
		return v.IsNil()
	}
	return isScalar(v.Kind()) && v.IsZero()
}

type isZeroer interface{ IsZero() bool }

var isZeroerType = reflect.TypeFor[isZeroer]()

// zeroTest returns what omitzero omits: what IsZero says, if the type has that.
func zeroTest(t reflect.Type) func(reflect.Value) bool {
	call := func(v reflect.Value) bool { return v.Interface().(isZeroer).IsZero() }
	switch {
	case t.Implements(isZeroerType):
		return func(v reflect.Value) bool {
			if !v.CanInterface() {
				return v.IsZero()
			}
			for w := v; w.Kind() == reflect.Interface || w.Kind() == reflect.Pointer; w = w.Elem() {
				if w.IsNil() {
					return true
				}
			}
			return call(v)
		}
	case reflect.PointerTo(t).Implements(isZeroerType):
		return func(v reflect.Value) bool {
			if !v.CanInterface() {
				return v.IsZero()
			}
			if !v.CanAddr() {
				box := reflect.New(t).Elem()
				box.Set(v)
				v = box
			}
			return call(v.Addr())
		}
	}
	return reflect.Value.IsZero
}
