package pyjson

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
)

// A method is how a type writes itself.
type method int

const (
	byKind method = iota // it doesn't
	byJSON               // with MarshalJSON
	byText               // with MarshalText
)

var (
	marshalerType     = reflect.TypeFor[json.Marshaler]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
)

func methodOf(t reflect.Type) method {
	switch {
	case t.Implements(marshalerType):
		return byJSON
	case t.Implements(textMarshalerType):
		return byText
	}
	return byKind
}

// typeInfo is what is worth remembering about a type.
type typeInfo struct {
	method  method  // of a value
	pointer method  // of a pointer to a value, for those that are addressable
	bytes   bool    // a slice that is written as base64
	fields  []field // of a struct
}

var typeInfos sync.Map // reflect.Type to *typeInfo

func infoOf(t reflect.Type) *typeInfo {
	if info, ok := typeInfos.Load(t); ok {
		return info.(*typeInfo)
	}
	info := &typeInfo{method: methodOf(t)}
	switch t.Kind() {
	case reflect.Struct:
		info.fields = fieldsOf(t)
	case reflect.Slice:
		info.bytes = t.Elem().Kind() == reflect.Uint8 && methodOf(reflect.PointerTo(t.Elem())) == byKind
	}
	if t.Kind() != reflect.Pointer {
		info.pointer = methodOf(reflect.PointerTo(t))
	}
	typeInfos.Store(t, info)
	return info
}

// custom writes a value that has a method for it.
func (e *encoder) custom(v reflect.Value, m method) error {
	if (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		e.null()
		return nil
	}
	if m == byText {
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return &methodError{m, v.Type(), err}
		}
		return e.text(string(text))
	}
	text, err := v.Interface().(json.Marshaler).MarshalJSON()
	if err != nil {
		return &methodError{m, v.Type(), err}
	}
	if err := e.raw(string(text)); err != nil {
		return fmt.Errorf("%w, in what MarshalJSON of %s returns", err, v.Type())
	}
	return nil
}

// A methodError is the error of MarshalJSON or MarshalText. Like [TypeError] it
// shows it to errors.Is and errors.As only, as its text may hold the value.
type methodError struct {
	method method
	typ    reflect.Type
	cause  error
}

func (e *methodError) Error() string {
	name := "MarshalJSON"
	if e.method == byText {
		name = "MarshalText"
	}
	return fmt.Sprintf("json: %s of %s failed", name, e.typ)
}

func (e *methodError) Is(target error) bool { return errors.Is(e.cause, target) }
func (e *methodError) As(target any) bool   { return errors.As(e.cause, target) }

// raw writes JSON that somebody else has made, if it is valid: without white
// space, its strings as Python writes them (encoding/json escapes HTML), its
// numbers as they are.
func (e *encoder) raw(text string) error {
	text, err := UTF8ToASCII(text)
	if err != nil {
		return err
	}
	s := scanner{text: text}
	s.space()
	if err := s.value(e.depth + 1); err != nil { // as deep as it will be once all is a member
		return err
	}
	if err := s.end(); err != nil {
		return err
	}
	for s.pos = 0; s.pos < len(text); {
		switch c := text[s.pos]; {
		case c == '"':
			start := s.pos
			if _, err := s.str(); err != nil {
				return err
			}
			e.buf = AppendString(e.buf, unquote(text[start:s.pos]))
			continue
		case c > ' ':
			e.buf = append(e.buf, c)
		}
		s.pos++
	}
	return nil
}

// number writes a json.Number.
func (e *encoder) number(text string) error {
	if text == "" {
		text = "0" // as in encoding/json
	}
	s := scanner{text: text}
	if err := s.number(); err != nil {
		return err
	}
	if s.pos < len(text) || text == "-Infinity" { // no number to encoding/json
		return s.syntax()
	}
	e.buf = append(e.buf, text...)
	return nil
}
