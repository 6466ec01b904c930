package sessions_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
)

type basket struct {
	Items []string `json:"items"`
	Total float64  `json:"total"`
}

// TestTypes: Get returns the default only for what is not there, and says when
// a value is of another type.
func TestTypes(t *testing.T) {
	m := newSite(t).Manager
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	key := kept(t, m, func(s *sessions.Session) {
		s.Set("int", 7)
		s.Set("float", 2.0)
		s.Set("text", "seven")
		s.Set("true", true)
		s.Set("null", nil)
		s.Set("huge", huge)
		s.Set("list", []int{1, 2})
		s.Set("basket", basket{[]string{"tea"}, 3})
		s.Set("nan", math.NaN())
		s.Set("raw", json.RawMessage(` { "b" : 1.50 , "a" : 12345678901234567890 } `))
	}).Key()
	open := func() *sessions.Session {
		s := m.Open(key)
		if err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s
	}

	s := open()
	equal(t, "stored", sessionText(s), `{"int":7,"float":2.0,"text":"seven","true":true,"null":null,"huge":`+huge.String()+
		`,"list":[1,2],"basket":{"items":["tea"],"total":3.0},"nan":NaN,"raw":{"b":1.50,"a":12345678901234567890}}`)
	equal(t, "int", sessions.Get(s, "int", 0), 7)
	equal(t, "int as a float", sessions.Get(s, "int", 0.0), 7.0)
	equal(t, "int as uint8", sessions.Get(s, "int", uint8(0)), 7)
	equal(t, "int as any", fmt.Sprintf("%T", sessions.Get[any](s, "int", nil)), "int64")
	equal(t, "float as any", fmt.Sprintf("%T", sessions.Get[any](s, "float", nil)), "float64")
	equal(t, "huge as any", fmt.Sprintf("%T %[1]v", sessions.Get[any](s, "huge", nil)), "*big.Int "+huge.String())
	equal(t, "huge", sessions.Get(s, "huge", big.NewInt(0)).String(), huge.String())
	equal(t, "absent", sessions.Get(s, "none", 5), 5)
	equal(t, "struct", fmt.Sprint(sessions.Get(s, "basket", basket{})), "{[tea] 3}")
	equal(t, "list", fmt.Sprint(sessions.Get[[]int](s, "list", nil)), "[1 2]")
	equal(t, "NaN", math.IsNaN(sessions.Get(s, "nan", 0.0)), true)
	equal(t, "RawMessage", string(sessions.Get[json.RawMessage](s, "raw", nil)), `{"b":1.50,"a":12345678901234567890}`)

	equal(t, "null is absent for an int", sessions.Get(s, "null", 5), 5)
	equal(t, "null is absent for a text", sessions.Get(s, "null", "d"), "d")
	five := 5
	equal(t, "null is a nil pointer", sessions.Get(s, "null", &five), nil)
	equal(t, "null is nil", sessions.Get[any](s, "null", 5), nil)
	equal(t, "null is JSON", string(sessions.Get[json.RawMessage](s, "null", nil)), "null")
	_, found, err := sessions.Lookup[int](s, "null")
	equal(t, "Lookup of null", fmt.Sprint(found, err), "false <nil>")
	equal(t, "no error so far", s.Err(), nil)

	for _, tt := range []struct {
		name string
		get  func(*sessions.Session) bool // the default came back
		look func(*sessions.Session) error
	}{
		{"text", func(s *sessions.Session) bool { return sessions.Get(s, "text", 5) == 5 }, look[int]("text")},
		{"int", func(s *sessions.Session) bool { return sessions.Get(s, "int", "d") == "d" }, look[string]("int")},
		{"float", func(s *sessions.Session) bool { return sessions.Get(s, "float", 5) == 5 }, look[int]("float")},
		{"huge", func(s *sessions.Session) bool { return sessions.Get(s, "huge", int64(5)) == 5 }, look[int64]("huge")},
		{"true", func(s *sessions.Session) bool { return sessions.Get(s, "true", 5) == 5 }, look[int]("true")},
		{"list", func(s *sessions.Session) bool { return len(sessions.Get(s, "list", basket{}).Items) == 0 }, look[basket]("list")},
		{"int", func(s *sessions.Session) bool { return !sessions.Get(s, "int", false) }, look[bool]("int")},
		{"basket", func(s *sessions.Session) bool { return sessions.Get(s, "basket", 5) == 5 }, look[int]("basket")},
	} {
		s := open()
		var typeError *sessions.TypeError
		if err := tt.look(s); !errors.As(err, &typeError) || typeError.Name != tt.name {
			t.Errorf("Lookup of %s: %v", tt.name, err)
		}
		equal(t, "Lookup's error is not kept", s.Err(), nil)
		if !tt.get(s) {
			t.Errorf("Get of %s did not return the default", tt.name)
		}
		first := s.Err()
		if !errors.As(first, &typeError) {
			t.Errorf("Get of %s: Err is %v", tt.name, first)
			continue
		}
		if text := first.Error(); strings.Contains(text, "seven") || strings.Contains(text, "tea") || strings.Contains(text, huge.String()) {
			t.Errorf("the error tells the value: %s", text)
		}
		sessions.Get(s, "list", 0)
		equal(t, "the first error is kept", s.Err(), first)
		s.Set("more", 1)
		if err := s.Save(t.Context()); !errors.Is(err, first) {
			t.Errorf("Save after a TypeError: %v", err)
		}
		equal(t, "nothing was saved", open().Has("more"), false)
	}
}

func look[T any](name string) func(*sessions.Session) error {
	return func(s *sessions.Session) error {
		_, _, err := sessions.Lookup[T](s, name)
		return err
	}
}

