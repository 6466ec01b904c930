package pyjson

import "testing"

func benchmark(b *testing.B, size int, f func()) {
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		f()
	}
}

func BenchmarkScanObject(b *testing.B) {
	n := 0
	benchmark(b, len(session), func() { ScanObject(session, func(name, raw string) { n += len(raw) }) })
}

func BenchmarkLatin1ToASCII(b *testing.B) {
	benchmark(b, len(session), func() { Latin1ToASCII(session) })
}

func BenchmarkUnmarshalString(b *testing.B) {
	raw := `"django.contrib.auth.backends.ModelBackend"`
	var s string
	benchmark(b, len(raw), func() { Unmarshal(raw, &s) })
}

func BenchmarkUnmarshalInt(b *testing.B) {
	var n int
	benchmark(b, 6, func() { Unmarshal("123456", &n) })
}

func BenchmarkUnmarshalAny(b *testing.B) {
	var v any
	benchmark(b, len(session), func() { Unmarshal(session, &v) })
}

func BenchmarkUnmarshalStructs(b *testing.B) {
	raw := `[{"sku":"A-0","qty":1,"price":0.99},{"sku":"A-1","qty":2,"price":1.99}]`
	var items []item
	benchmark(b, len(raw), func() { Unmarshal(raw, &items) })
}

func BenchmarkMarshalString(b *testing.B) {
	var s any = "django.contrib.auth.backends.ModelBackend"
	benchmark(b, 43, func() { Marshal(s) })
}

func BenchmarkMarshalFloat(b *testing.B) {
	var f any = 1790000000.123456
	benchmark(b, 17, func() { Marshal(f) })
}

func BenchmarkMarshalAny(b *testing.B) {
	var v any
	if err := Unmarshal(session, &v); err != nil {
		b.Fatal(err)
	}
	benchmark(b, len(session), func() { Marshal(v) })
}

func BenchmarkMarshalStructs(b *testing.B) {
	var items any = []item{{"A-0", 1, 0.99}, {"A-1", 2, 1.99}}
	benchmark(b, 71, func() { Marshal(items) })
}
