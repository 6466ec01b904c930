package signing

import (
	"errors"
	"testing"
	"time"
)

func TestMaxAge(t *testing.T) {
	const signedAt = 1790000000
	signed := must(NewTimestamp(Options{Key: "k"}, at(signedAt, 999999999))).Sign("v")
	for _, c := range []struct {
		name    string
		now     func() time.Time
		maxAge  time.Duration
		expired bool
	}{
		{"same second", at(signedAt, 0), 0, false},
		{"a fraction counts", at(signedAt, 1000), 0, true},
		{"exactly the age", at(signedAt+10, 0), 10 * time.Second, false},
		{"a fraction more", at(signedAt+10, 1000), 10 * time.Second, true},
		{"a fraction allowed", at(signedAt+10, 5e8), 10500 * time.Millisecond, false},
		{"years later, no limit", at(signedAt+1e9, 0), Forever, false},
		{"from the future", at(signedAt-1000, 0), time.Second, false},
		{"from the future, age 0", at(signedAt-1000, 0), 0, false},
		{"a negative limit is no missing limit", at(signedAt, 0), -1, true},
		{"a negative limit, further in the future", at(signedAt-1000, 0), -999 * time.Second, false},
		{"300 years, wide limit", at(signedAt+300*365*86400, 0), Forever - 1, true},
		{"300 years into the future", at(signedAt-300*365*86400, 0), 0, false},
	} {
		s := must(NewTimestamp(Options{Key: "k"}, c.now))
		got, err := s.UnsignMaxAge(signed, c.maxAge)
		if c.expired {
			if got != "" || !errors.Is(err, ErrSignatureExpired) || !errors.Is(err, ErrBadSignature) {
				t.Errorf("%s: %q, %v; want ErrSignatureExpired", c.name, got, err)
			}
		} else if got != "v" || err != nil {
			t.Errorf("%s: %q, %v; want success", c.name, got, err)
		}
	}
}

func TestExpiredError(t *testing.T) {
	signed := must(NewTimestamp(Options{Key: "k"}, at(100, 0))).Sign("v")
	s := must(NewTimestamp(Options{Key: "k"}, at(112, 5e8)))
	_, err := s.UnsignMaxAge(signed, 10*time.Second)
	var expired *ExpiredError
	if !errors.As(err, &expired) || expired.Age != 12500*time.Millisecond || expired.MaxAge != 10*time.Second {
		t.Fatalf("%#v", err)
	}
	if got, want := err.Error(), "signing: Signature age 12.5 > 10 seconds"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if errors.Is(ErrBadSignature, ErrSignatureExpired) || !errors.Is(ErrSignatureExpired, ErrBadSignature) {
		t.Error("SignatureExpired is a BadSignature, not the other way round")
	}
}

// A bad signature must be refused before its timestamp is even looked at.
func TestSignatureBeforeTimestamp(t *testing.T) {
	s := must(NewTimestamp(Options{Key: "k"}, nil))
	for _, bad := range []string{"v:!!:x", "v:x", ":", "::", "v:0:"} {
		if _, err := s.UnsignMaxAge(bad, 0); !errors.Is(err, ErrBadSignature) ||
			errors.Is(err, ErrSignatureExpired) || errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestBadTimestamps(t *testing.T) {
	const salt = "s"
	plain := must(New(Options{Key: "k", Salt: salt}))
	s := must(NewTimestamp(Options{Key: "k", Salt: salt}, nil))
	for _, text := range []string{
		"value",                 // no timestamp: Python cannot unpack
		"value:",                // IndexError
		"value:!!",              // ValueError, as those below
		"value:--1", "value:1-", //
		"value: 1", "value:1 ", //
		"value:1_0", "value:é", //
		"value:1Bs0emTbBk9",       // 10^18 + 1: Django would read it
		"value:-AzL8n0Y58m8",      // int64's smallest
		"value:zzzzzzzzzzzzzzzzz", // far beyond
	} {
		for _, maxAge := range []time.Duration{Forever, 0} {
			if _, err := s.UnsignMaxAge(plain.Sign(text), maxAge); !errors.Is(err, ErrMalformed) || errors.Is(err, ErrBadSignature) {
				t.Errorf("%q: %v, want ErrMalformed", text, err)
			}
		}
	}
	for text, want := range map[string]int64{
		"0": 0, "-": 0, "-0": 0, "0010": 62, "-10": -62, "1Bs0emTbBk8": 1e18, "-1Bs0emTbBk8": -1e18,
	} {
		when, value, err := s.Timestamp(plain.Sign("value:" + text))
		if err != nil || value != "value" || when.Unix() != want {
			t.Errorf("%q: %d, %q, %v; want %d", text, when.Unix(), value, err, want)
		}
	}
}

func TestTimestamp(t *testing.T) {
	for _, c := range []struct {
		sec, nsec int64
		want      int64
		text      string
	}{
		{1790000000, 123456000, 1790000000, "1x8elk"},
		{0, 0, 0, "0"},
		{-1, 500000000, 0, "0"}, // -0.5 seconds: int() cuts towards zero
		{-2, 500000000, -1, "-1"},
		{-62, 0, -62, "-10"},
	} {
		s := must(NewTimestamp(Options{Key: "k"}, at(c.sec, c.nsec)))
		signed := s.Sign("a:b")
		if prefix := "a:b:" + c.text + ":"; len(signed) != len(prefix)+43 || signed[:len(prefix)] != prefix {
			t.Errorf("Sign = %q, want %q and a signature", signed, prefix)
		}
		when, value, err := s.Timestamp(signed)
		if when.Unix() != c.want || when.Location() != time.UTC || value != "a:b" || err != nil {
			t.Errorf("Timestamp = %v, %q, %v", when, value, err)
		}
	}
	if _, _, err := must(NewTimestamp(Options{Key: "k"}, nil)).Timestamp("a:b:c"); !errors.Is(err, ErrBadSignature) {
		t.Error(err)
	}
}

// A nil clock is the machine's.
func TestDefaultClock(t *testing.T) {
	s := must(NewTimestamp(Options{Key: "k"}, nil))
	when, _, err := s.Timestamp(s.Sign("v"))
	if d := time.Since(when); err != nil || d < 0 || d > time.Minute {
		t.Errorf("signed %v ago, %v", d, err)
	}
}
