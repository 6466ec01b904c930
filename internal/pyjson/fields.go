package pyjson

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// A field is a field of a struct as encoding/json sees it.
type field struct {
	name      string
	text      string // of the name, as it is written
	index     []int  // the way to it through embedded structs
	tagged    bool   // the name is from a tag
	omitEmpty bool
	omitZero  bool
	quoted    bool
	isZero    func(reflect.Value) bool
}

// in returns the field in a struct, if no embedded pointer on the way is nil.
func (f *field) in(v reflect.Value) (reflect.Value, bool) {
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// fieldsOf follows encoding/json's rules: of several fields of one name the
// least embedded one counts, among these a tagged one, and none when that
// leaves more than one.
func fieldsOf(t reflect.Type) []field {
	all := allFields(t)
	slices.SortFunc(all, func(a, b field) int {
		if c := cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(len(a.index), len(b.index))); c != 0 {
			return c
		}
		if a.tagged != b.tagged {
			if a.tagged {
				return -1
			}
			return 1
		}
		return slices.Compare(a.index, b.index)
	})
	var fields []field
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].name == all[0].name {
			n++
		}
		if n == 1 || len(all[0].index) != len(all[1].index) || all[0].tagged != all[1].tagged {
			fields = append(fields, all[0])
		}
		all = all[n:]
	}
	slices.SortFunc(fields, func(a, b field) int { return slices.Compare(a.index, b.index) })
	for i := range fields {
		fields[i].text = string(AppendString(nil, fields[i].name)) + ":"
	}
	return fields
}

// allFields walks through the embedded structs, level by level.
func allFields(t reflect.Type) []field {
	type embedded struct {
		typ   reflect.Type
		index []int
	}
	var all []field
	visited := map[reflect.Type]bool{}
	for level := []embedded{{typ: t}}; len(level) > 0; {
		times := map[reflect.Type]int{}
		for _, s := range level {
			times[s.typ]++
		}
		var next []embedded
		for _, s := range level {
			if visited[s.typ] {
				continue
			}
			visited[s.typ] = true
			for i := range s.typ.NumField() {
				sf := s.typ.Field(i)
				index := append(slices.Clone(s.index), i)
				f, typ, ok := parseField(sf, index)
				switch {
				case !ok:
				case f.name == "":
					next = append(next, embedded{typ, index})
				case times[s.typ] > 1: // there is a twin, which hides it
					all = append(all, f, f)
				default:
					all = append(all, f)
				}
			}
		}
		level = next
	}
	return all
}

// parseField returns a field, or with an empty name the struct that is embedded
// in its place.
func parseField(sf reflect.StructField, index []int) (f field, typ reflect.Type, ok bool) {
	typ = sf.Type
	if typ.Name() == "" && typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	isStruct := typ.Kind() == reflect.Struct
	if !sf.IsExported() && !(sf.Anonymous && isStruct) {
		return f, nil, false
	}
	tag := sf.Tag.Get("json")
	if tag == "-" {
		return f, nil, false
	}
	name, options, _ := strings.Cut(tag, ",")
	f = field{name: name, index: index, tagged: true}
	if !validTag(name) {
		f.name, f.tagged = "", false
		if sf.Anonymous && isStruct {
			return f, typ, true
		}
		f.name = sf.Name
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			f.omitEmpty = true
		case "omitzero":
			f.omitZero, f.isZero = true, zeroTest(sf.Type)
		case "string":
			f.quoted = isScalar(typ.Kind())
		}
	}
	return f, typ, true
}

func validTag(name string) bool {
	for _, c := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return name != ""
}
