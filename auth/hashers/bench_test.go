package hashers

import (
	"context"
	"testing"
)

// BenchmarkCheck is a login with each algorithm at the work factors of the
// newest Django.
func BenchmarkCheck(b *testing.B) {
	for _, name := range allAlgorithms {
		b.Run(name, func(b *testing.B) {
			h, err := New(Options{Hashers: []string{name}})
			if err != nil {
				b.Fatal(err)
			}
			encoded, err := h.Make(context.Background(), "secret")
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := h.Check(context.Background(), "secret", encoded); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

// BenchmarkMustUpdate reads a hash without computing one.
func BenchmarkMustUpdate(b *testing.B) {
	h, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	encoded := "pbkdf2_sha256$260000$seasaltseasalt22$d5oHSXxRcQJ7v0m7q0V6g/3bm/4sQKNeXOj/cC5UysM="
	b.ReportAllocs()
	for b.Loop() {
		if !h.MustUpdate(encoded) {
			b.Fatal("not to be updated")
		}
	}
}
