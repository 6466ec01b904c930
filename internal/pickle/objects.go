package pickle

import (
	"slices"
	"strings"
)

// qualified is the name of a class or function.
type qualified struct{ module, name string }

// objects are the types that a pickle may make: none does anything but hold
// what it is given. args are the types of the arguments, see match; those after
// the question mark may be missing.
var objects = map[qualified]struct {
	args  string
	isNew bool // by __new__, else by a call
}{
	{"datetime", "datetime"}:                  {"b?z", false},
	{"datetime", "date"}:                      {"b", false},
	{"datetime", "time"}:                      {"b?z", false},
	{"datetime", "timedelta"}:                 {"iii", false},
	{"datetime", "timezone"}:                  {"d?s", false},
	{"zoneinfo", "ZoneInfo._unpickle"}:        {"si", false}, // a name, which Python checks, not a path
	{"pytz", "_UTC"}:                          {"", false},   // django.utils.timezone.utc up to Django 3.2
	{"decimal", "Decimal"}:                    {"s", false},
	{"uuid", "UUID"}:                          {"", true}, // then a state
	{"collections", "OrderedDict"}:            {"", false},
	{"django.utils.safestring", "SafeString"}: {"s", true},
}

// helpers are what CPython calls to make a value of a built-in type, above all
// in the older protocols. Parse understands these calls and leaves no trace of
// them.
var helpers = map[qualified]bool{
	{"_codecs", "encode"}:         true, // bytes, protocols 0 to 2
	{"builtins", "bytes"}:         true,
	{"builtins", "bytearray"}:     true,
	{"builtins", "set"}:           true,
	{"builtins", "frozenset"}:     true,
	{"builtins", "getattr"}:       true, // of ZoneInfo and "_unpickle" only
	{"zoneinfo", "ZoneInfo"}:      true, // as that argument only
	{"copyreg", "_reconstructor"}: true, // of UUID and object, protocols 0 and 1
	{"builtins", "object"}:        true, // as that argument only
}

// python2 are the names that CPython writes in protocols 0 to 2.
var python2 = map[string]string{"__builtin__": "builtins", "copy_reg": "copyreg"}

func (c *Call) isDict() bool { return c.Module == "collections" && c.Name == "OrderedDict" }

func (c *Call) is(module, name string) bool { return c.Module == module && c.Name == name }

// global pushes a class or function by its name, or refuses it.
func (p *parser) global(op byte) error {
	var module, name string
	ok := true
	if op == opStackGlobal {
		nameValue, ok1 := p.pop()
		moduleValue, ok2 := p.pop()
		if !ok1 || !ok2 || nameValue.Kind != Str || moduleValue.Kind != Str {
			return p.syntax()
		}
		module, name = moduleValue.Text, nameValue.Text
	} else {
		if module, ok = p.line(); ok {
			name, ok = p.line()
		}
		if !ok {
			return p.syntax()
		}
	}
	if module3, ok := python2[module]; ok {
		module = module3
	}
	q := qualified{module, name}
	if _, ok := objects[q]; op == opInst || !ok && !helpers[q] {
		return forbidden(module + "." + name)
	}
	return p.push(p.named(module, name), true)
}

func (a *Arena) named(module, name string) *Value {
	v := a.new(global)
	v.Call = &Call{Module: module, Name: name}
	return v
}

// call carries out REDUCE and NEWOBJ.
func (p *parser) call(op byte) error {
	args, ok1 := p.pop()
	callee, ok2 := p.pop()
	if !ok1 || !ok2 || args.Kind != Tuple {
		return p.syntax()
	}
	if callee.Kind != global {
		return forbidden("call of a value")
	}
	c := Call{Module: callee.Call.Module, Name: callee.Call.Name, New: op == opNewObj, Args: args.Items}
	v := p.help(c)
	if v == nil {
		v = p.object(c)
	}
	if v == nil {
		return forbidden(c.Module + "." + c.Name)
	}
	return p.push(v, true)
}

func (p *parser) object(c Call) *Value {
	rule, ok := objects[qualified{c.Module, c.Name}]
	if !ok || rule.isNew != c.New || !match(rule.args, c.Args) {
		return nil
	}
	v := p.new(Object)
	v.Call = &c
	v.unhashable = c.isDict()
	return v
}

