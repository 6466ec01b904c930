package codec

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/pickle"
)

// samePlainRead compares the two ways of reading. It reports whether the short
// one was taken.
func samePlainRead(t *testing.T, data string, limit int) bool {
	t.Helper()
	got, n, ok := readPlain(data, limit)
	if !ok {
		if got.Len() != 0 || n != 0 {
			t.Fatalf("%q: nothing, but %d bytes of %q", data, n, members(got))
		}
		return false
	}
	want, wantN, err := readTree(data, limit)
	if err != nil || n != wantN || !slices.Equal(members(got), members(want)) {
		t.Fatalf("%q, limit %d:\n     plain %d, %q\nby a tree %d, %q, %v", data, limit, n, members(got), wantN, members(want), err)
	}
	return true
}

// samePlainWrite compares the two ways of writing.
func samePlainWrite(t *testing.T, v sessions.Values, protocol, limit int) bool {
	t.Helper()
	got, ok := writePlain(&v, protocol, limit)
	if !ok {
		return false
	}
	want, err := writeTree(&v, protocol, limit)
	if err != nil || got != want {
		t.Fatalf("%q, protocol %d, limit %d:\n     plain %q\nby a tree %q, %v", members(v), protocol, limit, got, want, err)
	}
	return true
}

// What Django stores in practice goes the short way, in both directions.
func TestPlainPickles(t *testing.T) {
	var file struct{ Cases []struct{ ID, Pickle string } }
	readJSON(t, "pickle_vectors.json", &file)
	for _, c := range file.Cases {
		data := unhex(t, c.Pickle)
		v, _, _ := readTree(data, 1<<20)
		read, written := samePlainRead(t, data, 1<<20), samePlainWrite(t, v, int(data[1]), 1<<20)
		if want := !strings.HasSuffix(c.ID, "/bigints"); read != want || written != (want && v.Len() > 0) {
			t.Errorf("%s: read %v, written %v", c.ID, read, written)
		}
	}
	for _, c := range pickleCases(t).Decode {
		samePlainRead(t, unhex(t, c.Pickle)+"a tail", 16<<20)
	}
	for _, c := range pickleCases(t).Refuse {
		samePlainRead(t, unhex(t, c.Pickle), 16<<20)
	}
}

// pickler writes random pickles of the opcodes that the short way knows, most of
// them legal.
type pickler struct {
	*rand.Rand
	b    []byte
	memo int
}

func (p *pickler) op(b ...byte) { p.b = append(p.b, b...) }

func (p *pickler) memoize() {
	if p.IntN(4) > 0 {
		p.op(0x94)
		p.memo++
	}
}

func (p *pickler) str() {
	if p.memo > 0 && p.IntN(4) == 0 {
		p.op('h', byte(p.IntN(min(p.memo, 250))))
		return
	}
	texts := []string{"", "a", "b", "id", "ä", "\xed\xa0\x80", "\xed\xa0\x80\xed\xb0\x80", "\"\\\n\x7f", "\xff", "💥", strings.Repeat("x", 300)}
	text := texts[p.IntN(len(texts))]
	if p.IntN(8) > 0 {
		text = texts[p.IntN(5)]
	}
	if len(text) < 256 && p.IntN(4) > 0 {
		p.op(0x8c, byte(len(text)))
	} else {
		p.op('X', byte(len(text)), byte(len(text)>>8), 0, 0)
	}
	p.op([]byte(text)...)
	p.memoize()
}

func (p *pickler) value(depth int) {
	kinds := 12
	if depth > 5 {
		kinds = 10
	}
	switch p.IntN(kinds) {
	case 0:
		p.op('N')
	case 1:
		p.op(0x88 + byte(p.IntN(2)))
	case 2:
		p.op('K', byte(p.Uint32()))
	case 3:
		p.op('M', byte(p.Uint32()), byte(p.Uint32()))
	case 4:
		p.op('J', byte(p.Uint32()), byte(p.Uint32()), byte(p.Uint32()), byte(p.Uint32()))
	case 5:
		n := p.IntN(10)
		p.op(0x8a, byte(n))
		for range n {
			p.op(byte(p.Uint32()))
		}
	case 6:
		p.op('G')
		for range 8 {
			p.op(byte(p.Uint32()))
		}
	case 7, 8, 9:
		p.str()
	case 10:
		p.container(']', 'a', 'e', 1, depth)
	default:
		p.container('}', 's', 'u', 2, depth)
	}
}

