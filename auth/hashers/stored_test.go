package hashers

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// Hashes that no password fits, each with its reason.
func TestCheckRefuses(t *testing.T) {
	const (
		b32  = "d5oHSXxRcQJ7v0m7q0V6g/3bm/4sQKNeXOj/cC5UysM="
		b64  = "5ULjW8eZSJaHOIBs0HZ+bdYnRx7EteXtqxCBxQo8ADBvaAfH4wGqSdOu0ml/6x0OBWmHebn1ZnGIT/cpHolWfA=="
		salt = "c2Vhc2FsdHNlYXNhbHQ" // seasaltseasalt
		bc   = "WFtGAQxkYJmzmTAWNEPKKeVhwXLcMUuKk93Sd0WFRPlGGL5YFPeWu"
	)
	h := accepting(t, allAlgorithms...)
	for _, c := range []struct {
		encoded string
		want    error
	}{
		// no algorithm
		{"", ErrMalformed},
		{"secret", ErrMalformed},
		{"$", ErrMalformed},
		{"pbkdf2_sha256", ErrMalformed},
		{"My Password$x", ErrMalformed},
		{strings.Repeat("a", 33) + "$x", ErrMalformed},
		{"pbkdf2_sha256$20$" + strings.Repeat("s", 2000) + "$" + b32, ErrMalformed},
		{"sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8", ErrUnknownAlgorithm},
		{"sha1$$5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8", ErrUnknownAlgorithm},
		{"5f4dcc3b5aa765d61d8327deb882cf99", ErrUnknownAlgorithm},
		{"md5$$5f4dcc3b5aa765d61d8327deb882cf99", ErrUnknownAlgorithm},
		{"crypt$$ab1Hv2Lg7ltQo", ErrUnknownAlgorithm},
		{"my-own_hasher2$x", ErrUnknownAlgorithm},

		// PBKDF2
		{"pbkdf2_sha256$20$seasalt", ErrMalformed},
		{"pbkdf2_sha256$20$seasalt$" + b32 + "$", ErrMalformed},
		{"pbkdf2_sha256$$seasalt$" + b32, ErrMalformed},
		{"pbkdf2_sha256$0$seasalt$" + b32, ErrMalformed},
		{"pbkdf2_sha256$-1$seasalt$" + b32, ErrMalformed},
		{"pbkdf2_sha256$+20$seasalt$" + b32, ErrMalformed},
		{"pbkdf2_sha256$020$seasalt$" + b32, ErrMalformed},
		{"pbkdf2_sha256$2_0$seasalt$" + b32, ErrMalformed},
		{"pbkdf2_sha256$ 20$seasalt$" + b32, ErrMalformed},
		{"pbkdf2_sha256$20$$" + b32, ErrMalformed},
		{"pbkdf2_sha256$20$seasalt$" + b32[:40], ErrMalformed},
		{"pbkdf2_sha256$20$seasalt$" + b32[:43], ErrMalformed},
		{"pbkdf2_sha256$20$seasalt$" + b32 + "\n", ErrMalformed},
		{"pbkdf2_sha256$20$seasalt$" + strings.Replace(b32, "ysM=", "ysN=", 1), ErrMalformed},
		{"pbkdf2_sha1$20$seasalt$" + b32, ErrMalformed},
		{"pbkdf2_sha256$15000001$seasalt$" + b32, ErrTooExpensive},
		{"pbkdf2_sha256$9223372036854775807$seasalt$" + b32, ErrTooExpensive},
		{"pbkdf2_sha1$15000001$seasalt$YMYZyZLKVFbUqWeGhhEl86+M90Q=", ErrTooExpensive},

		// scrypt
		{"scrypt$16$seasalt$1$2", ErrMalformed},
		{"scrypt$16$seasalt$1$2$" + b64 + "$", ErrMalformed},
		{"scrypt$15$seasalt$1$2$" + b64, ErrMalformed},
		{"scrypt$1$seasalt$1$2$" + b64, ErrMalformed},
		{"scrypt$16$$1$2$" + b64, ErrMalformed},
		{"scrypt$16$seasalt$0$2$" + b64, ErrMalformed},
		{"scrypt$16$seasalt$1$x$" + b64, ErrMalformed},
		{"scrypt$16$seasalt$1$2$" + b32, ErrMalformed},
		{"scrypt$16777216$seasalt$8$1$" + b64, ErrTooExpensive},
		{"scrypt$16384$seasalt$8$1000$" + b64, ErrTooExpensive},
		{"scrypt$2$seasalt$1000000$1$" + b64, ErrTooExpensive},
		{"scrypt$2$seasalt$1$3000000$" + b64, ErrTooExpensive}, // memory, for p
		{"scrypt$4611686018427387904$seasalt$4611686018427387904$4611686018427387904$" + b64, ErrTooExpensive},

		// Argon2
		{"argon2$argon2id", ErrMalformed},
		{"argon2$argon2x$v=19$m=64,t=1,p=2$" + salt + "$" + salt, ErrMalformed},
		{"argon2$argon2d$v=19$m=64,t=1,p=2$" + salt + "$" + salt, ErrUnknownAlgorithm},
		{"argon2$argon2id$v=16$m=64,t=1,p=2$" + salt + "$" + salt, ErrUnknownAlgorithm},
		{"argon2$argon2id$m=64,t=1,p=2$" + salt + "$" + salt, ErrUnknownAlgorithm},
		{"argon2$argon2id$v=20$m=64,t=1,p=2$" + salt + "$" + salt, ErrMalformed},
		{"argon2$argon2id$v=19$m=64,t=1$" + salt + "$" + salt, ErrMalformed},
		{"argon2$argon2id$v=19$t=1,m=64,p=2$" + salt + "$" + salt, ErrMalformed},
		{"argon2$argon2id$v=19$m=64,t=0,p=2$" + salt + "$" + salt, ErrMalformed},
		{"argon2$argon2id$v=19$m=64,t=1,p=0$" + salt + "$" + salt, ErrMalformed},
		{"argon2$argon2id$v=19$m=15,t=1,p=2$" + salt + "$" + salt, ErrMalformed},
		{"argon2$argon2id$v=19$m=4096,t=1,p=256$" + salt + "$" + salt, ErrUnknownAlgorithm},
		{"argon2$argon2id$v=19$m=4294967296,t=1,p=1$" + salt + "$" + salt, ErrMalformed},
		{"argon2$argon2id$v=19$m=64,t=1,p=2$" + salt + "$" + salt + "=", ErrMalformed},
		{"argon2$argon2id$v=19$m=64,t=1,p=2$c2Vhc2E$" + salt, ErrMalformed},
		{"argon2$argon2id$v=19$m=64,t=1,p=2$" + salt + "$c2Vh", ErrMalformed},
		{"argon2$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + salt, ErrTooExpensive},
		{"argon2$argon2id$v=19$m=8,t=4294967295,p=1$" + salt + "$" + salt, ErrTooExpensive},
		{"argon2$argon2i$v=19$m=1024001,t=1,p=1$" + salt + "$" + salt, ErrTooExpensive}, // memory alone

		// bcrypt
		{"bcrypt_sha256$", ErrMalformed},
		{"bcrypt_sha256$$2b$04$" + bc[1:], ErrMalformed},
		{"bcrypt_sha256$$2b$04$" + bc + "a", ErrMalformed},
		{"bcrypt_sha256$$2x$04$" + bc, ErrMalformed},
		{"bcrypt_sha256$$1b$04$" + bc, ErrMalformed},
		{"bcrypt_sha256$$2b$03$" + bc, ErrMalformed},
		{"bcrypt_sha256$$2b$32$" + bc, ErrMalformed},
		{"bcrypt_sha256$$2b$ 4$" + bc, ErrMalformed},
		{"bcrypt_sha256$$2b$04$" + strings.Replace(bc, "W", "*", 1), ErrMalformed},
		{"bcrypt_sha256$$2b$04$" + bc[:21] + "v" + bc[22:], ErrMalformed}, // bits that no salt has
		{"bcrypt_sha256$$2b$16$" + bc, ErrTooExpensive},
		{"bcrypt$$2b$31$" + bc, ErrTooExpensive},

		// md5
		{"md5$seasalt", ErrMalformed},
		{"md5$$", ErrMalformed},
		{"md5$seasalt$5f4dcc3b5aa765d61d8327deb882cf9", ErrMalformed},
		{"md5$seasalt$5F4DCC3B5AA765D61D8327DEB882CF99", ErrMalformed},
	} {
		ok, err := h.Check(context.Background(), "secret", c.encoded)
		if ok || !errors.Is(err, c.want) {
			t.Errorf("%.60q: %v, %v, want %v", c.encoded, ok, err, c.want)
			continue
		}
		if h.MustUpdate(c.encoded) {
			t.Errorf("%.60q must be updated", c.encoded)
		}
		if !strings.HasPrefix(err.Error(), "hashers: ") {
			t.Errorf("%.60q: %v: without the package's name", c.encoded, err)
		}
		for _, secret := range []string{"seasalt", "5f4dcc3b", "d5oHSXx", "secret", "My Password", bc[:10]} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%.60q: the error tells %q: %v", c.encoded, secret, err)
			}
		}
	}
}

