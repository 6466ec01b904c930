package tests

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/keepsake-go/sessions"
)

// Copies of shared values are each its owner's: whatever one does to his, he has
// what a map would have, and nobody else sees it.
func TestSharedValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const indexed = 24 // members from which a session has an index
		text := func(v sessions.Values) (text string) {
			for m := range v.All() {
				text += m.Name + "=" + m.JSON + " "
			}
			return text
		}
		var first sessions.Values
		for i := range rapid.SampledFrom([]int{0, 3, indexed - 1, indexed, indexed + 4}).Draw(t, "size") {
			first.Set(sessions.Member{Name: fmt.Sprint("k", i), JSON: "0"})
		}
		shared := first.Shared()
		want := text(shared)
		copies := []sessions.Values{shared, shared, shared}
		clones := []sessions.Values{first.Clone(), first.Clone(), first.Clone()}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			i := rapid.IntRange(0, len(copies)-1).Draw(t, "whose")
			name := fmt.Sprint("k", rapid.IntRange(0, indexed+8).Draw(t, "name"))
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				m := sessions.Member{Name: name, JSON: fmt.Sprint(rapid.IntRange(1, 9).Draw(t, "value"))}
				copies[i].Set(m)
				clones[i].Set(m)
			case 1:
				if copies[i].Delete(name) != clones[i].Delete(name) {
					t.Fatalf("Delete of %s", name)
				}
			case 2:
				copies[i].Grow(3)
			case 3:
				copies[i] = copies[i].Shared()
				copies = append(copies, copies[i])
				clones = append(clones, clones[i].Clone())
			}
			if first.Delete("k0") { // who has shared it goes on with his own
				first.Set(sessions.Member{Name: "k1", JSON: "1"})
			}
			for i := range copies {
				if got, want := text(copies[i]), text(clones[i]); got != want {
					t.Fatalf("copy %d is %s, not %s", i, got, want)
				}
				for n := range indexed + 9 {
					name := fmt.Sprint("k", n)
					got, found := copies[i].Get(name)
					if expected, is := clones[i].Get(name); got != expected || found != is {
						t.Fatalf("copy %d: %s is %v, %v", i, name, got, found)
					}
				}
			}
		}
		if text(shared) != want {
			t.Fatalf("what is shared has become %s", text(shared))
		}
	})
}
