package signing

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestDefaults(t *testing.T) {
	s := must(New(Options{Key: "k"}))
	if s.Salt() != "django.core.signing.Signer" || s.Algorithm() != "sha256" {
		t.Errorf("Signer: %q, %q", s.Salt(), s.Algorithm())
	}
	ts := must(NewTimestamp(Options{Key: "k"}, nil))
	if ts.Salt() != "django.core.signing.TimestampSigner" || ts.Algorithm() != "sha256" {
		t.Errorf("TimestampSigner: %q, %q", ts.Salt(), ts.Algorithm())
	}
	ts = must(NewTimestamp(Options{Key: "k", Salt: "s", Algorithm: "sha1"}, nil))
	if ts.Salt() != "s" || ts.Algorithm() != "sha1" {
		t.Errorf("TimestampSigner: %q, %q", ts.Salt(), ts.Algorithm())
	}
	explicit := must(New(Options{Key: "k", Salt: "django.core.signing.Signer", Sep: ":", Algorithm: "sha256"}))
	if s.Sign("v") != explicit.Sign("v") {
		t.Error("the defaults are not what they say")
	}
}

func TestWrongOptions(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want error
		text string
	}{
		{Options{}, ErrNoKey, "signing: The SECRET_KEY setting must not be empty."},
		{Options{Key: "k", FallbackKeys: []string{"a", ""}}, ErrNoKey, "signing: The SECRET_KEY setting must not be empty. (SECRET_KEY_FALLBACKS[1])"},
		{Options{Key: "k", Sep: "-"}, ErrUnsafeSeparator, "signing: Unsafe Signer separator: '-' (cannot be empty or consist of only A-z0-9-_=)"},
		{Options{Key: "k", Sep: "\\\n"}, ErrUnsafeSeparator, `signing: Unsafe Signer separator: '\\\n' (cannot be empty or consist of only A-z0-9-_=)`},
		{Options{Key: "k", Algorithm: "SHA256"}, ErrInvalidAlgorithm, `signing: invalid algorithm: "SHA256" is not an algorithm accepted by the hashlib module.`},
		{Options{Key: "k", Algorithm: "blake2b"}, ErrInvalidAlgorithm, `signing: invalid algorithm: "blake2b" is not an algorithm accepted by the hashlib module.`},
	} {
		_, err1 := New(c.o)
		_, err2 := NewTimestamp(c.o, nil)
		_, err3 := CookieSigner(c.o, nil)
		for i, err := range []error{err1, err2, err3} {
			if !errors.Is(err, c.want) || err.Error() != c.text {
				t.Errorf("%v, constructor %d: %v\nwant %s", c.o, i, err, c.text)
			}
		}
	}
	// Everything at once.
	_, err := New(Options{Sep: "x", Algorithm: "x"})
	if !errors.Is(err, ErrNoKey) || !errors.Is(err, ErrUnsafeSeparator) || !errors.Is(err, ErrInvalidAlgorithm) {
		t.Errorf("not all of it: %v", err)
	}
}

// The expected values are hmac.new(algorithm(b"saltkey").digest(), b"value",
// algorithm) of Python's hmac and hashlib.
func TestAlgorithms(t *testing.T) {
	for name, want := range algorithmSums {
		sum, err := SaltedHMAC("salt", "value", "key", name)
		if got := hex.EncodeToString(sum); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", name, got, err, want)
		}
		text, err := Base64HMAC("salt", "value", "key", name)
		if text != base64.RawURLEncoding.EncodeToString(sum) || err != nil {
			t.Errorf("%s: Base64HMAC = %q, %v", name, text, err)
		}
		s := must(New(Options{Key: "key", Salt: "salt", Algorithm: name}))
		if got := s.Signature("value"); got != must(Base64HMAC("saltsigner", "value", "key", name)) {
			t.Errorf("%s: Signature = %q", name, got)
		}
		if got, err := s.Unsign(s.Sign("v")); got != "v" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	// Django's default for these two is sha1, for signers sha256: the caller
	// has to choose.
	if _, err := Base64HMAC("salt", "value", "key", ""); !errors.Is(err, ErrInvalidAlgorithm) {
		t.Errorf("no algorithm: %v", err)
	}
	if _, err := SaltedHMAC("salt", "value", "key", ""); !errors.Is(err, ErrInvalidAlgorithm) {
		t.Errorf("no algorithm: %v", err)
	}
}

// Sessions before Django 3.1 were base64(hex HMAC-SHA1 + ":" + JSON).
func TestLegacyVectors(t *testing.T) {
	for _, v := range vectors(t, "legacy-encode", 3) {
		payload := compact(v.In.Data)
		sum := must(SaltedHMAC("django.contrib.sessionsSessionStore", payload, v.In.SecretKey, "sha1"))
		got := base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum) + ":" + payload))
		if got != v.Out.String {
			t.Errorf("%s: %q, want %q", v.ID, got, v.Out.String)
		}
	}
}

// However options, signers and errors are printed, keys and signed values stay
// out of it.
func TestNoSecretsInText(t *testing.T) {
	const key, old, value = "topsecret", "oldsecret", "privatevalue"
	o := Options{Key: key, FallbackKeys: []string{old}}
	s := must(New(o))
	ts := must(NewTimestamp(o, nil))
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "options", o, "signer", s, "timestamp", ts)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "options", o, "signer", s, "timestamp", ts)
	for _, v := range []any{o, &o, s, *s, ts, *ts} {
		fmt.Fprintf(&log, "%v %+v %#v %s\n", v, v, v, v)
	}
	signed := ts.Sign(value)
	signature := signed[strings.LastIndex(signed, ":")+1:]
	expired := must(NewTimestamp(o, at(0, 0))).Sign(value)
	for _, text := range []string{
		value, signed + "x", value + ":0:" + signature, expired,
		s.Sign(value), s.Sign(value + ":!!"), must(New(Options{Key: key, Salt: ts.Salt()})).Sign(value),
		must(New(Options{Key: key, Salt: ts.Salt()})).Sign(value + ":" + value + "!"),
	} {
		_, err1 := s.Unsign(text)
		_, err2 := ts.UnsignMaxAge(text, 0)
		_, err3 := ts.UnsignPayload(text, Forever, 1)
		_, err4 := ts.UnsignPayload(text, Forever, 0)
		fmt.Fprintf(&log, "%v %+v %#v %v %v %v\n", err1, err1, err2, err2, err3, err4)
	}
	derived := deriveKey(must(hashByName("sha256")), "django.core.signing.Signersigner", key)
	for _, secret := range []string{key, old, value, signature, fmt.Sprint(derived), fmt.Sprintf("%x", derived), fmt.Sprintf("%#v", derived)} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is in the text:\n%s", secret, log.String())
		}
	}
}
