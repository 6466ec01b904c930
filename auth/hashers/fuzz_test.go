package hashers

import (
	"context"
	"errors"
	"testing"
)

// FuzzCheck: whatever lies in the column is checked or refused with one of the
// errors, without a panic and without more work than allowed. What is accepted
// for a password is refused for another one.
func FuzzCheck(f *testing.F) {
	h, err := New(Options{Hashers: allAlgorithms, Factors: cheap})
	if err != nil {
		f.Fatal(err)
	}
	for name, a := range h.algorithms {
		h.limits[name] = a.cost().times(4) // to be fast
	}
	f.Add("", "!") // the corpus has a hash of each algorithm
	f.Fuzz(func(t *testing.T, password, encoded string) {
		ctx := context.Background()
		ok, err := h.Check(ctx, password, encoded)
		switch {
		case err != nil:
			if ok || !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnknownAlgorithm) && !errors.Is(err, ErrTooExpensive) {
				t.Fatalf("%q: %v, %v", encoded, ok, err)
			}
			if h.MustUpdate(encoded) {
				t.Fatalf("%q can't be checked and must be updated", encoded)
			}
		case ok:
			if wrong, err := h.Check(ctx, "x"+password, encoded); wrong || err != nil {
				if name, _, _ := identify(encoded); name != BCrypt || len(password) < maxPassword {
					t.Fatalf("%q fits %q as well: %v", encoded, "x"+password, err)
				}
			}
		}
	})
}
