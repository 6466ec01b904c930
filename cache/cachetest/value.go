package cachetest

import (
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/keepsake-go/sessions/cache"
)

var valueCases = []contractCase{
	{"keys", keysCase},
	{"values", valuesCase},
	{"values that are alike", alikeCase},
	{"aliasing", aliasingCase},
}

// keysCase tries keys that differ from key1 in little. A cache may refuse them,
// with any error, but must not take one for key1.
func keysCase(e *env) {
	const value = "of the first"
	item := e.mustAdd(e.a, key1, value, time.Hour)
	end := len(key1) - 1
	for _, other := range []string{
		strings.ToUpper(key1), ":1:D" + key1[4:], key1[:end] + "4", key1[:end], key1 + "0", key1 + " ", " " + key1,
		strings.Replace(key1, "e", "é", 1), key1[:end] + "_", key1[:end] + "%", key1 + "\x00", key1 + "\n", "",
	} {
		if got, err := e.a.Get(e.ctx, other); err == nil {
			e.broken(ruleKeys, "Get of %q returned %q, which is %q's", other, got.Value, key1)
		}
		if _, err := e.a.Swap(e.ctx, other, item, "wrong", time.Hour); err == nil {
			e.broken(ruleKeys, "Swap of %q found %q", other, key1)
		}
		_, err := e.a.Add(e.ctx, other, "another", time.Hour)
		if errors.Is(err, cache.ErrExists) && !(e.opts.FoldsKeys && fold(other) == fold(key1)) {
			e.broken(ruleKeys, "Add of %q found %q", other, key1)
		}
		e.holds(ruleKeys, key1, value)
		if err == nil {
			e.holds(ruleKeys, other, "another")
		}
		err = e.a.Set(e.ctx, other, "a third", time.Hour)
		e.holds(ruleKeys, key1, value)
		if err == nil {
			e.holds(ruleKeys, other, "a third")
		}
		_ = e.a.Delete(e.ctx, other)
		e.holds(ruleKeys, key1, value)
	}
}

// fold is a key as a collation without case and accents has it.
func fold(key string) string {
	key = strings.NewReplacer("é", "e", "É", "e").Replace(strings.ToLower(key))
	return strings.TrimRightFunc(key, func(r rune) bool { return r == 0 || unicode.IsSpace(r) })
}

func valuesCase(e *env) {
	var every strings.Builder
	for c := range 256 {
		every.WriteByte(byte(c))
	}
	for name, value := range map[string]string{
		"nothing":              "",
		"every byte":           every.String(),
		"a NUL":                "\x00",
		"no UTF-8":             "\xff\xfe\x80",
		"digits only":          "0012",
		"a number":             "42", // Django's Redis cache has numbers as text
		"a float":              "1e5",
		"SQL":                  `'; DROP TABLE cache; -- "$1 ? :name @name %s \'`,
		"lines":                "END\r\nget a\r\n",
		"white space":          " \t\n value \r\n\x00 ",
		"a pickle":             "\x80\x05}\x94\x8c\x01a\x94K\x01s.",
		"a pickle and a tail":  "\x80\x05}\x94.tail",
		"the largest there is": strings.Repeat("0123456789abcde\xff", e.opts.MaxValue/16),
	} {
		e.mustAdd(e.a, key1, value, time.Hour)
		e.holds(ruleValues+" ("+name+")", key1, value)
		item := e.mustSwap(e.b, key1, e.mustGet(e.b, key1), "x") // it is recognised
		e.mustSwap(e.b, key1, item, value)
		e.holds(ruleValues+" ("+name+", swapped)", key1, value)
		if err := e.a.Delete(e.ctx, key1); err != nil {
			e.broken(ruleDelete, "%v", err)
		}
		if err := e.a.Set(e.ctx, key1, value, time.Hour); err != nil {
			e.broken(ruleSet, "%s: %v", name, err)
		}
		e.holds(ruleValues+" ("+name+", set)", key1, value)
		if err := e.a.Delete(e.ctx, key1); err != nil {
			e.broken(ruleDelete, "%v", err)
		}
	}
}

func alikeCase(e *env) {
	for _, pair := range [][2]string{{"data", "DATA"}, {"data", "data "}, {"data", "data\x00"}, {"12", "12.0"}, {"12", "012"}, {"", "\x00"}, {"i\xb7\x1d", "\x00\x10\x83"}} { // the last in base64: abcd, ABCD
		e.mustAdd(e.a, key1, pair[0], time.Hour)
		_, err := e.a.Swap(e.ctx, key1, cache.Item{Value: pair[1]}, "new", time.Hour)
		e.wants(ruleConflict, "Swap of a value that is only alike", err, cache.ErrConflict)
		e.holds(ruleConflict, key1, pair[0])
		if err := e.a.Delete(e.ctx, key1); err != nil {
			e.broken(ruleDelete, "%v", err)
		}
	}
}

func aliasingCase(e *env) {
	value := func(c string) string { return strings.Repeat(c, 64) }
	passed := strings.Clone(value("1"))
	added := e.mustAdd(e.a, key1, passed, time.Hour)
	got := e.mustGet(e.a, key1)
	swapped := e.mustSwap(e.a, key1, got, value("2"))
	current, err := e.a.Swap(e.ctx, key1, added, value("3"), time.Hour)
	e.wants(ruleConflict, "Swap", err, cache.ErrConflict)
	if err := e.a.Set(e.ctx, key1, value("4"), time.Hour); err != nil {
		e.broken(ruleSet, "%v", err)
	}
	_ = e.a.Delete(e.ctx, key1)
	e.mustAdd(e.a, key1, value("5"), time.Hour)
	e.mustGet(e.a, key1)
	for _, old := range []struct{ what, value, want string }{
		{"passed to Add", passed, "1"},
		{"returned by Add", added.Value, "1"},
		{"returned by Get", got.Value, "1"},
		{"returned by Swap", swapped.Value, "2"},
		{"returned with a conflict", current.Value, "2"},
	} {
		if old.value != value(old.want) {
			e.broken(ruleAliasing, "what was %s is %.20q by now", old.what, old.value)
		}
	}
}
