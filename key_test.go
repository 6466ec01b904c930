package sessions

import (
	"crypto/rand"
	"io"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions/internal/secrettest"
)

// TestSecurity02_NoCharacterIsFavoured: each of the 36 is equally likely.
func TestSecurity02_NoCharacterIsFavoured(t *testing.T) {
	defer func(marked io.Reader) { rand.Reader = marked }(rand.Reader)
	rand.Reader = secrettest.Unmarked()
	const keys = 20_000
	seen := make(map[string]bool, keys)
	var count [256]int
	for range keys {
		key := newKey()
		if len(key) != 32 || !ValidKey(key) || !assignableKey(key) || seen[key] {
			t.Fatalf("newKey made %q", key)
		}
		seen[key] = true
		for i := range len(key) {
			count[key[i]]++
		}
	}
	// Chi-square with 35 degrees of freedom: more than 90 has a probability of
	// one in a million; a remainder's bias would make it thousands.
	expected := float64(keys*32) / 36
	chi := 0.0
	for _, c := range keyAlphabet {
		d := float64(count[c]) - expected
		chi += d * d / expected
	}
	if chi > 90 {
		t.Errorf("the characters of keys are not equally likely: chi-square %.1f", chi)
	}
}

func TestValidKey(t *testing.T) {
	full := "abcdefghijklmnopqrstuvwxyz012345"
	for key, want := range map[string]struct{ valid, assignable bool }{
		full:                    {true, true},
		"abcdefgh":              {true, true},
		"00000000":              {true, true},
		strings.Repeat("a", 40): {true, true},
		strings.Repeat("a", 41): {false, true},
		"":                      {false, false},
		"abcdefg":               {false, false},
		"äöüäöüä":               {false, false}, // 7 characters, 14 bytes
		"äöüäöüäö":              {false, true},
		"ABCDEFGH":              {false, true},
		full[:31] + "A":         {false, true},
		full[:31] + "\x00":      {false, true},
		"../../../etc":          {false, true},
		"abcdefg ":              {false, true},
		"abcdefgh\n":            {false, true},
		"abcdefg'":              {false, true},
		"abcdefg`":              {false, true}, // next to a
		"abcdefg{":              {false, true}, // next to z
		"abcdefg/":              {false, true}, // next to 0
		"abcdefg:":              {false, true}, // next to 9
		"\xff\xff\xff\xff":      {false, false},
	} {
		if got := ValidKey(key); got != want.valid {
			t.Errorf("ValidKey(%q) = %v", key, got)
		}
		if got := assignableKey(key); got != want.assignable {
			t.Errorf("assignableKey(%q) = %v", key, got)
		}
	}
	for c := range 256 {
		key := "abcdefg" + string([]byte{byte(c)})
		if ValidKey(key) != (strings.IndexByte(keyAlphabet, byte(c)) >= 0) {
			t.Errorf("ValidKey(%q) = %v", key, ValidKey(key))
		}
	}
}

func TestKeyHash(t *testing.T) {
	a, b := newKeyHasher("secret"), newKeyHasher("another")
	key := newKey()
	if hash := a.hash(key); len(hash) != 12 || hash != a.hash(key) || hash == b.hash(key) || hash == a.hash(newKey()) || strings.Contains(key, hash) {
		t.Errorf("%q names the key", hash)
	}
}
