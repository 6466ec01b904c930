package pyjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions/internal/pyjson"
)

// refusal is an UnmarshalJSON method's error, which may quote what it likes.
type refusal struct{}

var how string

func (*refusal) UnmarshalJSON(b []byte) error {
	switch how {
	case "type":
		return &json.UnmarshalTypeError{Value: string(b), Field: string(b)}
	case "typed":
		return &json.UnmarshalTypeError{Value: "SECRET", Field: "SECRET", Type: reflect.TypeFor[int]()}
	case "item":
		return &json.UnmarshalTypeError{Value: "SECRET", Type: reflect.TypeFor[int]()}
	case "wrapped":
		return fmt.Errorf("x: %w", &json.UnmarshalTypeError{Value: string(b), Field: "SECRET"})
	}
	return fmt.Errorf("bad value %s", b)
}

func (refusal) MarshalJSON() ([]byte, error) { return nil, errSecret }

var errSecret = errors.New("bad value SECRET")

// TestMethodErrorsHideContent: the error of a value's own method is there for
// errors.Is, but its text, which may hold the value, is not ours.
func TestMethodErrorsHideContent(t *testing.T) {
	for _, how = range []string{"plain", "type", "typed", "item", "wrapped"} {
		for raw, into := range map[string]any{
			`"SECRET"`: new(refusal), `["SECRET"]`: new([]refusal), `{"S":"SECRET"}`: new(struct{ S refusal }), `{"SECRET":"SECRET"}`: new(map[string]refusal),
		} {
			err := pyjson.Unmarshal(raw, into)
			var typeError *pyjson.TypeError
			if !errors.As(err, &typeError) || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "%!") {
				t.Errorf("%s, %s: %v", how, raw, err)
			}
		}
	}
	for _, v := range []any{refusal{}, []any{refusal{}}, map[string]refusal{"a": {}}} {
		if _, err := pyjson.Marshal(v); !errors.Is(err, errSecret) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("Marshal: %v", err)
		}
	}
}

// TestMarshalerIsRewritten: encoding/json escapes HTML, Python does not.
func TestMarshalerIsRewritten(t *testing.T) {
	for in, want := range map[string]string{
		`"\u003c\/\u00E9\u007F"`: `"</\u00e9\u007f"`, "\"é\x7f\"": `"\u00e9\u007f"`, `"\ud83d\ude00\ud83d"`: `"\ud83d\ude00\ud83d"`,
		` { "\u0061" : 1.50 } `: `{"a":1.50}`, `["a\" b", " "]`: `["a\" b"," "]`,
	} {
		if got, err := pyjson.Marshal(json.RawMessage(in)); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", in, got, err, want)
		}
	}
}

func TestNumberIsFinite(t *testing.T) {
	for _, n := range []json.Number{"-Infinity", "Infinity", "NaN", "-"} {
		if got, err := pyjson.Marshal(n); err == nil {
			t.Errorf("%s: %s", n, got)
		}
	}
}

// TestEachByteInEachPlace is for what looks at eight bytes at once.
func TestEachByteInEachPlace(t *testing.T) {
	for c := range 256 {
		for place := range 17 {
			s := strings.Repeat("a", place) + string([]byte{byte(c)}) + strings.Repeat("z", 16-place)
			legal := c >= 0x20 && c < 0x80 && c != '"' && c != '\\'
			if err := pyjson.Valid(`"` + s + `"`); (err == nil) != legal {
				t.Errorf("Valid(%q): %v", s, err)
			}
			want := s
			if c >= 0x80 {
				want = strings.ToValidUTF8(s, "\ufffd")
			}
			var back string
			text := string(pyjson.AppendString(nil, s))
			if err := pyjson.Unmarshal(text, &back); err != nil || back != want {
				t.Errorf("%q: %s, %q, %v", s, text, back, err)
			}
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("AppendString(%q): %s", s, text)
			}
			if _, err := pyjson.Marshal(s); (err == nil) != (c < 0x80) {
				t.Errorf("Marshal(%q): %v", s, err)
			}
			if ascii := pyjson.Latin1ToASCII(s); (ascii == s) != (c < 0x80) {
				t.Errorf("Latin1ToASCII(%q): %q", s, ascii)
			}
		}
	}
}