// match compares arguments with their types: b bytes, s str, i int or bool,
// d timedelta, z time zone or None.
func match(types string, args []*Value) bool {
	required, optional, _ := strings.Cut(types, "?")
	if len(args) < len(required) || len(args) > len(required)+len(optional) {
		return false
	}
	for i, t := range []byte(required + optional)[:len(args)] {
		v, ok := args[i], false
		switch t {
		case 'b':
			ok = v.Kind == Bytes
		case 's':
			ok = v.Kind == Str
		case 'i':
			ok = v.Kind == Int || v.Kind == Bool
		case 'd':
			ok = v.Kind == Object && v.Call.is("datetime", "timedelta")
		case 'z':
			ok = v.Kind == None || v.Kind == Object &&
				(v.Call.is("datetime", "timezone") || v.Call.Module == "zoneinfo" || v.Call.Module == "pytz")
		}
		if !ok {
			return false
		}
	}
	return true
}

// help carries out the call of a helper, or returns nil.
func (p *parser) help(c Call) *Value {
	args := c.Args
	arg := func(i int, kind Kind) bool { return i < len(args) && args[i].Kind == kind }
	isClass := func(i int, module, name string) bool { return arg(i, global) && args[i].Call.is(module, name) }
	switch q := (qualified{c.Module, c.Name}); {
	case c.New:
		return nil
	case q == qualified{"_codecs", "encode"} && len(args) == 2 && arg(0, Str) && arg(1, Str) && args[1].Text == "latin1":
		if text, ok := latin1(args[0].Text); ok {
			return p.text(Bytes, text)
		}
	case q == qualified{"builtins", "bytes"} && len(args) == 0:
		return p.text(Bytes, "")
	case q == qualified{"builtins", "bytearray"} && len(args) == 0:
		return p.byteArray("")
	case q == qualified{"builtins", "bytearray"} && len(args) == 1 && arg(0, Bytes):
		return p.byteArray(args[0].Text)
	case q == qualified{"builtins", "bytearray"} && len(args) == 2 && arg(0, Str) && arg(1, Str) && args[1].Text == "latin-1":
		if text, ok := latin1(args[0].Text); ok {
			return p.byteArray(text)
		}
	case q == qualified{"builtins", "set"} && len(args) == 1 && arg(0, List) && hashable(args[0].Items, 1):
		return p.container(Set, slices.Clone(args[0].Items))
	case q == qualified{"builtins", "frozenset"} && len(args) == 1 && arg(0, List) && hashable(args[0].Items, 1):
		return p.container(FrozenSet, slices.Clone(args[0].Items))
	case q == qualified{"builtins", "getattr"} && len(args) == 2 &&
		isClass(0, "zoneinfo", "ZoneInfo") && arg(1, Str) && args[1].Text == "_unpickle":
		return p.named("zoneinfo", "ZoneInfo._unpickle")
	case q == qualified{"copyreg", "_reconstructor"} && len(args) == 3 &&
		isClass(0, "uuid", "UUID") && isClass(1, "builtins", "object") && arg(2, None):
		return p.object(Call{Module: "uuid", Name: "UUID", New: true})
	}
	return nil
}

// build carries out BUILD, which only a UUID needs: its state is a dict with
// the number, and perhaps a second one.
func (p *parser) build() error {
	state, ok1 := p.pop()
	v, ok2 := p.top()
	if !ok1 || !ok2 {
		return p.syntax()
	}
	if v.Kind != Object || !v.Call.is("uuid", "UUID") || v.Call.State != nil || state.Kind != Dict {
		return forbidden("BUILD")
	}
	for i := 0; i < len(state.Items); i += 2 {
		key, value := state.Items[i], state.Items[i+1]
		if key.Kind != Str || key.Text != "int" && key.Text != "is_safe" || value.Kind != Int && value.Kind != Long {
			return forbidden("BUILD")
		}
	}
	v.Call.State = p.container(Dict, slices.Clone(state.Items))
	return nil
}
