//lint:file-ignore SA5008 odd tags are what is tested
//lint:file-ignore U1000 and fields that nobody sees

package pyjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Types without floats and text in ASCII: here encoding/json is right about
// everything.

type (
	byValue   struct{ N int }
	byPointer struct{ N int }
	asText    struct{ N int }
	textPtr   int
	both      int // text by value, JSON by pointer
	nilList   []int
	byteType  byte
	byteText  byte
	intKey    int
)

func (v byValue) MarshalJSON() ([]byte, error)    { return fmt.Appendf(nil, ` { "v" : %d } `, v.N), nil }
func (v *byPointer) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `"p%d"`, v.N), nil }
func (v asText) MarshalText() ([]byte, error)     { return fmt.Appendf(nil, "t%d", v.N), nil }
func (v *textPtr) MarshalText() ([]byte, error)   { return fmt.Appendf(nil, "tp%d", *v), nil }
func (v both) MarshalText() ([]byte, error)       { return []byte("text"), nil }
func (v *both) MarshalJSON() ([]byte, error)      { return []byte(`"json"`), nil }
func (v nilList) MarshalJSON() ([]byte, error)    { return fmt.Appendf(nil, `"%d items"`, len(v)), nil }
func (v byteText) MarshalText() ([]byte, error)   { return []byte{'b', byte(v)}, nil }

type (
	Embedded struct {
		A, B int
		C    int `json:"c"`
	}
	EmbeddedToo struct {
		B, D int
		C    string `json:"c"`
	}
	hidden struct{ H, A int }
	Deep   struct {
		Embedded
		E int
	}
	Twin1     struct{ Base }
	Twin2     struct{ Base }
	Base      struct{ X, Y int }
	Recursive struct {
		R    int
		Next *Recursive
		*Embedded
	}
	Iface     interface{ IsZero() bool }
	Number    int
	unnumber  int
	zeroer    struct{ n int }
	zeroerPtr struct{ N int }
)

func (z zeroer) IsZero() bool     { return z.n == 5 }
func (z *zeroerPtr) IsZero() bool { return z.N == 5 }

type everything struct {
	Plain     string
	Renamed   string          `json:"re-named"`
	Dash      int             `json:"-"`
	DashName  int             `json:"-,"`
	BadName   int             `json:"a\"b"`
	OddName   int             `json:"!#$%&()*+-./:;<=>?@[]^_{|}~ 9"`
	Empty1    string          `json:",omitempty"`
	Empty2    []int           `json:",omitempty"`
	Empty3    map[string]int  `json:",omitempty"`
	Empty4    *int            `json:",omitempty"`
	Empty5    any             `json:"e5,omitempty"`
	Empty6    [0]int          `json:",omitempty"`
	Empty7    struct{}        `json:",omitempty"`
	Empty8    uint8           `json:",omitempty"`
	Empty9    time.Time       `json:",omitempty"`
	Zero1     time.Time       `json:",omitzero"`
	Zero2     struct{ N int } `json:",omitzero"`
	Zero3     []int           `json:",omitzero"`
	Zero4     zeroer          `json:",omitzero"`
	Zero5     *zeroer         `json:",omitzero"`
	Zero6     zeroerPtr       `json:",omitzero"`
	Zero7     Iface           `json:",omitzero"`
	Zero8     [2]int          `json:",omitzero,omitempty"`
	Quoted1   int             `json:",string"`
	Quoted2   bool            `json:",string,omitempty"`
	Quoted3   string          `json:",string"`
	Quoted4   *int            `json:",string"`
	Quoted5   []int           `json:",string"`
	Quoted6   **int           `json:",string"`
	Quoted7   textPtr         `json:",string"`
	Quoted8   json.Number     `json:",string"`
	Quoted9   any             `json:",string"`
	Bytes     []byte
	Array     [3]byte
	Named     []byteType
	Texts     []byteText
	Ints      map[intKey]string
	TextKeys  map[asText]int
	Uints     map[uint8]bool
	Map       map[string]any
	MapNil    map[string]int
	Nested    []map[string][]any
	Value     byValue
	Pointer   byPointer
	PointerTo *byPointer
	Text      asText
	TextTo    *asText
	Both      both
	BothTo    *both
	List      nilList
	Marshaler json.Marshaler
	Interface any
	Raw       json.RawMessage
	Big       *big.Int
	BigValue  big.Int
	Number    json.Number
	Addr      netip.Addr
	Time      time.Time
	Duration  time.Duration
	PP        ***string
	unseen    int
}

