package secrettest

import (
	"encoding/base64"
	"testing"

	"pgregory.net/rapid"
)

// A text is found wherever it stands in base64, of either alphabet.
func TestShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringN(8, -1, 40).Draw(t, "secret")
		before := rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "before")
		after := rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "after")
		whole := append(append(before, secret...), after...)
		for _, text := range []string{
			string(whole), base64.StdEncoding.EncodeToString(whole), base64.RawURLEncoding.EncodeToString(whole),
		} {
			if got := Shown(text, "another secret", secret); len(got) != 1 || got[0] != secret {
				t.Fatalf("%q shows %q", text, got)
			}
		}
	})
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
