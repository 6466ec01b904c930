package devices

import (
	"testing"

	"github.com/keepsake-go/sessions/cache"
)

// Whatever stands in an index opens to what was sealed for that user, or not at
// all; whatever a browser sends as a place in the list is one or is the beginning.
func FuzzNames(f *testing.F) {
	s, err := newSealer(secret)
	check(f, err)
	f.Add("7", s.seal("7", key))
	slack := []byte(s.seal("7", key)) // the last bit of the last character says nothing
	slack[len(slack)-1] ^= 'a' ^ 'b'
	f.Add("7", string(slack))
	f.Add("8", s.seal("7", key))
	f.Add("", "")
	f.Add("7", "1767323045678901.ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	f.Add("7", "-9223372036854775808.22222222222222222222222222")
	f.Add("7", `{"user":"7","devices":[{"s":"a","h":"b","c":9223372036854775807}]}`)
	index := &cacheIndex{cache.NewLocal(cache.LocalOptions{}), cache.Keys{}}
	f.Fuzz(func(t *testing.T, userID, text string) {
		if opened, err := s.open(userID, text); err == nil && s.seal(userID, opened) != text {
			t.Errorf("%q opens, and is not how it would be sealed", text)
		}
		if opened, err := s.open(userID, s.seal(userID, text)); text != "" && (err != nil || opened != text) {
			t.Errorf("%q, sealed, opens as %q, %v", text, opened, err)
		}
		if p := parsePosition(text); p != (Position{}) && parsePosition(p.String()) != p {
			t.Errorf("%q is the position %v", text, p)
		}
		if entries, err := index.read(userID, text); err == nil {
			again, _, err := index.write(userID, entries)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := index.read(userID, again); err != nil || len(back) != len(entries) {
				t.Errorf("%d entries come back as %d, %v", len(entries), len(back), err)
			}
		}
	})
}