// structOf makes a struct that vet would not let pass: values of structs are
// embedded, others follow the name and tag of their field.
func structOf(parts ...any) any {
	var fields []reflect.StructField
	var values []reflect.Value
	for i := 0; i < len(parts); i++ {
		f := reflect.StructField{Anonymous: true}
		if text, ok := parts[i].(string); ok {
			name, tag, _ := strings.Cut(text, " ")
			f = reflect.StructField{Name: name, Tag: reflect.StructTag(strings.Trim(tag, "`"))}
			i++
		}
		v := reflect.ValueOf(parts[i])
		if f.Type = v.Type(); f.Anonymous {
			f.Name = f.Type.Name()
		}
		fields, values = append(fields, f), append(values, v)
	}
	s := reflect.New(reflect.StructOf(fields)).Elem()
	for i, v := range values {
		s.Field(i).Set(v)
	}
	return s.Interface()
}

func samples() []any {
	n, s := 7, "s"
	pn, ps := &n, &s
	pps := &ps
	tp := textPtr(3)
	full := everything{
		Plain: "<a>&\"b\"\n\x00", Renamed: "r", Dash: 1, DashName: 2, BadName: 3, OddName: 4, Empty1: "x", Empty2: []int{0}, Empty3: map[string]int{"": 0},
		Empty4: pn, Empty5: 0, Empty8: 1, Zero1: time.Unix(1e9, 5).UTC(), Zero3: []int{}, Zero4: zeroer{5}, Zero5: &zeroer{5}, Zero6: zeroerPtr{5}, Zero7: zeroer{5},
		Quoted1: 1, Quoted2: true, Quoted3: "q\"\n", Quoted4: pn, Quoted5: []int{1}, Quoted6: &pn, Quoted7: 1, Quoted8: "12", Quoted9: 1,
		Bytes: []byte("hello"), Array: [3]byte{1, 2, 3}, Named: []byteType{1, 2}, Texts: []byteText{'x', 'y'}, Ints: map[intKey]string{10: "a", 9: "b", -1: "c"},
		TextKeys: map[asText]int{{2}: 1, {10}: 2}, Uints: map[uint8]bool{2: true, 10: false}, Map: map[string]any{"b": nil, "a": []any{1, "x", true}, "": map[string]any{}},
		Nested: []map[string][]any{nil, {"k": nil, "l": {byValue{1}, &byPointer{2}, byPointer{3}}}}, Value: byValue{4}, Pointer: byPointer{5}, PointerTo: &byPointer{6},
		Text: asText{7}, TextTo: &asText{8}, BothTo: new(both), List: nilList{1, 2}, Marshaler: byValue{9}, Interface: &tp, Raw: json.RawMessage("{ \"r\" :\t[ ] }"),
		Big: big.NewInt(1 << 60), Number: "-1.5e3", Addr: netip.MustParseAddr("::1"), Time: time.Unix(0, 0).UTC(), Duration: 5, PP: &pps,
	}
	return []any{
		everything{},
		&everything{}, full, &full,
		[]everything{full},
		[]*everything{&full, nil},
		map[string]everything{"f": full},
		[1]everything{full},
		struct{ Embedded }{Embedded{1, 2, 3}},
		struct{ *Embedded }{},
		struct{ *Embedded }{&Embedded{1, 2, 3}},
		structOf(Embedded{1, 2, 3}, EmbeddedToo{4, 5, "6"}),
		structOf(Embedded{1, 2, 3}, EmbeddedToo{4, 5, "6"}, "B `json:\",omitempty\"`", "x"),
		structOf("A `json:\"x\"`", 1, "B `json:\"x\"`", 2, "C `json:\"X\"`", 3),
		struct {
			Embedded `json:"named"`
			C        int `json:"c"`
		}{Embedded{1, 2, 3}, 4},
		struct {
			Embedded `json:"-"`
			A        string
		}{A: "a"},
		struct {
			hidden
			*Deep
		}{hidden{1, 2}, &Deep{E: 3}},
		struct {
			hidden `json:"h"`
			A      int
		}{hidden{1, 2}, 3},
		struct {
			hidden `json:"h,omitzero"`
			A      int
		}{hidden{}, 3},
		struct {
			Twin1
			Twin2
		}{},
		struct {
			Twin1
			Twin2
			Base
		}{},
		struct {
			Twin1
			Twin2
			X int
		}{X: 1},
		struct {
			*Twin1
			B Base `json:"Y"`
		}{&Twin1{Base{1, 2}}, Base{3, 4}},
		Recursive{R: 1, Next: &Recursive{R: 2, Embedded: &Embedded{A: 5}}},
		struct{ Number }{1},
		struct{ unnumber }{1},
		struct{ *Number }{},
		struct{ Iface }{zeroer{1}},
		struct {
			A int `json:"B"`
			B int
		}{1, 2},
		struct{ time.Time }{time.Unix(5, 0).UTC()},
		struct {
			time.Time
			netip.Addr
		}{time.Unix(5, 0).UTC(), netip.MustParseAddr("::1")},
		full.Pointer, &full.Pointer,
		[]byPointer{{1}},
		map[string]byPointer{"a": {1}},
		[1]byPointer{{1}},
		&[1]byPointer{{1}},
		struct{ P *byPointer }{},
		tp, &tp,
		[]textPtr{1},
		map[string]textPtr{"": 1},
		both(1),
		[]both{1},
		nilList(nil), (*byValue)(nil),
		map[*asText]int{nil: 1},
		map[*asText]int{{4}: 1},
		[]byte(nil),
		[]byte{},
		[]byteText(nil),
		[0]int{},
		[][]string{nil, {}, {"a"}},
		map[string]string{"z": "", "a": "~"},
		map[int64]any{-1: 1, 1: nil},
		uint16(3), int8(-3), uintptr(9), json.Number("12"), time.Duration(5),
		struct{}{},
		[]any{struct{}{}},
		big.NewInt(5), *big.NewInt(5), any(nil),
		[]error{nil},
		[]fmt.Stringer{time.Duration(1)},
		map[string]json.Marshaler{"a": nil, "b": byValue{1}},
	}
}

func TestAsEncodingJSON(t *testing.T) {
	for i, v := range samples() {
		got, err := Marshal(v)
		want, wantErr := encodingJSON(v)
		if got != want || (err == nil) != (wantErr == nil) {
			t.Errorf("%d %T:\n%s, %v\nencoding/json:\n%s, %v", i, v, got, err, want, wantErr)
		}
		if err != nil || v == nil {
			continue
		}
		// What was read is written the same.
		back := reflect.New(reflect.TypeOf(v))
		again := reflect.New(reflect.TypeOf(v))
		err = Unmarshal(got, back.Interface())
		wantErr = json.Unmarshal([]byte(want), again.Interface())
		if (err == nil) != (wantErr == nil) {
			t.Errorf("%d %T: %v, encoding/json: %v", i, v, err, wantErr)
		}
		text, err := Marshal(back.Interface())
		want, wantErr = encodingJSON(again.Interface())
		if text != want || err != nil || wantErr != nil {
			t.Errorf("%d %T, read:\n%s, %v\nencoding/json:\n%s, %v", i, v, text, err, want, wantErr)
		}
	}
}

func encodingJSON(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	// As Python escapes it, and encoding/json does not.
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`), err
}
