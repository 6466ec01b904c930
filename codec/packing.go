package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/keepsake-go/sessions/signing"
)

// packing is what django-redis does to a value after its serializer: its
// COMPRESSOR.
type packing struct {
	zlib  bool // compress what is written
	limit int  // of what is read, decompressed
}

func newPacking(zlib bool, limit int) (packing, error) {
	if limit < 0 {
		return packing{}, fmt.Errorf("codec: the limit %d is negative", limit)
	}
	if limit == 0 {
		limit = signing.DefaultLimit
	}
	return packing{zlib, limit}, nil
}

// minPacked is ZlibCompressor.min_length: only what is longer is compressed.
const minPacked = 15

var zlibWriters = sync.Pool{New: func() any {
	w, _ := zlib.NewWriterLevel(nil, 6) // Python's level; the error is for others
	return w
}}

// pack is the compressor's compress.
func (p packing) pack(text string) string {
	if !p.zlib || len(text) <= minPacked {
		return text
	}
	var out bytes.Buffer
	w := zlibWriters.Get().(*zlib.Writer)
	defer zlibWriters.Put(w)
	w.Reset(&out)
	_, _ = io.WriteString(w, text) // a Buffer takes everything
	_ = w.Close()
	return out.String()
}

var (
	errUnsupported = errors.New("codec: not supported")
	errCompressed  = errors.New("codec: bad compressed data")
)

// unpack is the compressor's decompress. Which one has compressed a value shows
// in its first bytes, none of which can begin a pickle of a dict or a JSON
// object: what begins so and is not compressed is nothing at all. So, other than
// in django-redis, the setting can be changed while values of the former one are
// still there.
func (p packing) unpack(data string) (string, error) {
	if strings.HasPrefix(data, "{") { // JSON
		return data, nil
	}
	source := func() io.Reader { return strings.NewReader(data) }
	var r io.ReadCloser
	var err error
	switch {
	case len(data) > 1 && data[0] == 'x' && (int(data[0])<<8|int(data[1]))%31 == 0: // RFC 1950
		r, err = zlib.NewReader(source()) // which, like Python's, ignores what follows
	case strings.HasPrefix(data, "\x1f\x8b"):
		r, err = gzip.NewReader(source())
	case strings.HasPrefix(data, "\x28\xb5\x2f\xfd"):
		var d *zstd.Decoder
		// Without goroutines; an 8 MiB window is what RFC 8878 recommends.
		if d, err = zstd.NewReader(source(), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20)); err == nil {
			r = d.IOReadCloser()
		}
	case strings.HasPrefix(data, "\xfd7zXZ\x00"):
		return "", fmt.Errorf("%w: a value compressed by django-redis's LzmaCompressor; use ZlibCompressor, or none", errUnsupported)
	case strings.HasPrefix(data, "\x04\x22\x4d\x18"):
		return "", fmt.Errorf("%w: a value compressed by django-redis's Lz4Compressor; use ZlibCompressor, or none", errUnsupported)
	case isMsgpack(data):
		return "", fmt.Errorf("%w: a value of django-redis's MSGPackSerializer; use its PickleSerializer or JSONSerializer", errUnsupported)
	default:
		return data, nil
	}
	if err != nil {
		return "", errCompressed
	}
	defer r.Close()
	var text strings.Builder
	switch n, err := io.Copy(&text, io.LimitReader(r, int64(p.limit)+1)); {
	case n > int64(p.limit):
		return "", signing.ErrTooLarge
	case err != nil:
		return "", errCompressed
	}
	return text.String(), nil
}

// isMsgpack reports whether data begins as a map in msgpack does. A pickle that
// begins with the same byte goes on with the number of its protocol.
//
// It is not read, since no library without dependencies of its own keeps the
// order of a map's keys.
func isMsgpack(data string) bool {
	if data == "" {
		return false
	}
	switch c := data[0]; {
	case c == 0x80:
		return len(data) == 1
	case c > 0x80 && c <= 0x8f, c == 0xde, c == 0xdf:
		return true
	}
	return false
}
