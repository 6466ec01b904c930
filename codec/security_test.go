package codec

import (
	"crypto/cipher"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/signing"
)

// The tests of this name are the statements of SECURITY.md, by their numbers.

// countedCipher counts what it is asked to open.
type countedCipher struct {
	cipher.AEAD
	opened *int
}

func (c countedCipher) Open(dst, nonce, sealed, extra []byte) ([]byte, error) {
	*c.opened++
	return c.AEAD.Open(dst, nonce, sealed, extra)
}

// TestSecurity08_AllKeysAreTriedToDecrypt: wherever the right one stands, the time
// does not tell.
func TestSecurity08_AllKeysAreTriedToDecrypt(t *testing.T) {
	secrets := []string{"one", "two", "three"}
	for i, used := range append(secrets, "none of them") {
		writer, err := NewEncrypted(sessions.Settings{SecretKey: used}, EncryptedOptions{})
		if err != nil {
			t.Fatal(err)
		}
		data, err := writer.Encode(sessions.Values{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := NewEncrypted(sessions.Settings{SecretKey: secrets[0], SecretKeyFallbacks: secrets[1:]}, EncryptedOptions{})
		if err != nil {
			t.Fatal(err)
		}
		opened := 0
		for i := range c.ciphers {
			c.ciphers[i] = countedCipher{c.ciphers[i], &opened}
		}
		if _, err := c.Decode(data); (err == nil) != (i < len(secrets)) || opened != len(secrets) {
			t.Errorf("written with %s: %d keys were tried, %v", used, opened, err)
		}
	}
}

// TestSecurity33_DeepJSON: JSON that nests 100,000 deep costs no more than its size,
// and is refused, in every codec that reads JSON, on both ways.
func TestSecurity33_DeepJSON(t *testing.T) {
	const depth = 100_000
	signer, err := signing.NewTimestamp(signing.Options{Key: "k", Salt: SessionSalt}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := NewSigned(sessions.Settings{SecretKey: "k"}, SignedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := NewJSON(JSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"arrays":            `{"a":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`,
		"objects":           strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth),
		"arrays, not shut":  `{"a":` + strings.Repeat("[", depth),
		"objects, not shut": strings.Repeat(`{"a":`, depth),
		"both":              `{"a":` + strings.Repeat(`[{"b":`, depth/2) + "1" + strings.Repeat("}]", depth/2) + `}`,
	} {
		for codec, decode := range map[string]func() (sessions.Values, error){
			"signed":     func() (sessions.Values, error) { return signed.Decode(signer.SignPayload(text, false)) },
			"compressed": func() (sessions.Values, error) { return signed.Decode(signer.SignPayload(text, true)) },
			"JSON":       func() (sessions.Values, error) { return plain.Decode(text) },
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			v, err := decode()
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, sessions.ErrCorrupt) || v.Len() != 0 {
				t.Errorf("%s, %s: %d values, %.100v", name, codec, v.Len(), err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > uint64(50*len(text))+4<<20 || took > 5*time.Second {
				t.Errorf("%s, %s: %d bytes and %v for %d", name, codec, used, took, len(text))
			}
		}
	}
}

// TestSecurity34_WhatIsWrittenCanBeRead: a session that would be refused when it is
// read is refused when it is written, and what was stored stays.
func TestSecurity34_WhatIsWrittenCanBeRead(t *testing.T) {
	var values sessions.Values
	if err := values.Encode("a", strings.Repeat("x", 1000)); err != nil {
		t.Fatal(err)
	}
	const length = len(`{"a":""}`) + 1000
	for limit, fits := range map[int]bool{length - 1: false, length: true, -1: true} {
		c, err := NewSigned(sessions.Settings{SecretKey: "k"}, SignedOptions{Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		data, err := c.Encode(values)
		var tooLarge *sessions.TooLargeError
		if fits != (err == nil) || err != nil && (!errors.Is(err, signing.ErrTooLarge) || !errors.As(err, &tooLarge)) {
			t.Errorf("a limit of %d: %v", limit, err)
		}
		if err == nil {
			reader, err := NewSigned(sessions.Settings{SecretKey: "k"}, SignedOptions{Limit: limit}) // c knows what it has written
			if err != nil {
				t.Fatal(err)
			}
			if _, err := reader.Decode(data); err != nil {
				t.Errorf("a limit of %d: written, and not read: %v", limit, err)
			}
		}
	}
}

// FuzzEncrypted: nothing that was not encrypted here is read.
func FuzzEncrypted(f *testing.F) {
	c, err := NewEncrypted(sessions.Settings{SecretKey: "k"}, EncryptedOptions{})
	if err != nil {
		f.Fatal(err)
	}
	genuine, err := c.Encode(sessions.Values{})
	if err != nil {
		f.Fatal(err)
	}
	for _, data := range []string{"", "AQ", genuine[:len(genuine)-1], genuine + "A", strings.ToUpper(genuine), "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "=", "\xff"} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		// base64's decoder skips ends of lines.
		if _, err := c.Decode(data); err == nil && strings.NewReplacer("\r", "", "\n", "").Replace(data) != genuine {
			t.Errorf("%q is read", data)
		} else if err != nil && !errors.Is(err, sessions.ErrCorrupt) {
			t.Error(err)
		}
	})
}
