package sessions

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// text is v as "a=1 b=2".
func (v *Values) text() string {
	var all []string
	for m := range v.All() {
		all = append(all, m.Name+"="+m.JSON)
	}
	return strings.Join(all, " ")
}

func valuesOf(text string) Values {
	var v Values
	for pair := range strings.FieldsSeq(text) {
		name, json, _ := strings.Cut(pair, "=")
		v.Set(Member{Name: name, JSON: json})
	}
	return v
}

// TestValues follows a Values of every size around the one where it begins to
// use an index.
func TestValues(t *testing.T) {
	for _, size := range []int{0, 1, 2, indexFrom - 1, indexFrom, indexFrom + 1, 3 * indexFrom} {
		var v Values
		name := func(i int) string { return fmt.Sprint("k", i) }
		for i := range size {
			v.Set(Member{Name: name(i), JSON: "0"})
			v.Set(Member{Name: name(i), JSON: fmt.Sprint(i)})
		}
		check := func(from int) {
			t.Helper()
			if v.Len() != size-from {
				t.Fatalf("size %d: Len is %d", size, v.Len())
			}
			for i := range size + 1 {
				m, found := v.Get(name(i))
				if found != (i >= from && i < size) || found && m.JSON != fmt.Sprint(i) {
					t.Fatalf("size %d: %s is %v, %v", size, name(i), m, found)
				}
			}
			i := from
			for m := range v.All() {
				if m.Name != name(i) {
					t.Fatalf("size %d: %s comes as number %d", size, m.Name, i)
				}
				i++
			}
		}
		check(0)
		clone := v.Clone()
		for i := range size {
			if v.Delete("none") || !v.Delete(name(i)) || v.Delete(name(i)) {
				t.Fatal("Delete")
			}
			check(i + 1)
		}
		v = clone
		check(0)
		v.Clear()
		if v.Len() != 0 || clone.Len() != size {
			t.Errorf("Clear left %d, and %d in a copy", v.Len(), clone.Len())
		}
	}
}

// TestCloneSharesNothing: a change of either copy is not seen in the other.
func TestCloneSharesNothing(t *testing.T) {
	v := valuesOf("a=1 b=2 c=3")
	clone := v.Clone()
	v.Delete("a")
	v.Set(Member{Name: "b", JSON: "20"})
	clone.Set(Member{Name: "d", JSON: "4"})
	clone.Delete("c")
	if v.text() != "b=20 c=3" || clone.text() != "a=1 b=2 d=4" {
		t.Errorf("%s | %s", v.text(), clone.text())
	}
}

