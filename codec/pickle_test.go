package codec

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/pickle"
)

func newPickle(t testing.TB, protocol int) *Pickle {
	t.Helper()
	c, err := NewPickle(PickleOptions{Protocol: protocol})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readJSON(t testing.TB, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, text string) string {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func members(v sessions.Values) []sessions.Member { return slices.Collect(v.All()) }

func valuesOf(ms ...sessions.Member) (v sessions.Values) {
	for _, m := range ms {
		v.Set(m)
	}
	return v
}

// What Django stored is read as the dict that it was, in its order, and written
// back byte for byte.
func TestPickleVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			ID, Pickle string
			Members    [][2]string
		}
	}
	readJSON(t, "pickle_vectors.json", &file)
	if len(file.Cases) < 113 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	for _, c := range file.Cases {
		data := unhex(t, c.Pickle)
		v, err := newPickle(t, 0).Decode(data)
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		var want []sessions.Member
		for _, m := range c.Members {
			want = append(want, sessions.Member{Name: unhex(t, m[0]), JSON: m[1]})
		}
		if got := members(v); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", c.ID, got, want)
		}
		if back, err := newPickle(t, int(data[1])).Encode(v); back != data || err != nil {
			t.Errorf("%s: written\n%x, %v, not\n%x", c.ID, back, err, data)
		}
	}
}

type pickleFile struct {
	Decode []struct {
		Name     string
		Protocol int
		Pickle   string
		Members  []struct {
			Name, Key, Value string
			JSON             *string
		}
	}
	Encode []struct {
		Open, Item, Close string
		N, X              int
		P4, P5            string
	}
	Refuse []struct{ Name, Pickle, Error, What string }
}

func pickleCases(t testing.TB) (f pickleFile) {
	t.Helper()
	readJSON(t, "pickle.json", &f)
	if len(f.Decode) < 110 || len(f.Encode) < 43 || len(f.Refuse) < 103 {
		t.Fatalf("cases are missing: %d, %d, %d", len(f.Decode), len(f.Encode), len(f.Refuse))
	}
	return f
}

// same compares trees; what is shared in one may be copied in the other.
func same(a, b *pickle.Value) bool {
	if a.Kind != b.Kind || a.Int != b.Int || a.Text != b.Text || (a.Call == nil) != (b.Call == nil) {
		return false
	}
	if a.Call != nil {
		x, y := a.Call, b.Call
		if x.Module != y.Module || x.Name != y.Name || x.New != y.New || (x.State == nil) != (y.State == nil) ||
			!slices.EqualFunc(x.Args, y.Args, same) || x.State != nil && !same(x.State, y.State) {
			return false
		}
	}
	return slices.EqualFunc(a.Items, b.Items, same)
}

// tree reads a whole pickle.
func tree(t testing.TB, data string) *pickle.Value {
	t.Helper()
	v, n, err := pickle.Parse(data, len(data))
	if err != nil || n != len(data) {
		t.Fatalf("%q: %d of %d bytes, %v", data, n, len(data), err)
	}
	return v
}

