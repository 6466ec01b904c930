package pyjson

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
)

// pythonData is what Python itself makes of awkward values; see testdata/gen.py.
type pythonData struct {
	Python  string
	Floats  [][2]string
	Float32 [][2]string
	Strings [][2]string
	Texts   []pythonText
}

type pythonText struct {
	text    string
	members [][2]string // nil when it is no object
	value   string      // "" when it is refused
}

func (p *pythonText) UnmarshalJSON(text []byte) error {
	var latin1 string
	var value *string
	err := json.Unmarshal(text, &[]any{&latin1, &p.members, &value})
	for _, r := range latin1 {
		p.text += string([]byte{byte(r)})
	}
	if value != nil {
		p.value = *value
	}
	return err
}

func loadPython(t *testing.T) (data pythonData) {
	t.Helper()
	name := os.Getenv("PYJSON_DATA")
	if name == "" {
		name = "testdata/python.json"
	}
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &data)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(data.Floats) < 1800 || len(data.Float32) < 300 || len(data.Strings) < 600 || len(data.Texts) < 1400 {
		t.Fatalf("%s is not whole: %d, %d, %d, %d", name, len(data.Floats), len(data.Float32), len(data.Strings), len(data.Texts))
	}
	return data
}

func TestPythonFloats(t *testing.T) {
	data := loadPython(t)
	for _, row := range data.Floats {
		bits, err := strconv.ParseUint(row[0], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		f := math.Float64frombits(bits)
		if got := string(AppendFloat(nil, f)); got != row[1] {
			t.Errorf("%x: %s, want %s", bits, got, row[1])
		}
		var back float64
		if err := Unmarshal(row[1], &back); err != nil || !sameFloat(back, f) {
			t.Errorf("%s: %v, %v", row[1], back, err)
		}
	}
	for _, row := range data.Float32 {
		bits, err := strconv.ParseUint(row[0], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		f := math.Float32frombits(uint32(bits))
		if got, err := Marshal(f); got != row[1] || err != nil {
			t.Errorf("float32 %x: %s, %v, want %s", bits, got, err, row[1])
		}
	}
}

func sameFloat(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
}

func TestPythonStrings(t *testing.T) {
	for _, row := range loadPython(t).Strings {
		text, err := hex.DecodeString(row[0])
		if err != nil {
			t.Fatal(err)
		}
		s := string(text)
		if !ValidName(s) {
			t.Errorf("%q is no name", s)
		}
		if got, err := Marshal(s); got != row[1] || err != nil {
			t.Errorf("%q: %s, %v, want %s", s, got, err, row[1])
		}
		if got, ok := Unquote(row[1]); got != s || !ok {
			t.Errorf("%s: %q, %v, want %q", row[1], got, ok, s)
		}
	}
}

// Texts that are not quite JSON: Python decides which it takes, what members an
// object has, and what the value is.
func TestPythonTexts(t *testing.T) {
	for _, row := range loadPython(t).Texts {
		text := Latin1ToASCII(row.text)
		if err := Valid(text); (err == nil) != (row.value != "") {
			t.Errorf("%q: %v, but Python says %q", row.text, err, row.value)
			continue
		}
		var members [][2]string
		err := ScanObject(text, func(name, raw string) {
			if back := string(AppendString(nil, name)); !ValidName(name) || Valid(raw) != nil {
				t.Errorf("%q: %s is %q", row.text, back, raw)
			} else {
				members = append(members, [2]string{back, rewrite(t, raw)})
			}
		})
		if (err == nil) != (row.members != nil) || err == nil && !slices.Equal(members, row.members) {
			t.Errorf("%q: %q, %v, but Python says %q", row.text, members, err, row.members)
		}
		if row.value != "" {
			if got := rewrite(t, text); got != row.value {
				t.Errorf("%q: %s, but Python says %s", row.text, got, row.value)
			}
		}
	}
}

func rewrite(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := Unmarshal(text, &v); err != nil {
		t.Errorf("%q: %v", text, err)
	}
	again, err := Marshal(v)
	if err != nil {
		t.Errorf("%q: %v", text, err)
	}
	return again
}
