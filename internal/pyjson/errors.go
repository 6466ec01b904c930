package pyjson

import (
	"errors"
	"fmt"
	"reflect"
)

// What a call of this package can fail with, besides a *[TypeError] and a
// *[json.UnsupportedTypeError]; use errors.Is.
var (
	// ErrSyntax means that a text is not JSON by Python's rules. What is
	// returned names the offset.
	ErrSyntax = errors.New("json: syntax error")

	// ErrNotObject means that a text is JSON, but not an object.
	ErrNotObject = errors.New("json: not an object")

	// ErrDepth means that arrays and objects nest deeper than [MaxDepth], or
	// that Go data refer to themselves.
	ErrDepth = errors.New("json: nested too deeply")

	// ErrNumber means an integer of more than 4300 digits, which Python
	// refuses both to read and to write.
	ErrNumber = errors.New("json: integer of more than 4300 digits")

	// ErrUTF8 means that a string to be written is not UTF-8.
	ErrUTF8 = errors.New("json: string is not UTF-8")

	// ErrNotFinite means NaN or Infinity inside of a value that is read into
	// a struct, a map, a slice or another type that encoding/json reads.
	ErrNotFinite = errors.New("json: NaN or Infinity cannot be read into this type")
)

// MaxDepth is how deep arrays and objects may nest, about as deep as in Python
// up to 3.11.
const MaxDepth = 1000

// A TypeError means that a value does not fit into the Go type that was asked
// for. Its text carries no part of the value.
type TypeError struct {
	Kind  string       // of the value: boolean, integer, float (number if unknown which), string, array or object
	Type  reflect.Type // the Go type
	Field string       // where in a struct, "" when not in one

	cause error // what encoding/json or an Unmarshaler says
}

func (e *TypeError) Error() string {
	text := fmt.Sprintf("json: %s does not fit into %s", e.Kind, e.Type)
	if e.Field != "" {
		text += " (field " + e.Field + ")"
	}
	return text
}

// Is lets errors.Is find the error of the method UnmarshalJSON or UnmarshalText
// that refused the value. There is no Unwrap, as the text of that error may hold
// the value, and there are loggers that print all that they can unwrap.
func (e *TypeError) Is(target error) bool { return errors.Is(e.cause, target) }

// As is Is for errors.As.
func (e *TypeError) As(target any) bool { return errors.As(e.cause, target) }