func (p *pickler) container(empty, one, many byte, step, depth int) {
	p.op(empty)
	p.memoize()
	for p.IntN(3) > 0 {
		if p.IntN(3) == 0 {
			p.element(step, depth)
			p.op(one)
			continue
		}
		p.op('(')
		for range p.IntN(4) {
			p.element(step, depth)
		}
		p.op(many)
		if p.IntN(2) == 0 {
			return
		}
	}
}

func (p *pickler) element(step, depth int) {
	if p.IntN(100) == 0 {
		step++
	}
	if step == 2 {
		p.str()
	}
	p.value(depth + 1)
}

func TestPlainReadsRandomPickles(t *testing.T) {
	plain := 0
	for seed := range uint64(20000) {
		p := pickler{Rand: rand.New(rand.NewPCG(seed, 0)), b: []byte("\x80\x04")}
		if p.IntN(2) == 0 {
			p.op(0x95, byte(p.IntN(30)), 0, 0, 0, 0, 0, 0, 0)
		}
		p.container('}', 's', 'u', 2, 1)
		p.op('.')
		for range p.IntN(3) { // some damage
			if i := p.IntN(len(p.b)); p.IntN(3) == 0 {
				p.b[i] = "]}(aseuhK.\x94N"[p.IntN(12)]
			}
		}
		for _, limit := range []int{1 << 20, len(p.b), p.IntN(len(p.b))} {
			if samePlainRead(t, string(p.b)+"}.", limit) {
				plain++
			}
		}
	}
	if plain < 10000 {
		t.Errorf("only %d were plain", plain)
	}
}

