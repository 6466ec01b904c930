package pyliteral

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Values are nil, bool, int64, float64, string, Bytes, []any (a list, tuple or
// set), Dict, time.Duration (a timedelta) and Unknown. A path is a string.
type (
	// Bytes are Python's bytes.
	Bytes string

	// Dict is a dict, in its order.
	Dict []Item

	// Unknown is what is no literal, as it was written.
	Unknown string
)

// Item is a member of a Dict.
type Item struct{ Key, Value any }

// Get returns the value under a string key, nil and false when there is none.
func (d Dict) Get(key string) (any, bool) {
	for _, item := range d {
		if item.Key == any(key) {
			return item.Value, true
		}
	}
	return nil, false
}

// with is the dict with a value under a key; of equal string keys the last counts.
func (d Dict) with(key, value any) Dict {
	if name, ok := key.(string); ok {
		for i := range d {
			if d[i].Key == any(name) {
				d[i].Value = value
				return d
			}
		}
	}
	return append(d, Item{key, value})
}

// ErrSyntax is the error for text that is no repr.
var ErrSyntax = errors.New("pyliteral: not a value of Python's")

// maxDepth is how deeply values may be nested.
const maxDepth = 100

// Parse reads one value, and returns what follows it.
func Parse(text string) (value any, rest string, err error) {
	p := parser{text: text}
	value, err = p.value(0)
	if err != nil {
		return nil, "", fmt.Errorf("%w, at byte %d", err, p.at)
	}
	return value, p.text[p.at:], nil
}

type parser struct {
	text string
	at   int
}

func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) spaces() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// accept skips c if it is next.
func (p *parser) accept(c byte) bool {
	p.spaces()
	if p.peek() == c && p.at < len(p.text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) value(depth int) (any, error) {
	p.spaces()
	switch c := p.peek(); {
	case depth > maxDepth:
		return nil, ErrSyntax
	case c == '\'' || c == '"':
		return p.str(false, false)
	case c == '[':
		p.at++
		return p.items(']', depth)
	case c == '(':
		p.at++
		return p.items(')', depth)
	case c == '{':
		p.at++
		return p.braces(depth)
	case c == '<':
		return p.object()
	case c >= '0' && c <= '9' || c == '-' || c == '.':
		return p.number()
	case isLetter(c):
		return p.word(depth)
	}
	return nil, ErrSyntax
}

// items reads a list or a tuple after its bracket.
func (p *parser) items(end byte, depth int) ([]any, error) {
	values := []any{}
	for !p.accept(end) {
		if len(values) > 0 && !p.accept(',') {
			return nil, ErrSyntax
		}
		if p.accept(end) { // (1,)
			return values, nil
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// braces reads a dict or a set after its brace.
func (p *parser) braces(depth int) (any, error) {
	var set []any
	dict := Dict{}
	for first := true; !p.accept('}'); first = false {
		if !first && !p.accept(',') {
			return nil, ErrSyntax
		}
		key, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if !p.accept(':') {
			if len(dict) > 0 {
				return nil, ErrSyntax
			}
			set = append(set, key)
			continue
		}
		value, err := p.value(depth + 1)
		if err != nil || set != nil {
			return nil, errors.Join(err, ErrSyntax)
		}
		dict = dict.with(key, value)
	}
	if set != nil {
		return set, nil
	}
	return dict, nil
}

// object reads <…>, in which further ones and quotes may stand.
func (p *parser) object() (any, error) {
	start, open := p.at, 0
	for ; p.at < len(p.text); p.at++ {
		switch p.text[p.at] {
		case '<':
			open++
		case '>':
			if open--; open == 0 {
				p.at++
				return Unknown(p.text[start:p.at]), nil
			}
		}
	}
	return nil, ErrSyntax
}

func (p *parser) number() (any, error) {
	start := p.at
	for p.at < len(p.text) && (isLetter(p.text[p.at]) || p.text[p.at] >= '0' && p.text[p.at] <= '9' || strings.IndexByte("+-.", p.text[p.at]) >= 0) {
		p.at++
	}
	text := p.text[start:p.at]
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) && !strings.ContainsAny(text, ".eE"), err != nil && strings.HasSuffix(text, "j"):
		return Unknown(text), nil
	case err != nil && !errors.Is(err, strconv.ErrRange), strings.ContainsAny(text, "xXpP_"):
		return nil, ErrSyntax
	case !strings.ContainsAny(text, ".eEinfa"):
		return Unknown(text), nil // an int that is too large for ours
	}
	return f, nil
}

func isLetter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// word reads what begins with a name: a constant, a prefixed string, or a call.
func (p *parser) word(depth int) (any, error) {
	start := p.at
	for p.at < len(p.text) && (isLetter(p.text[p.at]) || p.text[p.at] == '.' || p.text[p.at] >= '0' && p.text[p.at] <= '9') {
		p.at++
	}
	name := p.text[start:p.at]
	if quote := p.peek(); quote == '\'' || quote == '"' {
		switch strings.ToLower(name) {
		case "b":
			return p.str(true, false)
		case "r":
			return p.str(false, true)
		case "u":
			return p.str(false, false)
		case "br", "rb":
			return p.str(true, true)
		}
		return nil, ErrSyntax
	}
	switch name {
	case "None":
		return nil, nil
	case "True":
		return true, nil
	case "False":
		return false, nil
	case "inf":
		return math.Inf(1), nil
	case "nan":
		return math.NaN(), nil
	}
	if p.peek() != '(' {
		return Unknown(name), nil
	}
	p.at++
	values, named, err := p.arguments(depth)
	if err != nil {
		return nil, err
	}
	return called(name, values, named, p.text[start:p.at]), nil
}

// arguments reads those of a call, after its parenthesis.
func (p *parser) arguments(depth int) (values []any, named map[string]any, err error) {
	named = map[string]any{}
	for first := true; !p.accept(')'); first = false {
		if !first && !p.accept(',') {
			return nil, nil, ErrSyntax
		}
		p.spaces()
		name := ""
		if i := strings.IndexAny(p.text[p.at:], "=,()'\"[]{}<> "); i > 0 && p.text[p.at+i] == '=' && isLetter(p.peek()) {
			name = p.text[p.at : p.at+i]
			p.at += i + 1
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, nil, err
		}
		if name == "" {
			values = append(values, value)
		} else {
			named[name] = value
		}
	}
	return values, named, nil
}

// called is the value of a call, Unknown when that is not known.
func called(name string, values []any, named map[string]any, text string) any {
	only := func() any {
		if len(values) == 1 && len(named) == 0 {
			return values[0]
		}
		return nil
	}
	switch name[strings.LastIndex(name, ".")+1:] {
	case "PosixPath", "WindowsPath", "Path", "PurePosixPath", "PureWindowsPath", "SafeString", "EnvironPath":
		if path, ok := only().(string); ok {
			return path
		}
	case "timedelta":
		if d, ok := timedelta(values, named); ok {
			return d
		}
	case "set", "frozenset":
		if len(values) == 0 {
			return []any{}
		}
		if all, ok := only().([]any); ok {
			return all
		}
	case "OrderedDict", "dict", "mappingproxy", "defaultdict":
		if len(values) == 0 {
			return Dict{}
		}
		if dict, ok := pairs(values[len(values)-1]); ok {
			return dict
		}
	}
	return Unknown(text)
}

// pairs is a dict, or a list of pairs, as a dict.
func pairs(value any) (Dict, bool) {
	switch value := value.(type) {
	case Dict:
		return value, true
	case []any:
		dict := Dict{}
		for _, item := range value {
			pair, _ := item.([]any)
			if len(pair) != 2 {
				return nil, false
			}
			dict = dict.with(pair[0], pair[1])
		}
		return dict, true
	}
	return nil, false
}

func timedelta(values []any, named map[string]any) (time.Duration, bool) {
	units := []struct {
		name string
		of   time.Duration
	}{{"days", 24 * time.Hour}, {"seconds", time.Second}, {"microseconds", time.Microsecond}}
	total := 0.0
	for i, unit := range units {
		value, found := named[unit.name]
		if i < len(values) {
			value, found = values[i], true
		}
		n, ok := value.(int64)
		if found && !ok {
			return 0, false
		}
		total += float64(n) * float64(unit.of)
	}
	if len(values) > len(units) || math.Abs(total) > math.MaxInt64/2 {
		return 0, false
	}
	return time.Duration(total), true
}