// TestReplay makes each kind of edit on what others have stored meanwhile.
func TestReplay(t *testing.T) {
	add := func(latest Member, found bool) (Member, error) {
		if !found {
			latest = Member{Name: "a", JSON: "none"}
		}
		latest.JSON += "+1"
		return latest, nil
	}
	a1 := Member{Name: "a", JSON: "1"}
	refused := errors.New("refused")
	for _, tt := range []struct {
		name        string
		edits       []edit
		fresh, want string
		err         error
	}{
		{"set", []edit{{op: opSet, name: "a", member: a1}}, "a=5 b=2", "a=1 b=2", nil},
		{"set of what went away", []edit{{op: opSet, name: "a", member: a1}}, "b=2", "b=2 a=1", nil},
		{"delete", []edit{{op: opDelete, name: "a"}}, "a=5 b=2", "b=2", nil},
		{"delete of what went away", []edit{{op: opDelete, name: "a"}}, "b=2", "b=2", nil},
		{"update", []edit{{op: opUpdate, name: "a", update: add}}, "a=5 b=2", "a=5+1 b=2", nil},
		{"update of what went away", []edit{{op: opUpdate, name: "a", update: add}}, "b=2", "b=2 a=none+1", nil},
		{"two updates", []edit{{op: opUpdate, name: "a", update: add}, {op: opUpdate, name: "a", update: add}}, "a=5", "a=5+1+1", nil},
		{"set, then update", []edit{{op: opSet, name: "a", member: a1}, {op: opUpdate, name: "a", update: add}}, "a=5", "a=1+1", nil},
		{"setdefault", []edit{{op: opSetDefault, name: "a", member: a1}}, "b=2", "b=2 a=1", nil},
		{"setdefault, taken meanwhile", []edit{{op: opSetDefault, name: "a", member: a1}}, "a=5", "a=5", nil},
		{"pop", []edit{{op: opPop, name: "a", member: a1}}, "a=1 b=2", "b=2", nil},
		{"pop of what went away", []edit{{op: opPop, name: "a", member: a1}}, "b=2", "b=2", ErrTaken},
		{"pop of what was changed", []edit{{op: opPop, name: "a", member: a1}}, "a=5", "a=5", ErrTaken},
		{"pop of what is spelled otherwise", []edit{{op: opPop, name: "a", member: a1}}, "a=1.0", "a=1.0", ErrTaken},
		{"set, then pop", []edit{{op: opSet, name: "a", member: a1}, {op: opPop, name: "a", member: a1}}, "a=5 b=2", "b=2", nil},
		{"clear", []edit{{op: opClear}}, "a=5 b=2", "", nil},
		{"clear, then set", []edit{{op: opClear}, {op: opSet, name: "a", member: a1}}, "b=2 c=3", "a=1", nil},
		{"set, then clear", []edit{{op: opSet, name: "a", member: a1}, {op: opClear}}, "b=2", "", nil},
		{"refused", []edit{{op: opUpdate, name: "a", update: func(Member, bool) (Member, error) { return Member{}, refused }}}, "a=1", "a=1", refused},
	} {
		v := valuesOf(tt.fresh)
		if err := replay(tt.edits, &v); !errors.Is(err, tt.err) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := v.text(); got != tt.want {
			t.Errorf("%s on %q: %q, want %q", tt.name, tt.fresh, got, tt.want)
		}
	}
}

// TestCombine: who is refused changes nothing, and the others don't notice.
func TestCombine(t *testing.T) {
	set := func(name, json string) *change {
		return &change{edits: []edit{{op: opSet, name: name, member: Member{Name: name, JSON: json}}}}
	}
	spend := func() *change {
		return &change{edits: []edit{{op: opSet, name: "half", member: Member{Name: "half", JSON: "done"}}, {op: opPop, name: "token", member: Member{Name: "token", JSON: "t"}}}}
	}
	panics := &change{edits: []edit{{op: opUpdate, name: "a", update: func(Member, bool) (Member, error) { panic("mine") }}}}
	first, second, again := set("a", "1"), set("b", "2"), set("a", "3")
	winner, loser := spend(), spend()
	stored := valuesOf("token=t x=0")
	after, written := combine(stored, []*change{first, winner, panics, loser, second, again})
	if got := after.text(); got != "x=0 a=3 half=done b=2" {
		t.Errorf("the result is %q", got)
	}
	if len(written) != 4 || written[0] != first || written[1] != winner || written[2] != second || written[3] != again {
		t.Errorf("%d are written", len(written))
	}
	var panicked *updatePanic
	if !errors.As(panics.err, &panicked) || panicked.value != "mine" || !errors.Is(loser.err, ErrTaken) || first.err != nil || again.err != nil {
		t.Errorf("errors: %v, %v", panics.err, loser.err)
	}
	if stored.text() != "token=t x=0" {
		t.Error("combine changed what it was given")
	}
}

// Copies that share their members, and by now their index, part when one is changed.
func TestSharedIndex(t *testing.T) {
	var v Values
	for i := range indexFrom {
		v.Set(Member{Name: fmt.Sprint("k", i), JSON: "0"})
	}
	one := v.Shared()
	one.Get("k0") // makes the index
	two := one
	one.Set(Member{Name: "new", JSON: "1"})
	one.Delete("k0")
	if m, found := two.Get("new"); found {
		t.Errorf("the other one has %v", m)
	}
	if _, found := two.Get("k0"); !found || two.text() != v.text() {
		t.Errorf("the other one is %s", two.text())
	}
}
