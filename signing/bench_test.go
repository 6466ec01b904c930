package signing

import (
	"strings"
	"testing"
)

// Payloads as sessions have them: nearly nothing, a login, a shop.
var (
	payload20  = `{"favorite":"yellow"}`
	payload200 = `{"_auth_user_id":"1","_auth_user_backend":"django.contrib.auth.backends.ModelBackend",` +
		`"_auth_user_hash":"0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0","n":12345678}`
	payload4k = `{"basket":[` + strings.Repeat(`{"sku":"A-1029-77","qty":3,"price":"19.95","note":"gift wrap"},`, 64) + `null]}`
)

func BenchmarkSignature100(b *testing.B) {
	s, _ := New(Options{Key: "bench-key"})
	v := strings.Repeat("x", 100)
	b.ReportAllocs()
	for b.Loop() {
		s.Signature(v)
	}
}

func BenchmarkSign100(b *testing.B) {
	s, _ := NewTimestamp(Options{Key: "bench-key"}, nil)
	v := strings.Repeat("x", 100)
	b.ReportAllocs()
	for b.Loop() {
		s.Sign(v)
	}
}

func BenchmarkUnsign100(b *testing.B) {
	s, _ := NewTimestamp(Options{Key: "bench-key"}, nil)
	signed := s.Sign(strings.Repeat("x", 100))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Unsign(signed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnsign100ParallelFallback(b *testing.B) {
	old, _ := NewTimestamp(Options{Key: "old-key"}, nil)
	s, _ := NewTimestamp(Options{Key: "bench-key", FallbackKeys: []string{"old-key"}}, nil)
	signed := old.Sign(strings.Repeat("x", 100))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.Unsign(signed)
		}
	})
}

func BenchmarkPayload(b *testing.B) {
	s, _ := NewTimestamp(Options{Key: "bench-key"}, nil)
	for _, c := range []struct{ name, payload string }{{"20", payload20}, {"200", payload200}, {"4k", payload4k}} {
		for _, compress := range []bool{false, true} {
			name := c.name + "/plain"
			if compress {
				name = c.name + "/compress"
			}
			b.Run("Sign/"+name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(c.payload)))
				for b.Loop() {
					s.SignPayload(c.payload, compress)
				}
			})
			signed := s.SignPayload(c.payload, compress)
			b.Run("Unsign/"+name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(c.payload)))
				for b.Loop() {
					if _, err := s.UnsignPayload(signed, Forever, 0); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
