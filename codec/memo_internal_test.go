package codec

import (
	"hash/maphash"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// Strings with the same hash are different strings.
func TestMemoCollision(t *testing.T) {
	v := newVerified()
	v.add(7, "one", "the text of one", time.Time{})
	if v.find(7, "two") != nil {
		t.Error("two is taken for one")
	}
	if known := v.find(7, "one"); known == nil || known.what.text != "the text of one" {
		t.Errorf("one is %v", known)
	}
	for i := range memoWays { // of another hash, in the same set
		v.add(7+uint64(i+1)*memoSets*memoWays, "other", "", time.Time{})
	}
	v.add(7, "two", "the text of two", time.Time{})
	if v.find(7, "two") == nil || v.find(7, "one") != nil {
		t.Error("two has not taken the place of one")
	}
}

// What takes much memory is not remembered, whatever takes it.
func TestMemoBounds(t *testing.T) {
	long := strings.Repeat("x", memoSize+1)
	var many, large sessions.Values
	for i := range 300 {
		many.Set(sessions.Member{Name: string(rune('a'+i%26)) + string(rune('a'+i/26)), JSON: "1"})
	}
	large.Set(sessions.Member{Name: "a", Opaque: long})
	for _, row := range []struct {
		name, stored, text string
		values             sessions.Values
		kept               bool
	}{
		{"a small one", "stored", "text", sessions.Values{}, true},
		{"a long string", long, "text", sessions.Values{}, false},
		{"a long text", "stored", long[:memoText+1], sessions.Values{}, false},
		{"many members", "stored", "text", many, false},
		{"a large member", "stored", "text", large, false},
	} {
		v, p := newVerified(), newParsed(maphash.MakeSeed())
		hash := p.hash(row.stored)
		for range 3 {
			p.read(hash, row.stored, row.text, row.values, time.Time{})
		}
		if kept := p.find(hash, row.stored) != nil; kept != row.kept {
			t.Errorf("values of %s are remembered: %v", row.name, kept)
		}
		v.add(hash, row.stored, row.text, time.Time{})
		if kept := v.find(hash, row.stored) != nil; kept != (len(row.stored)+len(row.text) < memoText) {
			t.Errorf("the text of %s is remembered: %v", row.name, kept)
		}
	}
}
