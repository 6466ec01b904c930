package codec

import (
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/signing"
)

// What was written or read a moment ago is not checked again: a codec whose signer
// was put out of order still reads it, and nothing else.
func TestVerifiedIsNotCheckedAgain(t *testing.T) {
	made := func() *Signed {
		c, err := NewSigned(sessions.Settings{SecretKey: "k"}, SignedOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	writer, c := made(), made()
	encoded := func(by *Signed, n int) string {
		var v sessions.Values
		if err := v.Encode("n", n); err != nil {
			t.Fatal(err)
		}
		data, err := by.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	written, read, unknown := encoded(c, 1), encoded(writer, 2), encoded(writer, 3)
	if _, err := c.Decode(read); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.signer, err = signing.NewTimestamp(signing.Options{Key: "another"}, nil); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, data string
		known      bool
	}{{"written", written, true}, {"read", read, true}, {"unknown", unknown, false}} {
		if _, err := c.Decode(row.data); (err == nil) != row.known {
			t.Errorf("what is %s: %v", row.name, err)
		}
	}
}
