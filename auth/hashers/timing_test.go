package hashers

import (
	"context"
	"testing"
	"time"
)

// counting counts the iterations of PBKDF2 that h computes.
func counting(h *Hashers, total *int) {
	a := h.algorithms[PBKDF2SHA256].(pbkdf2Algorithm)
	key := a.key
	a.key = func(password, salt string, iterations int) ([]byte, error) {
		*total += iterations
		return key(password, salt, iterations)
	}
	h.algorithms[PBKDF2SHA256] = a
}

// Whatever is stored, a wrong password costs what a right one costs under the
// site's own factors.
func TestWrongPasswordsCostTheSame(t *testing.T) {
	ctx := context.Background()
	few, err := New(Options{Factors: Factors{PBKDF2Iterations: 7}.or(cheap)})
	if err != nil {
		t.Fatal(err)
	}
	many, err := New(Options{Factors: Factors{PBKDF2Iterations: 30}.or(cheap)})
	if err != nil {
		t.Fatal(err)
	}
	h := accepting(t, PBKDF2SHA256, MD5)
	own, old, newer := mustMake(t, h, "secret"), mustMake(t, few, "secret"), mustMake(t, many, "secret")
	total := 0
	counting(h, &total)
	for _, c := range []struct {
		name, password, encoded string
		want                    int
	}{
		{"right", "secret", own, 20},
		{"wrong", "wrong", own, 20},
		{"right, fewer iterations", "secret", old, 7},
		{"wrong, fewer iterations", "wrong", old, 20},
		{"wrong, more iterations", "wrong", newer, 30},
		{"unusable", "wrong", Unusable(), 20},
		{"unknown algorithm", "wrong", "sha1$a$b", 20},
		{"malformed", "wrong", "", 20},
		{"too expensive", "wrong", "pbkdf2_sha256$999999999$s$d5oHSXxRcQJ7v0m7q0V6g/3bm/4sQKNeXOj/cC5UysM=", 20},
		{"another algorithm, as in Django", "wrong", mustMake(t, accepting(t, MD5), "secret"), 0},
	} {
		total = 0
		_, _ = h.Check(ctx, c.password, c.encoded)
		if total != c.want {
			t.Errorf("%s: %d iterations, want %d", c.name, total, c.want)
		}
	}
	total = 0
	if err := h.Waste(ctx, "wrong"); err != nil || total != 20 {
		t.Errorf("Waste: %v, %d iterations, want 20", err, total)
	}
}

// bcrypt's rounds are made up for, too. A quarter is what even a busy machine
// leaves of a factor of 16.
func TestBCryptHardening(t *testing.T) {
	old := mustMake(t, accepting(t, BCryptSHA256), "secret")
	h, err := New(Options{Hashers: []string{BCryptSHA256}, Factors: Factors{BCryptRounds: 8}})
	if err != nil {
		t.Fatal(err)
	}
	own := mustMake(t, h, "secret")
	fastest := func(encoded string) time.Duration {
		best := time.Hour
		for range 3 {
			start := time.Now()
			check(t, h, "wrong", encoded)
			best = min(best, time.Since(start))
		}
		return best
	}
	if a, b := fastest(old), fastest(own); a < b/4 {
		t.Errorf("a wrong password takes %v against 4 rounds, %v against 8", a, b)
	}
}
