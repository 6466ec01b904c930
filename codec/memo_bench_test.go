package codec_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
)

// The memory that a codec keeps when it has read many more sessions than it remembers.
func BenchmarkRemembered(b *testing.B) {
	for _, size := range []int{300, 3900} {
		for _, row := range []struct {
			name  string
			maker codec.Maker
		}{
			{"signed", codec.SignedOptions{Uncompressed: true}},
			{"JSON", codec.JSONOptions{}},
			{"pickle", codec.PickleOptions{}},
		} {
			b.Run(fmt.Sprintf("%s/%d bytes", row.name, size), func(b *testing.B) {
				for b.Loop() {
					b.ReportMetric(kept(b, row.maker, size), "MB")
				}
			})
		}
	}
}

func kept(b *testing.B, maker codec.Maker, size int) float64 {
	newCodec := func() sessions.Codec {
		c, err := maker.Make(settings())
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	const members = 6
	writer, reader := newCodec(), newCodec()
	var stored []string
	for i := range 16_000 {
		var v sessions.Values
		for m := range members {
			if err := v.Encode(fmt.Sprint("name", m), fmt.Sprint(i)+strings.Repeat("x", size/members-20)); err != nil {
				b.Fatal(err)
			}
		}
		data, err := writer.Encode(v)
		if err != nil {
			b.Fatal(err)
		}
		stored = append(stored, data)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := 0; i < len(stored); i += 64 { // each three times, soon after one another
		for range 3 {
			for _, data := range stored[i:min(i+64, len(stored))] {
				if _, err := reader.Decode(strings.Clone(data)); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(writer)
	runtime.KeepAlive(stored)
	runtime.KeepAlive(reader)
	return (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / 1e6
}
