//go:build !race

package codec

import "testing"

// Reading and writing a session takes the memory of what comes of it, and no more.
func TestAllocationsOfPickles(t *testing.T) {
	c, v := newPickle(t, 0), benchValues()
	data, err := c.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(200, func() { _, _ = c.Encode(v) }); n > 1 {
		t.Errorf("Encode: %v allocations, want 1", n)
	}
	if n := testing.AllocsPerRun(200, func() { _, _, _ = c.DecodePrefix(data) }); n > 2 {
		t.Errorf("Decode: %v allocations, want 2: the members and their JSON", n)
	}
}

// The serializer makes a codec each time, which must cost nothing.
func TestAllocationsOfPickleSerializer(t *testing.T) {
	v := benchValues()
	text, err := PickleSerializer{}.Dumps(v)
	if err != nil {
		t.Fatal(err)
	}
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = PickleSerializer{}.Dumps(v)
			_, _ = PickleSerializer{}.Loads(text)
		}
	})
	if n := r.AllocedBytesPerOp(); n > 2048 {
		t.Errorf("%d bytes", n)
	}
}