// randomJSON is compact, and a little of it is none.
func randomJSON(r *rand.Rand, depth int) string {
	kinds := 8
	if depth > 4 {
		kinds = 6
	}
	strs := []string{`""`, `"a"`, `"b"`, `"id"`, `"\u00e9"`, `"\u00E9b"`, `"\ud800"`, `"\ud83d\ude00"`, `"\"\\\/\n\u007f"`, "\"\x7f\"", `"` + strings.Repeat("x", 254) + `"`, `"` + strings.Repeat("x", 256) + `"`}
	str := func() string { return strs[r.IntN(len(strs))] }
	switch r.IntN(kinds) {
	case 0:
		words := []string{"null", "true", "false", "NaN", "Infinity", "-Infinity", "nul", "Nan", "01", "-", "1.", "1e", `"\x"`, "\"\n\"", "\"é\"", "", " 1", `"a`}
		n := len(words)
		if r.IntN(20) > 0 {
			n = 6
		}
		return words[r.IntN(n)]
	case 1:
		return strconv.FormatInt(int64(r.Uint64())>>r.IntN(64), 10)
	case 2:
		floats := []string{"0", "-0", "0.0", "-0.0", "1.5", "1e400", "1E5", "1e-7", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1" + strings.Repeat("0", r.IntN(30))}
		return floats[r.IntN(len(floats))]
	case 3, 4, 5:
		return str()
	}
	var items []string
	isDict := r.IntN(2) == 0
	for range r.IntN(4) {
		item := randomJSON(r, depth+1)
		if isDict {
			item = str() + ":" + item
		}
		items = append(items, item)
	}
	sep := ","
	if r.IntN(20) == 0 {
		sep = ", "
	}
	if text := strings.Join(items, sep); isDict {
		return "{" + text + "}"
	} else {
		return "[" + text + "]"
	}
}

func TestPlainWritesRandomJSON(t *testing.T) {
	names := []string{"a", "b", "id", "_auth_user_id", "", "é", "\xed\xa0\x80", "\xff\x8c\x01a.", "\xff", "\"\x00"}
	plain := 0
	for seed := range uint64(20000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var v sessions.Values
		for range r.IntN(5) {
			m := sessions.Member{Name: names[r.IntN(len(names))], JSON: randomJSON(r, 0)}
			if r.IntN(50) == 0 {
				m.Opaque = "\x80\x04N."
			}
			v.Set(m)
		}
		limit := 1 << 20
		if r.IntN(10) == 0 {
			limit = r.IntN(100)
		}
		protocol := 4 + r.IntN(2)
		if samePlainWrite(t, v, protocol, limit) {
			plain++
			data, _ := writePlain(&v, protocol, limit)
			if !samePlainRead(t, data, limit) {
				t.Errorf("%q is written, but not read", members(v))
			}
		}
	}
	if plain < 7000 {
		t.Errorf("only %d were plain", plain)
	}
}

// Where Append begins a new batch, frame or depth.
func TestPlainBorders(t *testing.T) {
	list := func(item string, n int) string {
		return "[" + strings.Repeat(item+",", n-1) + item + "]"
	}
	dict := func(n int) string {
		var items []string
		for i := range n {
			items = append(items, `"`+strconv.Itoa(i)+`":0`)
		}
		return "{" + strings.Join(items, ",") + "}"
	}
	for _, n := range []int{1, 2, 63, 64, 253, 254, 255, 256, 257, 998, 999, 1000, 1001, 2000, 2001} {
		for _, c := range []struct {
			text  string
			plain bool
		}{
			{list("0", n), n < 1000},
			{list("{}", n), n < 1000},
			{list(`"a"`, n), n < 1000},
			{list(`{"a":"a"}`, n), n < 1000},
			{`[` + list("{}", n) + `,{"b":0},{"b":0}]`, n < 1000}, // b's place in the memo
			{dict(n), n < 64},
			{"{" + strings.Trim(list(`"a":0`, n), "[]") + "}", n < 1000},
			{strings.Repeat("[", n) + strings.Repeat("]", n), n < 1000},
			{strings.Repeat(`{"a":`, n) + "0" + strings.Repeat("}", n), n < 1000},
			{`"` + strings.Repeat("x", 65536-14-1000+n) + `"`, n < 1000},
		} {
			for _, v := range []sessions.Values{
				valuesOf(sessions.Member{Name: "m", JSON: c.text}),
				valuesOf(sessions.Member{Name: "m", JSON: c.text}, sessions.Member{Name: "n", JSON: c.text[:min(len(c.text), 2000)]}),
			} {
				if plain := samePlainWrite(t, v, 5, 1<<20); plain != c.plain && v.Len() == 1 {
					t.Errorf("%.100s, %d: plain is %v", c.text, n, plain)
				}
				if data, err := writeTree(&v, 5, 1<<20); err == nil && !samePlainRead(t, data, 1<<20) {
					t.Errorf("%.100s, %d: not read", c.text, n)
				}
			}
		}
	}
	for n := 65500; n < 65540; n++ {
		samePlainWrite(t, valuesOf(sessions.Member{Name: "m", JSON: `"` + strings.Repeat("x", n) + `"`}), 5, 1<<20)
	}
	for _, n := range []int{0, 1, 2, 47, 48, 63, 64, 65, 998, 999, 1000, 1001} {
		var v sessions.Values
		for i := range n {
			v.Set(sessions.Member{Name: strconv.Itoa(i), JSON: "0"})
		}
		samePlainWrite(t, v, 4, 1<<20)
		data, err := writeTree(&v, 4, 1<<20)
		if err != nil || !samePlainRead(t, data, 1<<20) {
			t.Errorf("%d members: %v", n, err)
		}
	}
}

// What Parse refuses as too much is not read.
func TestPlainLimits(t *testing.T) {
	for name, data := range map[string]string{
		"opcodes":        "\x80\x04}" + strings.Repeat("\x94", pickle.MaxOps) + ".",
		"a str repeated": member("](" + binUnicode(strings.Repeat("x", 1000)) + "\x94" + strings.Repeat("h\x00", 100000) + "e"),
		"depth":          member(strings.Repeat("]", 1000) + strings.Repeat("a", 999)),
		"depth by marks": member(strings.Repeat("](", 1000) + strings.Repeat("e", 1000)),
	} {
		if _, _, err := readTree(data, 16<<20); !errors.Is(err, pickle.ErrLimit) || samePlainRead(t, data, 16<<20) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzPlainRead(f *testing.F) {
	for _, c := range pickleCases(f).Decode {
		if len(c.Pickle) < 4000 {
			f.Add(unhex(f, c.Pickle), 1<<20)
		}
	}
	f.Fuzz(func(t *testing.T, data string, limit int) {
		if limit >= 0 {
			samePlainRead(t, data, limit)
		}
	})
}

func FuzzPlainWrite(f *testing.F) {
	f.Add("a", `{"a":["a",{"a":"b"}]}`, "b", `-1.5e3`, 5, 1<<20)
	f.Fuzz(func(t *testing.T, name, json, name2, json2 string, protocol, limit int) {
		v := valuesOf(sessions.Member{Name: name, JSON: json}, sessions.Member{Name: name2, JSON: json2})
		samePlainWrite(t, v, 4+protocol&1, limit)
	})
}
