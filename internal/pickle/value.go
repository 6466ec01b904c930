package pickle

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Errors of Parse and Append. None carries any part of the data, except that a
// ForbiddenError names what was refused.
var (
	// ErrSyntax: the input is no pickle, or one that Python itself would refuse.
	ErrSyntax = errors.New("pickle: syntax error")

	// ErrForbidden: loading the pickle would call code that is not known to be
	// harmless. The error is a *ForbiddenError.
	ErrForbidden = errors.New("pickle: forbidden")

	// ErrLimit: the pickle is larger, nested deeper, or expands to more than is
	// allowed.
	ErrLimit = errors.New("pickle: over the limit")

	// ErrRecursive: a container contains itself.
	ErrRecursive = errors.New("pickle: recursive structure")
)

// ForbiddenError is an ErrForbidden.
type ForbiddenError struct {
	Name string // module.name, or the opcode where there is no name
}

func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("%v: %s", ErrForbidden, e.Name)
}

func (e *ForbiddenError) Unwrap() error { return ErrForbidden }

// forbidden names what was refused in printable ASCII, at most 200 bytes.
func forbidden(name string) error {
	quoted := strconv.QuoteToASCII(name[:min(len(name), 100)])
	return &ForbiddenError{Name: quoted[1:min(len(quoted)-1, 201)]}
}

const (
	// MaxDepth is how deep containers may nest.
	MaxDepth = 1000

	// MaxOps is how many opcodes a pickle may have. A value takes 64 bytes of
	// memory, and each opcode makes at most two.
	MaxOps = 1 << 20
)

// Kind is the Python type of a Value.
type Kind uint8

// The kinds. Those up to Long have no identity: sharing one means nothing.
const (
	None Kind = iota
	Bool
	Int  // that fits 64 bits
	Long // that does not
	Float
	Str
	Bytes
	ByteArray
	List
	Tuple
	Set
	FrozenSet
	Dict
	Object // a harmless object: see Call
	global // a class or function; it occurs only inside a Call
)

// Value is a Python object. Two pointers to one Value are one object. A tree
// that Parse or an Arena returned is not changed afterwards, but reading it
// needs no lock only as long as nobody does.
type Value struct {
	Kind       Kind
	unhashable bool
	shared     bool // more than one reference exists
	state      uint8
	height     uint16 // of the containers below and with it, once state is done

	// Int is an Int, or 0 or 1 for a Bool, or the bits of a Float.
	Int int64

	// Text is a Str in WTF-8 (UTF-8, and a lone surrogate as its three bytes),
	// the content of Bytes or a ByteArray, or a Long's shortest two's
	// complement, little-endian.
	Text string

	// Items are the elements of a List, Tuple, Set or FrozenSet; the keys and
	// values of a Dict or of an Object that is a dict, in turn. As in a dict
	// display, a key may come twice: then the later value counts.
	Items []*Value

	// Call says how Python makes an Object.
	Call *Call
}

// Call makes an object: Name(*Args), or Name.__new__(Name, *Args), and then
// __setstate__(State).
type Call struct {
	Module, Name string
	New          bool
	Args         []*Value
	State        *Value // or nil
}

var (
	none       = &Value{Kind: None}
	falseValue = &Value{Kind: Bool}
	trueValue  = &Value{Kind: Bool, Int: 1}
)

// NewFloat returns a float.
func NewFloat(f float64) *Value { return &Value{Kind: Float, Int: int64(math.Float64bits(f))} }

// Float is the value of a Float.
func (v *Value) Float() float64 { return math.Float64frombits(uint64(v.Int)) }

// StrText is the text of a str, or of a SafeString, which equals that str.
func (v *Value) StrText() (string, bool) {
	switch {
	case v.Kind == Str:
		return v.Text, true
	case v.Kind == Object && v.Call.is("django.utils.safestring", "SafeString"):
		return v.Call.Args[0].Text, true
	}
	return "", false
}

// Hashable reports whether Python could use v as a key.
func (v *Value) Hashable() bool { return !v.unhashable }

func (v *Value) hasIdentity() bool { return v.Kind > Float }

// Arena makes Values, many at a time. The zero value is ready.
type Arena struct{ free []Value }

func (a *Arena) new(kind Kind) *Value {
	if len(a.free) == 0 {
		a.free = make([]Value, 32)
	}
	v := &a.free[0]
	a.free = a.free[1:]
	v.Kind = kind
	return v
}

// Str makes a str. The text must be WTF-8.
func (a *Arena) Str(text string) *Value { return a.text(Str, text) }

// Dict makes a dict of keys and values in turn.
func (a *Arena) Dict(items []*Value) *Value { return a.container(Dict, items) }

func (a *Arena) text(kind Kind, text string) *Value {
	v := a.new(kind)
	v.Text = text
	return v
}

func (a *Arena) int(n int64) *Value {
	v := a.new(Int)
	v.Int = n
	return v
}

func (a *Arena) float(f float64) *Value {
	v := a.new(Float)
	v.Int = int64(math.Float64bits(f))
	return v
}

// container makes one of the kinds from List to Dict.
func (a *Arena) container(kind Kind, items []*Value) *Value {
	v := a.new(kind)
	v.Items = items
	switch kind {
	case List, Set, Dict:
		v.unhashable = true
	case Tuple:
		for _, item := range items {
			v.unhashable = v.unhashable || item.unhashable
		}
	}
	return v
}