// The error of an algorithm that is not accepted names it, so that the site's
// owner knows what to list.
func TestUnknownAlgorithmIsNamed(t *testing.T) {
	h := accepting(t, PBKDF2SHA256)
	for encoded, name := range map[string]string{
		"scrypt$16$a$1$1$x":                       "scrypt",
		"my_hasher$x":                             "my_hasher",
		"5f4dcc3b5aa765d61d8327deb882cf99":        "unsalted_md5",
		"argon2$argon2d$v=19$m=8,t=1,p=1$aaa$aaa": "argon2",
	} {
		_, err := h.Check(context.Background(), "secret", encoded)
		if !errors.Is(err, ErrUnknownAlgorithm) || !strings.HasSuffix(err.Error(), ": "+name) {
			t.Errorf("%s: %v, want it to name %s", encoded, err, name)
		}
	}
}

// What is exactly within the limit is run.
func TestMaxWork(t *testing.T) {
	for name, sample := range map[string]struct{ within, beyond string }{
		PBKDF2SHA256: {"$15000000$", "$15000001$"},
		PBKDF2SHA1:   {"$15000000$", "$15000001$"},
		BCryptSHA256: {"$$2b$15$", "$$2b$16$"},
		Argon2:       {"m=1024000,t=2,", "m=1024000,t=3,"},
		Scrypt:       {"", ""},
	} {
		h, err := New(Options{Hashers: []string{name}, Factors: cheap})
		if err != nil {
			t.Fatal(err)
		}
		encoded := mustMake(t, h, "secret")
		replace := strings.NewReplacer("$20$", "\x00", "$$2b$04$", "\x00", "m=64,t=1,", "\x00")
		pattern := replace.Replace(encoded)
		if name == Scrypt {
			fields := strings.Split(encoded, "$")
			pattern = "scrypt$\x00$" + fields[2] + "$8$50$" + fields[5]
			sample.within, sample.beyond = "16384", "32768"
		}
		if _, _, err := h.decode(strings.Replace(pattern, "\x00", sample.within, 1)); err != nil {
			t.Errorf("%s within the limit: %v", name, err)
		}
		if _, _, err := h.decode(strings.Replace(pattern, "\x00", sample.beyond, 1)); !errors.Is(err, ErrTooExpensive) {
			t.Errorf("%s beyond the limit: %v", name, err)
		}
	}
	// Own factors count as well: what is made must be checked.
	h, err := New(Options{Factors: Factors{PBKDF2Iterations: 2_000_000_000}, MaxWork: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.decode("pbkdf2_sha256$2000000000$s$d5oHSXxRcQJ7v0m7q0V6g/3bm/4sQKNeXOj/cC5UysM="); err != nil {
		t.Errorf("a hash with the site's own factors: %v", err)
	}
}
