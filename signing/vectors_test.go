package signing

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A vector is one case of testdata/vectors.json: what real Django answered.
// The fields that its kind lacks are zero.
type vector struct {
	ID   string
	Kind string
	In   struct {
		SecretKey, Key     string
		Salt, Value, Name  string
		Data, String, Time string
		N                  int64
	}
	Out struct {
		String, Decoded, Text, Value string
		Signer, TimestampSigner      string
		Error                        string
		Compressed                   bool
		Logs                         [][]string
	}
	Versions []string
}

// current reports whether the present Django versions answer so.
func (v vector) current() bool { return slices.Contains(v.Versions, "6.1.1") }

// clock stands still at the vector's time.
func (v vector) clock(t *testing.T) func() time.Time {
	t.Helper()
	sec, micro, _ := strings.Cut(v.In.Time, ".")
	s, err1 := strconv.ParseInt(sec, 10, 64)
	us, err2 := strconv.ParseInt(micro, 10, 64)
	if err1 != nil || err2 != nil {
		t.Fatalf("bad time %q", v.In.Time)
	}
	return func() time.Time { return time.Unix(s, us*1000) }
}

// vectors returns the cases of one kind, at least min of them.
func vectors(t *testing.T, kind string, min int) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	// encoding/json matches names without regard to case but not to "_".
	raw = []byte(strings.ReplaceAll(string(raw), `"secret_key":`, `"secretkey":`))
	var file struct{ Cases []vector }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	all := slices.DeleteFunc(file.Cases, func(v vector) bool { return v.Kind != kind })
	if len(all) < min {
		t.Fatalf("%d vectors of kind %s, want at least %d", len(all), kind, min)
	}
	return all
}

// compact takes the spaces that json.dumps puts between tokens out of a text,
// which leaves what it writes with separators=(",", ":").
func compact(text string) string {
	var b strings.Builder
	inString := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inString && c == '\\':
			b.WriteByte(c)
			i++
			c = text[i]
		case c == '"':
			inString = !inString
		case c == ' ' && !inString:
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// must unwraps what a test knows to succeed.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// at is a clock that stands still.
func at(sec, nsec int64) func() time.Time {
	return func() time.Time { return time.Unix(sec, nsec) }
}
