package sessions

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// failingReader is a random source that has gone.
type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("no randomness") }

// TestSecurity01_KeysAreRandomOrNotMade: a key has 165 bits from crypto/rand, and
// when that fails the program ends, in place of making a weaker one.
func TestSecurity01_KeysAreRandomOrNotMade(t *testing.T) {
	if os.Getenv("KEEPSAKE_TEST_NO_RANDOMNESS") != "" {
		rand.Reader = failingReader{}
		os.Stdout.WriteString("MADE " + newKey())
		return
	}
	if bits := keyLength * math.Log2(float64(len(keyAlphabet))); bits < 128 {
		t.Errorf("a key has %.0f bits", bits)
	}
	seen := map[rune]bool{}
	for _, c := range keyAlphabet {
		seen[c] = true
	}
	if len(seen) != 36 || len(newKey()) != keyLength {
		t.Errorf("the alphabet has %d characters, a key %d", len(seen), len(newKey()))
	}

	child := exec.Command(os.Args[0], "-test.run=^TestSecurity01_KeysAreRandomOrNotMade$")
	child.Env = append(os.Environ(), "KEEPSAKE_TEST_NO_RANDOMNESS=1")
	out, err := child.CombinedOutput()
	if err == nil || bytes.Contains(out, []byte("MADE")) {
		t.Errorf("without randomness: %v\n%s", err, out)
	}
}

// repeating is a random source that always gives the same.
type repeating struct{ n byte }

func (r *repeating) Read(b []byte) (int, error) {
	for i := range b {
		r.n += 7
		b[i] = r.n
	}
	return len(b), nil
}

// TestSecurity03_KeysCarryNoData: a key is made of random bytes and nothing else:
// from the same bytes comes the same key, whatever is in the session, whoever is
// logged in, under whatever settings and at whatever time.
func TestSecurity03_KeysCarryNoData(t *testing.T) {
	random := rand.Reader
	defer func() { rand.Reader = random }()
	keys := map[string]bool{}
	for i, values := range []string{``, `{"_auth_user_id":"1"}`, `{"email":"alice@example.com"}`} {
		m := &Manager{
			settings: &Settings{SecretKey: strings.Repeat("s", i+1), CookieAge: time.Hour, WarnSize: -1, Clock: func() time.Time { return time.Unix(int64(i)*1e8, 0) }},
			store:    keyCollector(keys), codec: plainCodec{}, cookie: newCookieWriter(&Settings{}),
		}
		s := m.Open("")
		s.Set("data", values)
		rand.Reader = &repeating{}
		if err := s.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(keys) != 1 {
		t.Errorf("the keys %v depend on something else", keys)
	}
}

// keyCollector is a store that notes the keys of what is created.
type keyCollector map[string]bool

func (c keyCollector) Create(_ context.Context, key string, rec Record) (Record, error) {
	c[key] = true
	return rec, nil
}
func (keyCollector) Load(context.Context, string) (Record, error) { return Record{}, ErrNotFound }
func (keyCollector) Replace(context.Context, string, Record, Record) (Record, error) {
	return Record{}, ErrNotFound
}

func (keyCollector) Rotate(context.Context, string, string, Record, Record) (Record, error) {
	return Record{}, ErrNotFound
}
func (keyCollector) Delete(context.Context, string) error { return nil }

// plainCodec keeps nothing.
type plainCodec struct{}

func (plainCodec) Encode(Values) (string, error) { return "x", nil }
func (plainCodec) Decode(string) (Values, error) { return Values{}, nil }
