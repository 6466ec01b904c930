package engine

import (
	"strings"
	"testing"
	"time"
)

// FuzzTail: of a cached value that has a tail everything is said by the value
// itself, and nothing else has one; a mark has none.
func FuzzTail(f *testing.F) {
	expires := time.UnixMicro(1772366400123456)
	for _, t := range []tail{{row: "row", epoch: "epoch", expires: expires}, {}, {row: strings.Repeat("r", 300), expires: expires}} {
		value := t.append("\x80\x04}.")
		f.Add(value)
		f.Add(value[1:])
		f.Add(value[:len(value)-1])
	}
	f.Add(tailMagic)
	f.Add(strings.Repeat("\xff", tailFixed) + tailMagic)
	f.Add(newMarks().next())
	f.Add("N.")
	f.Fuzz(func(t *testing.T, value string) {
		got, ok := cutTail(value)
		if !ok {
			return
		}
		pickle := len(value) - len(got.row) - len(got.epoch) - tailFixed
		if pickle < 0 || got.append(value[:pickle]) != value {
			t.Errorf("%q is read as %+v", value, got)
		}
	})
}
