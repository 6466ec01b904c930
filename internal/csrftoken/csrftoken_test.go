package csrftoken

import (
	"strings"
	"testing"
)

// These pairs are Django's: _mask_cipher_secret of 4.2.
func TestSecretOfDjangos(t *testing.T) {
	for token, want := range map[string]string{
		"G95qKtGbNgBoO0G5tjCk4hTEqcaKbYw0BmM603M6Hkd9gO7AIGbrihbgFoSoJUCi": "5nRQqKg54eMVCYBFpxJhoasMpmSOI6gs",
		"VJBjxBkolUSYEoaoO99Rv0NuDEWWKYtY3mzAt0vWrrABK2xOviAqQXL1Mlzk5Unf": "iN8r6zlIgHSNgOxARjBJv78HjRNyv64r",
		"p8J7qZvnNPmTMbKnuAXQtephW0MH4S8zXZyepxP8tYg5LHE0miDfYtJs2YeChN6x": "I1Zh9IuVQj4m9G4N2SQzFpulg8C5n588",
		"abcdefghijklmnopqrstuvwxyzABCDEF":                                 "abcdefghijklmnopqrstuvwxyzABCDEF",
	} {
		if got, ok := Secret(token); !ok || got != want {
			t.Errorf("%s, %v, not %s", got, ok, want)
		}
	}
}

func TestMaskIsFresh(t *testing.T) {
	secret, ok := Secret(New())
	if !ok || len(secret) != 32 {
		t.Fatalf("%d characters, %v", len(secret), ok)
	}
	one, two := Mask(secret), Mask(secret)
	if one == two || strings.Contains(one, secret) {
		t.Error("the mask hides nothing")
	}
	for _, token := range []string{one, two} {
		if got, ok := Secret(token); !ok || got != secret {
			t.Error("another secret behind the mask")
		}
	}
}

func TestNoTokens(t *testing.T) {
	for _, token := range []string{
		"", "a", strings.Repeat("a", 31), strings.Repeat("a", 33), strings.Repeat("a", 63), strings.Repeat("a", 65),
		strings.Repeat("a", 31) + "-", strings.Repeat("a", 15) + "\x00" + strings.Repeat("a", 16),
		strings.Repeat("a", 40) + "é" + strings.Repeat("a", 22), strings.Repeat("a", 10) + " " + strings.Repeat("a", 53),
	} {
		if _, ok := Secret(token); ok {
			t.Errorf("%q is a token", token)
		}
	}
}
