package hashers

import (
	"context"
	"testing"
)

var allAlgorithms = []string{PBKDF2SHA256, PBKDF2SHA1, Argon2, BCryptSHA256, BCrypt, Scrypt, MD5}

// cheap are work factors for tests whose point is another.
var cheap = Factors{
	PBKDF2Iterations: 20, BCryptRounds: 4,
	Argon2Time: 1, Argon2Memory: 64, Argon2Parallelism: 2,
	ScryptWorkFactor: 16, ScryptBlockSize: 1, ScryptParallelism: 2,
}

// accepting is a Hashers with cheap factors; preferred is the first name.
func accepting(t testing.TB, names ...string) *Hashers {
	t.Helper()
	h, err := New(Options{Hashers: names, Factors: cheap})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func mustMake(t testing.TB, h *Hashers, password string) string {
	t.Helper()
	encoded, err := h.Make(context.Background(), password)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func check(t testing.TB, h *Hashers, password, encoded string) bool {
	t.Helper()
	ok, err := h.Check(context.Background(), password, encoded)
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	return ok
}
