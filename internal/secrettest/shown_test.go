package secrettest

import (
	"encoding/base64"
	"math/rand/v2"
	"testing"
)

// A text is found wherever it stands in base64, of either alphabet.
func TestShown(t *testing.T) {
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
		return b
	}
	for i := range 1000 {
		secret := string(random(8 + i%30))
		whole := append(append(random(i%7), secret...), random(i%5)...)
		for _, text := range []string{
			string(whole), base64.StdEncoding.EncodeToString(whole), base64.RawURLEncoding.EncodeToString(whole),
		} {
			if got := Shown(text, "another secret", secret); len(got) != 1 || got[0] != secret {
				t.Fatalf("%q shows %q, not %q", text, got, secret)
			}
		}
	}
	if got := Shown("what is encrypted", "ada.lovelace"); got != nil {
		t.Errorf("shown: %q", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("three letters are looked for")
		}
	}()
	Shown("", "ada")
}