// TestWrongTypeIsLeftAlone: changes of a value of another type don't happen, and
// fail the save.
func TestWrongTypeIsLeftAlone(t *testing.T) {
	m := newSite(t).Manager
	for name, do := range map[string]func(*sessions.Session){
		"Update": func(s *sessions.Session) { sessions.Update(s, "a", func(n int) int { return n + 1 }) },
		"Pop":    func(s *sessions.Session) { sessions.Pop(s, "a", 0) },
		"SetDefault": func(s *sessions.Session) {
			equal(t, "SetDefault", sessions.SetDefault(s, "a", 5), 5)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := kept(t, m, func(s *sessions.Session) { s.Set("a", "text") })
			s.Set("b", 1)
			do(s)
			equal(t, "in memory", sessionText(s), `{"a":"text","b":1}`)
			var typeError *sessions.TypeError
			if err := s.Save(t.Context()); !errors.As(err, &typeError) {
				t.Errorf("Save: %v", err)
			}
			equal(t, "stored", sessionText(reload(t, m, s)), `{"a":"text"}`)
		})
	}
	s := kept(t, m, func(s *sessions.Session) { s.Set("a", nil); s.Set("b", basket{[]string{"x"}, 1}) })
	sessions.Update(s, "a", func(n int) int { return n + 1 }) // null counts as nothing
	sessions.Update(s, "b", func(b basket) basket { b.Total++; return b })
	equal(t, "Update", sessionText(s), `{"a":1,"b":{"items":["x"],"total":2.0}}`)
}

// TestEncodeError: what can't be stored fails the save, and is not there.
func TestEncodeError(t *testing.T) {
	m := newSite(t).Manager
	cycle := map[string]any{}
	cycle["self"] = cycle
	for name, do := range map[string]func(*sessions.Session){
		"channel":    func(s *sessions.Session) { s.Set("bad", make(chan int)) },
		"function":   func(s *sessions.Session) { s.Set("bad", func() {}) },
		"not UTF-8":  func(s *sessions.Session) { s.Set("bad", "\xff") },
		"name":       func(s *sessions.Session) { s.Set("bad\xff", 1) },
		"cycle":      func(s *sessions.Session) { s.Set("bad", cycle) },
		"in SetAll":  func(s *sessions.Session) { s.SetAll(map[string]any{"bad": make(chan int)}) },
		"SetDefault": func(s *sessions.Session) { sessions.SetDefault(s, "bad", make(chan int)) },
		"Update": func(s *sessions.Session) {
			sessions.Update(s, "bad", func(c chan int) chan int { return make(chan int) })
		},
		"broken JSON":  func(s *sessions.Session) { s.Set("bad", json.RawMessage(`{"a":`)) },
		"a marshaller": func(s *sessions.Session) { s.Set("bad", refusing{}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := kept(t, m, func(s *sessions.Session) { s.Set("a", 1) })
			do(s)
			s.Set("b", 2)
			equal(t, "in memory", sessionText(s), `{"a":1,"b":2}`)
			var encodeError *sessions.EncodeError
			if err := s.Err(); !errors.As(err, &encodeError) || !strings.HasPrefix(encodeError.Name, "bad") {
				t.Errorf("Err: %v", err)
			}
			equal(t, "Save", s.Save(t.Context()), s.Err())
			equal(t, "status", sessions.StatusCode(s.Err()), 500)
			equal(t, "stored", sessionText(reload(t, m, s)), `{"a":1}`)
		})
	}
	s := m.Open("")
	value := []int{1}
	s.Set("early", value)
	value[0] = 2
	equal(t, "Set encodes at once", sessionText(s), `{"early":[1]}`)
}

type refusing struct{}

func (refusing) MarshalJSON() ([]byte, error) { return nil, errors.New("no") }

// TestUntouchedValuesStay: what a request doesn't touch goes back byte for byte.
func TestUntouchedValuesStay(t *testing.T) {
	m := newSite(t).Manager
	var values sessions.Values
	for _, member := range []sessions.Member{
		{Name: "big", JSON: strings.Repeat("9", 400)},
		{Name: "float", JSON: "1E+05"},
		{Name: "spaced", JSON: `{ "b": [1,  2], "a": 0.10 }`},
		{Name: "lone \xed\xa0\x80", JSON: `"\ud800"`},
		{Name: "slash", JSON: `"\/\u0041"`},
		{Name: "n", JSON: "1"},
	} {
		values.Set(member)
	}
	s := m.Open("")
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := m.Encode(values)
	if err != nil {
		t.Fatal(err)
	}
	back, err := m.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	back.Set(sessions.Member{Name: "n", JSON: "2"})
	if text, err = m.Encode(back); err != nil {
		t.Fatal(err)
	}
	if back, err = m.Decode(text); err != nil {
		t.Fatal(err)
	}
	values.Set(sessions.Member{Name: "n", JSON: "2"})
	equal(t, "members", fmt.Sprintf("%q", members(values)), fmt.Sprintf("%q", members(back)))
}

func members(v sessions.Values) (all []sessions.Member) {
	for m := range v.All() {
		all = append(all, m)
	}
	return all
}

// TestReadAllocations notices when reading a value begins to allocate.
func TestReadAllocations(t *testing.T) {
	s := kept(t, newSite(t).Manager, func(s *sessions.Session) { s.Set("user", "12345"); s.Set("n", 7) })
	allocs := testing.AllocsPerRun(100, func() {
		if sessions.Get(s, "n", 0) != 7 || sessions.Get(s, "user", "") != "12345" {
			t.Error("not read")
		}
	})
	t.Logf("two Gets: %v allocations", allocs)
	if allocs > 2 {
		t.Errorf("two Gets allocate %v times", allocs)
	}
}