// Dicts in all protocols: JSON where JSON says it, else a pickle that means the
// same. Both survive being written and read again.
func TestPickleDecode(t *testing.T) {
	for _, c := range pickleCases(t).Decode {
		t.Run(c.Name+"/"+strconv.Itoa(c.Protocol), func(t *testing.T) {
			v, n, err := newPickle(t, 0).DecodePrefix(unhex(t, c.Pickle) + "a tail")
			if err != nil || n != len(c.Pickle)/2 {
				t.Fatalf("%d bytes, %v", n, err)
			}
			got := members(v)
			if len(got) != len(c.Members) {
				t.Fatalf("%d members, not %d", len(got), len(c.Members))
			}
			for i, want := range c.Members {
				if want.Key != "" {
					fragment, ok := strings.CutPrefix(got[i].Name, notStr)
					if !ok || !same(tree(t, fragment), tree(t, unhex(t, want.Key))) {
						t.Errorf("key %q, not %s", got[i].Name, want.Key)
					}
				} else if got[i].Name != unhex(t, want.Name) {
					t.Errorf("name %q, not %s", got[i].Name, want.Name)
				}
				switch {
				case want.JSON != nil:
					if got[i].JSON != *want.JSON || got[i].Opaque != "" {
						t.Errorf("%q:\n got %.500s, %q\nwant %.500s", got[i].Name, got[i].JSON, got[i].Opaque, *want.JSON)
					}
				case got[i].JSON != "" || !same(tree(t, got[i].Opaque), tree(t, unhex(t, want.Value))):
					t.Errorf("%q:\n got %q, %q\nwant %s", got[i].Name, got[i].JSON, got[i].Opaque, want.Value)
				}
			}
			for protocol := 4; protocol <= 5; protocol++ {
				data, err := newPickle(t, protocol).Encode(v)
				if err != nil {
					t.Fatal(err)
				}
				again, err := newPickle(t, 0).Decode(data)
				if err != nil || !slices.Equal(members(again), got) {
					t.Errorf("again %q, %v", members(again), err)
				}
			}
		})
	}
}

// JSON becomes what pickle.dumps(json.loads(text)) gives, batches, frames and
// shared strs included.
func TestPickleEncodeAsCPython(t *testing.T) {
	for _, c := range pickleCases(t).Encode {
		items := make([]string, c.N)
		for i := range items {
			items[i] = strings.ReplaceAll(c.Item, "%d", strconv.Itoa(i))
		}
		text := strings.ReplaceAll(c.Open, "%x", strings.Repeat("x", c.X)) + strings.Join(items, ",") + c.Close
		for protocol, want := range map[int]string{4: c.P4, 5: c.P5} {
			var arena pickle.Arena
			v, err := arena.FromJSON(text)
			if err != nil {
				t.Fatalf("%.100s: %v", text, err)
			}
			data, err := pickle.Append(nil, v, protocol, 16<<20)
			if err != nil {
				t.Fatal(err)
			}
			got := hex.EncodeToString(data)
			if strings.HasPrefix(want, "sha256:") {
				sum := sha256.Sum256(data)
				got = "sha256:" + hex.EncodeToString(sum[:])
			}
			if got != want {
				t.Errorf("%.100s, %d times, protocol %d:\n got %.300s\nwant %.300s", c.Open+c.Item, c.N, protocol, got, want)
			}
			if back, n, err := pickle.Parse(string(data), len(data)); err != nil || n != len(data) || !same(back, v) {
				t.Errorf("%.100s, %d times: not read back: %v", c.Open+c.Item, c.N, err)
			}
		}
	}
}

// Attacks, recursive structures and what Python itself refuses.
func TestSecurity33_PickleRefuses(t *testing.T) {
	kinds := map[string]error{"forbidden": ErrForbidden, "syntax": pickle.ErrSyntax, "recursive": pickle.ErrRecursive, "no dict": sessions.ErrCorrupt}
	for _, c := range pickleCases(t).Refuse {
		v, n, err := newPickle(t, 0).DecodePrefix(unhex(t, c.Pickle))
		if !errors.Is(err, sessions.ErrCorrupt) || !errors.Is(err, kinds[c.Error]) || n != 0 || v.Len() != 0 {
			t.Errorf("%s: %v, not %s", c.Name, err, c.Error)
		}
		var forbidden *pickle.ForbiddenError
		if c.Error == "forbidden" && (!errors.As(err, &forbidden) || forbidden.Name != c.What) {
			t.Errorf("%s: names %v, not %s", c.Name, err, c.What)
		}
		// Nor may an attack come in through a fragment.
		for _, m := range []sessions.Member{{Name: "a", Opaque: unhex(t, c.Pickle)}, {Name: notStr + unhex(t, c.Pickle), JSON: "1"}} {
			var encodeError *sessions.EncodeError
			if _, err := newPickle(t, 0).Encode(valuesOf(m)); c.Error != "no dict" && (!errors.Is(err, kinds[c.Error]) || !errors.As(err, &encodeError)) {
				t.Errorf("%s: embedded: %v", c.Name, err)
			}
		}
	}
}

