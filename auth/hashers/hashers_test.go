package hashers

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What is stored has Django's shape, and the preferred algorithm's factors.
func TestMake(t *testing.T) {
	for name, shape := range map[string]string{
		PBKDF2SHA256: `^pbkdf2_sha256\$20\$[A-Za-z0-9]{22}\$[A-Za-z0-9+/]{43}=$`,
		PBKDF2SHA1:   `^pbkdf2_sha1\$20\$[A-Za-z0-9]{22}\$[A-Za-z0-9+/]{27}=$`,
		Argon2:       `^argon2\$argon2id\$v=19\$m=64,t=1,p=2\$[A-Za-z0-9+/]{30}\$[A-Za-z0-9+/]{43}$`,
		BCryptSHA256: `^bcrypt_sha256\$\$2b\$04\$[A-Za-z0-9./]{53}$`,
		BCrypt:       `^bcrypt\$\$2b\$04\$[A-Za-z0-9./]{53}$`,
		Scrypt:       `^scrypt\$16\$[A-Za-z0-9]{22}\$1\$2\$[A-Za-z0-9+/]{86}==$`,
		MD5:          `^md5\$[A-Za-z0-9]{22}\$[0-9a-f]{32}$`,
	} {
		h := accepting(t, name)
		encoded := mustMake(t, h, "secret")
		if !regexp.MustCompile(shape).MatchString(encoded) {
			t.Errorf("%s: %s", name, encoded)
		}
		if len(encoded) > 128 {
			t.Errorf("%s: %d characters do not fit Django's column", name, len(encoded))
		}
		if encoded == mustMake(t, h, "secret") {
			t.Errorf("%s: two hashes with one salt", name)
		}
		if h.MustUpdate(encoded) {
			t.Errorf("%s: a new hash must be updated", name)
		}
	}
}

// A password is any text, and only that text.
func TestCheck(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 1<<12)
	passwords := []string{"", "secret", "Secret", "secret ", "päss 🔑", "a\x00b", "a\x00c", "\xff\xfe", long, long + "x"}
	for _, name := range allAlgorithms {
		h := accepting(t, name)
		for _, right := range passwords {
			if name == BCrypt && len(right) > maxPassword {
				continue
			}
			encoded := mustMake(t, h, right)
			for _, password := range passwords {
				if name == BCrypt && len(password) > maxPassword {
					continue
				}
				if got := check(t, h, password, encoded); got != (password == right) {
					t.Errorf("%s: %.20q against a hash of %.20q: %v", name, password, right, got)
				}
			}
		}
	}
}

// A hash of any accepted algorithm logs in, and is updated to the preferred one.
func TestUpgrade(t *testing.T) {
	preferred := accepting(t, allAlgorithms...)
	for _, name := range allAlgorithms[1:] {
		encoded := mustMake(t, accepting(t, name), "secret")
		if !check(t, preferred, "secret", encoded) || check(t, preferred, "wrong", encoded) {
			t.Errorf("%s: not checked", name)
		}
		if !preferred.MustUpdate(encoded) {
			t.Errorf("%s: not to be updated", name)
		}
	}
}

// Each factor by itself makes Django store a password anew.
func TestMustUpdateFactors(t *testing.T) {
	for name, changes := range map[string][]Factors{
		PBKDF2SHA256: {{PBKDF2Iterations: 19}, {PBKDF2Iterations: 21}},
		PBKDF2SHA1:   {{PBKDF2Iterations: 19}, {PBKDF2Iterations: 21}},
		BCryptSHA256: {{BCryptRounds: 5}},
		BCrypt:       {{BCryptRounds: 5}},
		Argon2:       {{Argon2Time: 2}, {Argon2Memory: 65}, {Argon2Parallelism: 1}, {Argon2HashLen: 16}},
		Scrypt:       {{ScryptWorkFactor: 32}, {ScryptBlockSize: 2}, {ScryptParallelism: 1}},
	} {
		h := accepting(t, name)
		for _, change := range changes {
			other, err := New(Options{Hashers: []string{name}, Factors: change.or(cheap)})
			if err != nil {
				t.Fatal(err)
			}
			encoded := mustMake(t, other, "secret")
			if !h.MustUpdate(encoded) {
				t.Errorf("%s: %s must not be updated", name, encoded)
			}
			if !check(t, h, "secret", encoded) {
				t.Errorf("%s: %s is not checked with its own factors", name, encoded)
			}
		}
	}
}

func TestUnusable(t *testing.T) {
	h := accepting(t, PBKDF2SHA256)
	encoded := Unusable()
	if !regexp.MustCompile(`^![A-Za-z0-9]{40}$`).MatchString(encoded) || encoded == Unusable() {
		t.Errorf("Unusable: %s", encoded)
	}
	if IsUsable(encoded) || IsUsable("!") || !IsUsable("") || !IsUsable(mustMake(t, h, "")) {
		t.Error("IsUsable")
	}
	for _, password := range []string{"", "!", encoded, encoded[1:]} {
		if check(t, h, password, encoded) || check(t, h, password, "!") {
			t.Errorf("%q opens an account without a password", password)
		}
	}
	if h.MustUpdate(encoded) {
		t.Error("an unusable password is to be updated")
	}
}

