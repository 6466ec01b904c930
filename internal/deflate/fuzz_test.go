package deflate

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/adler32"
	"io"
	"os"
	"testing"
)

// Whatever is compressed is read by compress/zlib and by AppendText.
func FuzzAppend(f *testing.F) {
	for _, s := range sessions {
		f.Add([]byte(s.text))
	}
	var used Writer
	f.Fuzz(func(t *testing.T, text []byte) {
		stream, ok := used.Append(nil, text)
		if !ok {
			return
		}
		if got, err := library(stream, MaxText); got != string(text) || err != nil {
			t.Errorf("%q: compress/zlib reads %q, %v", text, got, err)
		}
		if got, ok := AppendText(nil, stream, MaxText); !bytes.Equal(got, text) || !ok {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	})
}

// AppendText reads exactly what the library reads, of streams with this code and
// texts within the limit, and nothing else. Most streams that a fuzzer finds
// have a bad checksum: they are tried also with the right one.
func FuzzAppendText(f *testing.F) {
	var w Writer
	for _, s := range sessions {
		stream, _ := w.Append(nil, []byte(s.text))
		f.Add(stream[len(header):], uint16(MaxText))
	}
	f.Fuzz(func(t *testing.T, body []byte, limit16 uint16) {
		limit := int(limit16)
		// The decompressor takes its input by bytes, and leaves what it needs not.
		rest := bytes.NewReader(append([]byte(header)[2:], body...))
		text, flateErr := io.ReadAll(flate.NewReader(rest))
		right := append([]byte(header), body[:max(len(body)-rest.Len(), 0)]...)
		right = binary.BigEndian.AppendUint32(right, adler32.Checksum(text))
		wanted := flateErr == nil && len(text) <= min(limit, MaxText) &&
			len(body) > 0 && body[0]&(1<<headerLastBits-1) == headerLast
		if got, ok := AppendText(nil, right, limit); ok != wanted || ok && !bytes.Equal(got, text) || !ok && len(got) != 0 {
			t.Errorf("%q, limit %d: %q, %v; compress/flate says %q, %v", right, limit, got, ok, text, flateErr)
		}
		for _, stream := range [][]byte{append([]byte(header), body...), body} {
			got, ok := AppendText(nil, stream, limit)
			if want, err := library(stream, limit); ok && (string(got) != want || err != nil) || !ok && len(got) != 0 {
				t.Errorf("%q, limit %d: %q, %v; compress/zlib says %q, %v", stream, limit, got, ok, want, err)
			}
		}
	})
}

// A fuzz target without its corpus looks like one that finds nothing.
func TestFuzzCorpus(t *testing.T) {
	for _, name := range []string{"FuzzAppend", "FuzzAppendText"} {
		files, err := os.ReadDir("testdata/fuzz/" + name)
		if err != nil || len(files) == 0 {
			t.Errorf("testdata/fuzz/%s: %d files, %v", name, len(files), err)
		}
	}
}
