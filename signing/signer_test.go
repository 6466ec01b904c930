package signing

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

func TestSignerVectors(t *testing.T) {
	for _, v := range vectors(t, "signer", 6) {
		o := Options{Key: v.In.Key, Salt: v.In.Salt}
		s := must(New(o))
		if got := s.Sign(v.In.Value); got != v.Out.Signer {
			t.Errorf("%s: Sign = %q, want %q", v.ID, got, v.Out.Signer)
		}
		if got := v.In.Value + ":" + s.Signature(v.In.Value); got != v.Out.Signer {
			t.Errorf("%s: with Signature = %q, want %q", v.ID, got, v.Out.Signer)
		}
		if got, err := s.Unsign(v.Out.Signer); got != v.In.Value || err != nil {
			t.Errorf("%s: Unsign = %q, %v", v.ID, got, err)
		}
		ts := must(NewTimestamp(o, v.clock(t)))
		if got := ts.Sign(v.In.Value); got != v.Out.TimestampSigner {
			t.Errorf("%s: timestamp Sign = %q, want %q", v.ID, got, v.Out.TimestampSigner)
		}
		if got, err := ts.UnsignMaxAge(v.Out.TimestampSigner, 1e9); got != v.In.Value || err != nil {
			t.Errorf("%s: timestamp Unsign = %q, %v", v.ID, got, err)
		}
	}
}

func TestUnsignRefuses(t *testing.T) {
	s := must(New(Options{Key: "k"}))
	signed := s.Sign("hello")
	for name, bad := range map[string]string{
		"empty":           "",
		"no separator":    "hello",
		"no signature":    "hello:",
		"value changed":   "jello" + signed[5:],
		"value longer":    "x" + signed,
		"cut short":       signed[:len(signed)-1],
		"one more":        signed + "A",
		"padded":          signed + "=",
		"other case":      strings.ToUpper(signed),
		"other key":       must(New(Options{Key: "K"})).Sign("hello"),
		"other salt":      must(New(Options{Key: "k", Salt: "s"})).Sign("hello"),
		"other algorithm": must(New(Options{Key: "k", Algorithm: "sha1"})).Sign("hello"),
		"signature twice": signed + ":" + s.Signature("hello"),
	} {
		if got, err := s.Unsign(bad); !errors.Is(err, ErrBadSignature) || got != "" {
			t.Errorf("%s: Unsign = %q, %v; want ErrBadSignature", name, got, err)
		}
	}
	// Every single bit of a signed string counts. The last character of the
	// signature has bits that base64 does not use: another spelling of the
	// same bytes must be refused too.
	for i := range len(signed) * 8 {
		b := []byte(signed)
		b[i/8] ^= 1 << (i % 8)
		if _, err := s.Unsign(string(b)); !errors.Is(err, ErrBadSignature) {
			t.Errorf("bit %d flipped: %v", i, err)
		}
	}
}

func TestFallbackKeys(t *testing.T) {
	old1 := must(New(Options{Key: "old1"}))
	old2 := must(New(Options{Key: "old2"}))
	s := must(New(Options{Key: "new", FallbackKeys: []string{"old1", "old2"}}))
	for _, from := range []*Signer{s, old1, old2} {
		if got, err := s.Unsign(from.Sign("v")); got != "v" || err != nil {
			t.Errorf("Unsign = %q, %v", got, err)
		}
	}
	if s.Sign("v") != must(New(Options{Key: "new"})).Sign("v") {
		t.Error("a fallback key was used to sign")
	}
	if _, err := old1.Unsign(s.Sign("v")); !errors.Is(err, ErrBadSignature) {
		t.Errorf("an old signer reads the new key: %v", err)
	}
	if _, err := s.Unsign(must(New(Options{Key: "old3"})).Sign("v")); !errors.Is(err, ErrBadSignature) {
		t.Errorf("a key that is not listed: %v", err)
	}
}

// Every key is tried, wherever the right one stands: otherwise the time taken
// would tell which one it is.
func TestSecurity08_AllKeysAreCompared(t *testing.T) {
	keys := []string{"a", "b", "c"}
	for _, signedWith := range append(keys, "none of them") {
		s := must(New(Options{Key: keys[0], FallbackKeys: keys[1:]}))
		used := make([]int, len(keys))
		for i, key := range s.keys {
			fresh := key.macs.New
			key.macs.New = func() any { used[i]++; return fresh() }
		}
		s.Unsign(must(New(Options{Key: signedWith})).Sign("v"))
		for i, n := range used {
			if n == 0 {
				t.Errorf("signed with %s: key %s was not tried", signedWith, keys[i])
			}
		}
	}
}

func TestSeparators(t *testing.T) {
	for _, sep := range []string{"", ":", "::", "/", " ", "→", "a:", "\n\n"} {
		for _, value := range []string{"", "v", "a" + sep + "b", sep, sep + sep} {
			s := must(New(Options{Key: "k", Sep: sep}))
			if got, err := s.Unsign(s.Sign(value)); got != value || err != nil {
				t.Errorf("sep %q: %q came back as %q, %v", sep, value, got, err)
			}
			ts := must(NewTimestamp(Options{Key: "k", Sep: sep}, nil))
			if got, err := ts.Unsign(ts.Sign(value)); got != value || err != nil {
				t.Errorf("sep %q: %q came back as %q, %v", sep, value, got, err)
			}
		}
	}
	for _, sep := range []string{"-", "_", "=", "abc", "A", "z", "0", "[", `\`, "]", "^", "`", "a-Z_9=", "\n", "a\n"} {
		if _, err := New(Options{Key: "k", Sep: sep}); !errors.Is(err, ErrUnsafeSeparator) {
			t.Errorf("sep %q: %v", sep, err)
		}
	}
}

// One signer, many goroutines: the pooled states must not mix.
func TestConcurrentUse(t *testing.T) {
	s := must(NewTimestamp(Options{Key: "k", FallbackKeys: []string{"o"}}, nil))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			payload := strings.Repeat(string(rune('a'+g)), 10+100*g)
			for i := range 200 {
				signed := s.SignPayload(payload, i%2 == 0)
				if got, err := s.UnsignPayload(signed, Forever, 0); got != payload || err != nil {
					t.Errorf("goroutine %d: %q, %v", g, got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