// bcrypt alone looks at 72 bytes: no new hash hides that, but an old one, made by
// a bcrypt before 5.0, still fits.
func TestBCryptLongPassword(t *testing.T) {
	h := accepting(t, BCrypt)
	exactly := strings.Repeat("x", maxPassword)
	encoded := mustMake(t, h, exactly)
	if !check(t, h, exactly+"y", encoded) || check(t, h, exactly[1:], encoded) {
		t.Error("the first 72 bytes are not what counts")
	}
	if _, err := h.Make(context.Background(), exactly+"y"); !errors.Is(err, ErrPasswordTooLong) {
		t.Errorf("Make of 73 bytes: %v", err)
	}
	if err := h.Waste(context.Background(), exactly+"y"); err != nil {
		t.Errorf("Waste of 73 bytes: %v", err)
	}
	if check(t, h, exactly+"y", Unusable()) {
		t.Error("an unusable password fits")
	}
	more, err := New(Options{Hashers: []string{BCrypt}, Factors: Factors{BCryptRounds: 5}})
	if err != nil {
		t.Fatal(err)
	}
	if check(t, more, "y"+exactly, encoded) { // hardened with what bcrypt looks at
		t.Error("a wrong password of 73 bytes fits")
	}
}

// $2a$ and $2y$, which other programs write, are the same bcrypt.
func TestBCryptPrefixes(t *testing.T) {
	h := accepting(t, BCryptSHA256)
	encoded := mustMake(t, h, "secret")
	for _, prefix := range []string{"$2a$", "$2y$"} {
		other := strings.Replace(encoded, "$2b$", prefix, 1)
		if !check(t, h, "secret", other) || check(t, h, "wrong", other) || h.MustUpdate(other) {
			t.Errorf("%s: not as $2b$", prefix)
		}
	}
}

// One hash at a time, if so configured; waiting ends with the context.
func TestParallel(t *testing.T) {
	h, err := New(Options{Factors: cheap, Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	encoded := mustMake(t, h, "secret")
	h.slots <- struct{}{} // somebody computes
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if ok, err := h.Check(ctx, "secret", encoded); ok || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Check while somebody computes: %v, %v", ok, err)
	}
	if text, err := h.Make(ctx, "secret"); text != "" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Make while somebody computes: %q, %v", text, err)
	}
	if !h.MustUpdate("pbkdf2_sha256$19" + strings.TrimPrefix(encoded, "pbkdf2_sha256$20")) {
		t.Error("MustUpdate waits or fails")
	}
	done := make(chan bool)
	go func() { ok, err := h.Check(context.Background(), "secret", encoded); done <- ok && err == nil }()
	select {
	case <-done:
		t.Error("two hashes at once")
	case <-time.After(20 * time.Millisecond):
	}
	<-h.slots
	if !<-done {
		t.Error("Check after its turn has come: not ok")
	}
	if len(h.slots) != 0 {
		t.Error("a slot was not given back")
	}
	if ok, err := h.Check(ctx, "secret", encoded); ok || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Check with a context that has ended: %v, %v", ok, err)
	}
}

func TestNewReportsAll(t *testing.T) {
	_, err := New(Options{
		Django:   "2.2",
		Hashers:  []string{PBKDF2SHA256, "sha1", "django.contrib.auth.hashers.CryptPasswordHasher"},
		MaxWork:  -1,
		Parallel: -1,
	})
	for _, want := range []string{`"2.2"`, "3.2, 4.0", `"sha1"`, "CryptPasswordHasher", "MaxWork", "Parallel"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want also %s", err, want)
		}
	}
	if !errors.Is(err, ErrUnknownAlgorithm) {
		t.Errorf("New: %v, want ErrUnknownAlgorithm", err)
	}
	_, err = New(Options{Factors: Factors{
		PBKDF2Iterations: -1, BCryptRounds: 3, Argon2Time: -1, Argon2Memory: 63, Argon2Parallelism: 256,
		Argon2HashLen: 4, ScryptWorkFactor: 100, ScryptBlockSize: -8, ScryptParallelism: -1,
	}})
	for _, want := range []string{
		"PBKDF2Iterations", "BCryptRounds", "Argon2Time", "Argon2Memory", "Argon2Parallelism", "Argon2HashLen",
		"ScryptWorkFactor", "ScryptBlockSize", "ScryptParallelism",
	} {
		if err == nil || !strings.Contains(err.Error(), "Factors."+want+" ") {
			t.Errorf("New: %v, want also %s", err, want)
		}
	}
}

// settings.py's list can be copied as it is.
func TestHashersByDjangosPaths(t *testing.T) {
	h, err := New(Options{Factors: cheap, Hashers: []string{
		"django.contrib.auth.hashers.ScryptPasswordHasher",
		"django.contrib.auth.hashers.PBKDF2PasswordHasher",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if encoded := mustMake(t, h, "secret"); !strings.HasPrefix(encoded, "scrypt$") {
		t.Errorf("Make: %s", encoded)
	}
	if !check(t, h, "secret", mustMake(t, accepting(t, PBKDF2SHA256), "secret")) {
		t.Error("the second algorithm is not accepted")
	}
}

// The default list is that Django's.
func TestDefaultHashers(t *testing.T) {
	scrypt := mustMake(t, accepting(t, Scrypt), "secret")
	for version, want := range map[string]error{"3.2": ErrUnknownAlgorithm, "4.0": nil, "6.1.1": nil, "": nil} {
		h, err := New(Options{Django: version, Factors: cheap})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Check(context.Background(), "secret", scrypt); !errors.Is(err, want) {
			t.Errorf("scrypt under Django %q: %v, want %v", version, err, want)
		}
		for _, name := range []string{BCrypt, MD5} {
			encoded := mustMake(t, accepting(t, name), "secret")
			if _, err := h.Check(context.Background(), "secret", encoded); !errors.Is(err, ErrUnknownAlgorithm) {
				t.Errorf("%s, which is not listed: %v", name, err)
			}
		}
	}
}
