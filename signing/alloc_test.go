package signing

import "testing"

// The allocations of the hot path, exactly: the string that is returned and
// nothing else. (Unsign returns part of its argument.)
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	s := must(New(Options{Key: "k"}))
	ts := must(NewTimestamp(Options{Key: "k", FallbackKeys: []string{"old"}}, nil))
	signed, stamped := s.Sign("hello"), ts.Sign("hello")
	plain, packed := ts.SignPayload(payload200, false), ts.SignPayload(payload200, true)
	if packed[0] != '.' {
		t.Fatal("not compressed")
	}
	for _, c := range []struct {
		name string
		want float64
		f    func()
	}{
		{"Signature", 1, func() { s.Signature("hello") }},
		{"Sign", 1, func() { s.Sign("hello") }},
		{"Unsign", 0, func() { s.Unsign(signed) }},
		{"Unsign bad", 0, func() { s.Unsign("hello:x") }},
		{"timestamp Sign", 1, func() { ts.Sign("hello") }},
		{"timestamp Unsign", 0, func() { ts.UnsignMaxAge(stamped, 1e12) }},
		{"SignPayload", 1, func() { ts.SignPayload(payload200, false) }},
		{"SignPayload compressed", 1, func() { ts.SignPayload(payload200, true) }},
		{"UnsignPayload", 1, func() { ts.UnsignPayload(plain, 1e12, 0) }},
		{"UnsignPayload compressed", 1, func() { ts.UnsignPayload(packed, 1e12, 0) }},
	} {
		c.f() // fill the pools
		if got := testing.AllocsPerRun(200, c.f); got != c.want {
			t.Errorf("%s: %v allocations, want %v", c.name, got, c.want)
		}
	}
}
