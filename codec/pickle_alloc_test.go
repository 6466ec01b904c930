//go:build !race

package codec

import "testing"

// Reading and writing a session takes the memory of what comes of it, and no more.
func TestPickleAllocations(t *testing.T) {
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