// Every beginning of a pickle is refused, and none panics.
func TestPickleTruncated(t *testing.T) {
	for _, c := range pickleCases(t).Decode {
		data := unhex(t, c.Pickle)
		for n := range min(len(data), 500) {
			if _, err := newPickle(t, 0).Decode(data[:n]); !errors.Is(err, sessions.ErrCorrupt) {
				t.Fatalf("%s, protocol %d, %d bytes: %v", c.Name, c.Protocol, n, err)
			}
		}
	}
}

func TestPickleOptions(t *testing.T) {
	for _, o := range []PickleOptions{{Protocol: 3}, {Protocol: 6}, {Protocol: -1}, {Limit: -1}} {
		if _, err := NewPickle(o); err == nil {
			t.Errorf("%+v accepted", o)
		}
	}
	v := valuesOf(sessions.Member{Name: "a", JSON: `"0123456789"`})
	data, err := newPickle(t, 0).Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	for limit := 1; limit < len(data)+2; limit++ {
		c, err := NewPickle(PickleOptions{Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		_, encodeErr := c.Encode(v)
		_, decodeErr := c.Decode(data + "tail")
		if limit < len(data) {
			if !errors.Is(encodeErr, pickle.ErrLimit) || !errors.Is(decodeErr, pickle.ErrLimit) {
				t.Errorf("limit %d: %v, %v", limit, encodeErr, decodeErr)
			}
		} else if encodeErr != nil || decodeErr != nil {
			t.Errorf("limit %d: %v, %v", limit, encodeErr, decodeErr)
		}
	}
}

// Encode refuses what no Decode gave.
func TestPickleEncodeErrors(t *testing.T) {
	for name, m := range map[string]sessions.Member{
		"neither":            {Name: "a"},
		"bad name":           {Name: "a\x80", JSON: "1"},
		"bad JSON":           {Name: "a", JSON: "[1"},
		"two values":         {Name: "a", JSON: "1 2"},
		"JSON not ASCII":     {Name: "a", JSON: "\"\x80\""},
		"fragment with tail": {Name: "a", Opaque: "N.N"},
		"unhashable key":     {Name: notStr + "].", Opaque: "N."},
		"too many digits":    {Name: "a", JSON: strings.Repeat("1", 4301)},
	} {
		var encodeError *sessions.EncodeError
		if data, err := newPickle(t, 0).Encode(valuesOf(m)); !errors.As(err, &encodeError) || data != "" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	deep := sessions.Member{Name: "a", JSON: strings.Repeat("[", 1000) + strings.Repeat("]", 1000)}
	if _, err := newPickle(t, 0).Encode(valuesOf(deep)); !errors.Is(err, pickle.ErrLimit) {
		t.Errorf("deeper than is read: %v", err)
	}
	deep.JSON = deep.JSON[1:1999]
	data, err := newPickle(t, 0).Encode(valuesOf(deep))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := newPickle(t, 0).Decode(data); err != nil || members(v)[0] != deep {
		t.Errorf("as deep as is read: %v", err)
	}
}

// Of a key that comes twice the later value counts, in the first one's place.
func TestPickleDuplicateKeys(t *testing.T) {
	safe := "\x8c\x17django.utils.safestring\x8c\x0aSafeString\x93\x8c\x01a\x85\x81"
	data := "\x80\x04}(\x8c\x01aK\x01\x8c\x01bK\x02" + safe + "K\x03u."
	v, err := newPickle(t, 0).Decode(data)
	want := []sessions.Member{{Name: "a", JSON: "3"}, {Name: "b", JSON: "2"}}
	if !slices.Equal(members(v), want) || err != nil {
		t.Errorf("%q, %v", members(v), err)
	}
}
