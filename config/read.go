package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// problem is one thing that is wrong.
type problem struct {
	place
	text string
}

// loader reads settings and collects all that is wrong with them.
type loader struct {
	options  Options
	problems []problem
	warnings []string
}

func (l *loader) wrong(r *raw, format string, args ...any) {
	p := problem{text: fmt.Sprintf(format, args...)}
	if r != nil {
		p.place = r.place
	}
	l.problems = append(l.problems, p)
}

func (l *loader) warn(format string, args ...any) {
	l.warnings = append(l.warnings, fmt.Sprintf(format, args...))
}

// err is everything that was wrong, in the order of the file.
func (l *loader) err() error {
	slices.SortStableFunc(l.problems, func(a, b problem) int {
		if a.source != b.source {
			return strings.Compare(a.source, b.source)
		}
		return a.line - b.line
	})
	var errs []error
	for _, p := range slices.Compact(l.problems) { // a table is read more than once
		if p.source == "" {
			errs = append(errs, errors.New("config: "+p.text))
		} else {
			errs = append(errs, fmt.Errorf("config: %v: %s", p.place, p.text))
		}
	}
	return errors.Join(errs...)
}

// kind is what r is, in the words of an error: never its value, which may be a
// secret.
func (r *raw) kind() string {
	switch r.value.(type) {
	case string:
		return "a string"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case table:
		return "a table"
	}
	return "a date"
}

// none reports whether r is absent, or Django's None in a word.
func none(r *raw) bool { return r == nil || r.value == "None" }

// str reads a string.
func (l *loader) str(t table, name, def string) string {
	r := t[name]
	if r == nil {
		return def
	}
	if s, ok := r.value.(string); ok {
		return s
	}
	l.wrong(r, "%s must be a string, not %s", name, r.kind())
	return def
}

// boolean reads True or False.
func (l *loader) boolean(t table, name string, def bool) bool {
	r := t[name]
	if r == nil {
		return def
	}
	if b, ok := r.value.(bool); ok {
		return b
	}
	if text, ok := r.value.(string); ok && r.text {
		if b, ok := truth(text); ok {
			return b
		}
		l.wrong(r, "%s must be True or False", name)
		return def
	}
	l.wrong(r, "%s must be true or false, not %s", name, r.kind())
	return def
}

// truth knows the words for True and False that django-environ has.
func truth(text string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1", "on", "yes", "y", "ok":
		return true, true
	case "false", "0", "off", "no", "n":
		return false, true
	}
	return false, false
}

// integer reads a whole number of at least least.
func (l *loader) integer(t table, name string, def, least int64) int64 {
	r := t[name]
	if r == nil {
		return def
	}
	n, ok := r.value.(int64)
	if text, isText := r.value.(string); isText && r.text {
		var err error
		n, err = strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		ok = err == nil
	}
	switch {
	case !ok && r.text:
		l.wrong(r, "%s must be a whole number", name)
	case !ok:
		l.wrong(r, "%s must be an integer, not %s", name, r.kind())
	case n < least:
		l.wrong(r, "%s must be at least %d, not %d", name, least, n)
	default:
		return n
	}
	return def
}

// number reads a number that need not be whole.
func (l *loader) number(t table, name string, def float64) float64 {
	r := t[name]
	if r == nil {
		return def
	}
	f, ok := math.NaN(), false
	switch value := r.value.(type) {
	case int64:
		f, ok = float64(value), true
	case float64:
		f, ok = value, true
	case string:
		if r.text {
			var err error
			f, err = strconv.ParseFloat(strings.TrimSpace(value), 64)
			ok = err == nil
		}
	}
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) || f < 0 {
		l.wrong(r, "%s must be a number of at least 0", name)
		return def
	}
	return f
}

// list reads strings: a list, or in the environment JSON or words with commas.
func (l *loader) list(t table, name string) []string {
	r := t[name]
	if r == nil {
		return nil
	}
	values, ok := r.value.([]any)
	if text, isText := r.value.(string); isText && r.text {
		if !strings.HasPrefix(strings.TrimSpace(text), "[") {
			var all []string
			for item := range strings.SplitSeq(text, ",") {
				if item = strings.TrimSpace(item); item != "" {
					all = append(all, item)
				}
			}
			return all
		}
		ok = json.Unmarshal([]byte(text), &values) == nil
	}
	var all []string
	for _, value := range values {
		s, isString := value.(string)
		ok = ok && isString
		all = append(all, s)
	}
	if !ok {
		l.wrong(r, "%s must be a list of strings", name)
		return nil
	}
	return all
}

// table reads a table.
func (l *loader) table(t table, name string) table {
	r := t[name]
	if r == nil {
		return nil
	}
	if inner, ok := r.value.(table); ok {
		return inner
	}
	l.wrong(r, "%s must be a table, not %s", name, r.kind())
	return nil
}

// isTable reports whether name is absent or a table.
func (l *loader) isTable(t table, name string) bool {
	if t[name] == nil {
		return true
	}
	_, ok := t[name].value.(table)
	return ok
}

// only reports names of a table that are not known. A setting of Django's among
// them has slipped into the table before it.
func (l *loader) only(t table, in string, known []string) {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if slices.Contains(known, name) {
			continue
		}
		if in != "" && slices.Contains(names(sessionSettings), name) {
			l.wrong(t[name], "%s is in the table [%s]: settings without a table come before the first table", name, in)
			continue
		}
		if in == "" && slices.Contains(names(keepsakeSettings), name) {
			l.wrong(t[name], "%s belongs into the table [KEEPSAKE]", name)
		} else if own, found := strings.CutPrefix(name, "SESSION_"); in == "" && found && slices.Contains(names(keepsakeSettings), own) {
			l.wrong(t[name], "unknown setting %s: it is %s in the table [KEEPSAKE]", name, own)
		} else if in == "" {
			l.wrong(t[name], "unknown setting %s%s", name, suggest(name, known))
		} else {
			l.wrong(t[name], "unknown name %s in %s%s", name, in, suggest(name, known))
		}
	}
}

// Integer is a value of OPTIONS as a whole number: they are numbers in a file,
// and text in a URL.
func Integer(value any) (n int, ok bool) {
	switch value := value.(type) {
	case int64:
		return int(value), true
	case string:
		n, err := strconv.Atoi(strings.TrimSpace(value))
		return n, err == nil
	}
	return 0, false
}

// Boolean is a value of OPTIONS as True or False.
func Boolean(value any) (b, ok bool) {
	switch value := value.(type) {
	case bool:
		return value, true
	case string:
		return truth(value)
	}
	return false, false
}
