package sessions

import (
	"encoding/json"
	"iter"
	"slices"

	"github.com/keepsake-go/sessions/internal/pyjson"
)

// Member is one value of a session, as it is stored. Members are comparable:
// equal ones are the same value in the same spelling.
type Member struct {
	// Name is the key in the session's dictionary: UTF-8, or what Python wrote
	// with lone surrogates, each as its three bytes.
	Name string

	// JSON is the value as JSON in ASCII, in the spelling in which it was
	// stored: Python's big integers and floats keep their digits.
	JSON string

	// Opaque stands in JSON's place for a value that JSON can't express (a
	// pickled datetime, say). Only the Codec that made it understands it. With
	// JSON beside it, that is how it reads, and Opaque what it is.
	Opaque string
}

// Values is a session's dictionary: its members in the order in which they were
// first set, as in Python. Nothing is decoded until it is asked for, and what
// nobody changes goes back byte for byte. The zero value is empty and ready. A
// Values is not safe for concurrent use; a copy by assignment shares its
// members, so use Clone.
type Values struct {
	members []Member
	index   map[string]int // nil while a scan is faster
	begun   bool           // Clear was called: see CycleKeyWith
	shared  bool           // others have these members: see Shared
}

const indexFrom = 24 // members; below it a scan beats a map

// Len is the number of members.
func (v *Values) Len() int { return len(v.members) }

// Grow makes room for n more members, for a Codec that knows how many will come.
func (v *Values) Grow(n int) {
	v.own()
	v.members = slices.Grow(v.members, n)
}

func (v *Values) find(name string) int {
	if len(v.members) < indexFrom {
		for i := range v.members {
			if v.members[i].Name == name {
				return i
			}
		}
		return -1
	}
	if v.index == nil {
		v.index = make(map[string]int, len(v.members)+8)
		for i := range v.members {
			v.index[v.members[i].Name] = i
		}
	}
	if i, ok := v.index[name]; ok {
		return i
	}
	return -1
}

// Shared returns v for several owners: each copy of it, made by assignment, may be
// changed without the others seeing it, and copies the members before its first
// change. Copies may be used at the same time, each by one goroutine. It is for a
// Codec that remembers what it has decoded.
func (v Values) Shared() Values {
	if !v.shared {
		v.members, v.index, v.shared = slices.Clone(v.members), nil, true
	}
	return v
}

// own makes the members those of v alone, with room for one more.
func (v *Values) own() {
	if v.shared {
		v.members = append(make([]Member, 0, len(v.members)+1), v.members...)
		v.shared, v.index = false, nil
	}
}

// Get returns the member of that name and whether there is one.
func (v *Values) Get(name string) (Member, bool) {
	if i := v.find(name); i >= 0 {
		return v.members[i], true
	}
	return Member{}, false
}

// Set puts m in the place of the member of its name, or at the end.
func (v *Values) Set(m Member) {
	v.own()
	if i := v.find(m.Name); i >= 0 {
		v.members[i] = m
		return
	}
	v.members = append(v.members, m)
	if v.index != nil {
		v.index[m.Name] = len(v.members) - 1
	}
}

// Delete removes the member of that name and reports whether there was one.
func (v *Values) Delete(name string) bool {
	i := v.find(name)
	if i < 0 {
		return false
	}
	v.own()
	v.members = slices.Delete(v.members, i, i+1)
	v.index = nil
	return true
}

// Clear removes every member.
func (v *Values) Clear() { *v = Values{begun: true} }

// clear is the session's Clear: an end that was set stays set.
func (v *Values) clear() {
	var kept []Member
	for _, name := range []string{idleName, untilName} {
		if m, found := v.Get(name); found {
			kept = append(kept, m)
		}
	}
	*v = Values{members: kept}
}

// All yields the members in order.
func (v *Values) All() iter.Seq[Member] { return slices.Values(v.members) }

// Clone returns a copy that shares nothing that changes.
func (v *Values) Clone() Values { return Values{members: slices.Clone(v.members)} }

// Decode reads the value of that name into what into points to, by the rules of
// encoding/json. It reports whether the value is there; null reads as absent
// unless into points to a pointer, an interface or a json.RawMessage. A value
// of another type is a *TypeError.
func (v *Values) Decode(name string, into any) (bool, error) {
	m, ok := v.Get(name)
	if !ok {
		return false, nil
	}
	return m.decode(into)
}

// Encode stores value under name as Session.Set does. The error is an
// *EncodeError.
func (v *Values) Encode(name string, value any) error {
	m, err := encode(name, value)
	if err != nil {
		return err
	}
	v.Set(m)
	return nil
}

func (m Member) decode(into any) (bool, error) {
	if m.JSON == "" {
		return false, &TypeError{Name: m.Name, Want: typeName(into), Err: errOpaque}
	}
	if raw, ok := into.(*json.RawMessage); ok {
		*raw = json.RawMessage(m.JSON)
		return true, nil
	}
	if m.JSON == "null" && !nullable(into) {
		return false, nil
	}
	if err := pyjson.Unmarshal(m.JSON, into); err != nil {
		return false, &TypeError{Name: m.Name, Want: typeName(into), Err: err}
	}
	return true, nil
}
