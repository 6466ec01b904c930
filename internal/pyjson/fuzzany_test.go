package pyjson_test

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/keepsake-go/sessions/internal/pyjson"
)

func TestFuzzUnmarshalAnyCorpus(t *testing.T) {
	files, err := os.ReadDir("testdata/fuzz/FuzzUnmarshalAny")
	if err != nil || len(files) == 0 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

// pythonOnly matches what Python reads and encoding/json does not.
var pythonOnly = regexp.MustCompile(`NaN|Infinity`)

// checkValid compares what Valid says with encoding/json, where they may agree.
func checkValid(t *testing.T, text string, err error) {
	if errors.Is(err, pyjson.ErrDepth) || errors.Is(err, pyjson.ErrNumber) {
		return
	}
	ascii := !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
	if !ascii && err == nil {
		t.Errorf("bytes outside ASCII are taken: %q", text)
	}
	if ascii && !pythonOnly.MatchString(text) && json.Valid([]byte(text)) != (err == nil) {
		t.Errorf("%q: %v, but encoding/json says %t", text, err, json.Valid([]byte(text)))
	}
}

// FuzzUnmarshalAny: what Valid says holds for Unmarshal, and what is read and
// written stays the same.
func FuzzUnmarshalAny(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw string) {
		valid := pyjson.Valid(raw)
		var v any
		if err := pyjson.Unmarshal(raw, &v); (err == nil) != (valid == nil) {
			t.Fatalf("%q: %v, but Valid: %v", raw, err, valid)
		}
		checkValid(t, raw, valid)
		for _, into := range []any{new(string), new(bool), new(int), new(int64), new(float64), new([]any), new(map[string]any), new([]string), new(json.RawMessage), new(json.Number), new(struct{ A any }), new([]map[string]int)} {
			if err := pyjson.Unmarshal(raw, into); err == nil && valid != nil {
				t.Errorf("%q into %T", raw, into)
			}
		}
		if valid != nil {
			return
		}
		text, err := pyjson.Marshal(v)
		if errors.Is(err, pyjson.ErrDepth) {
			return // one level less than may be read
		}
		var again any
		if err != nil || pyjson.Unmarshal(text, &again) != nil {
			t.Fatalf("%q: %s, %v", raw, text, err)
		}
		if second, err := pyjson.Marshal(again); err != nil || second != text {
			t.Errorf("%q: %s, then %s, %v", raw, text, second, err)
		}
		if rewritten, err := pyjson.Marshal(json.RawMessage(raw)); err != nil || pyjson.Unmarshal(rewritten, &again) != nil {
			t.Errorf("%q: %s, %v", raw, rewritten, err)
		} else if third, _ := pyjson.Marshal(again); third != text {
			t.Errorf("%q: %s, rewritten: %s", raw, text, third)
		}
	})
}
