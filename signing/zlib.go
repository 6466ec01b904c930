package signing

import (
	"bytes"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/zlib"

	"github.com/keepsake-go/sessions/internal/deflate"
)

// Most sessions are short JSON that repeats some of itself, which is what
// internal/deflate is for. The rest goes to the library. It is made for long
// data and does not take the trouble that Python's zlib takes: a session of
// around 100 bytes can come out some 30 bytes longer than Django would store it.
// All of it is legal to Django, which goes by the leading dot alone.
const (
	// minCompressible is the shortest payload that can become shorter, even
	// one that repeats a single character.
	minCompressible = 76
	// minMatching is the shortest payload in which level 4 looks for repeats.
	minMatching = 128
)

// deflater is what is pooled: the tables of one of the library's writers are far
// larger than a session.
type deflater struct {
	short    deflate.Writer
	matching *zlib.Writer // level 4: sessions come out as short as at 6, sooner
	huffman  *zlib.Writer // codes for frequent characters, no search for repeats
	out      []byte
}

var deflaters = sync.Pool{New: func() any { return new(deflater) }}

// library makes the library's writers when they are first needed.
func (d *deflater) library() {
	if d.matching == nil { // the errors are for levels that do not exist
		d.matching, _ = zlib.NewWriterLevel(d, 4)
		d.huffman, _ = zlib.NewWriterLevel(d, zlib.HuffmanOnly)
	}
}

// Write implements io.Writer for the zlib writers.
func (d *deflater) Write(p []byte) (int, error) {
	d.out = append(d.out, p...)
	return len(p), nil
}

// deflate returns data compressed, in memory that belongs to d, or nil if that
// would not be shorter. The bytes are not those of Python's zlib, which finds
// other matches; either reads the other's.
func (d *deflater) deflate(data []byte) []byte {
	if len(data) < minCompressible {
		return nil
	}
	var ok bool
	if d.out, ok = d.short.Append(d.out[:0], data); ok && shorter(d.out, data) {
		return d.out
	}
	d.library()
	z := d.run(d.matching, data)
	if !shorter(z, data) && len(data) >= minMatching {
		// Level 4 stores as it is what repeats nothing. But a long random
		// token or a list of numbers has few different characters.
		z = d.run(d.huffman, data)
	}
	if !shorter(z, data) {
		return nil
	}
	return z
}

func (d *deflater) run(w *zlib.Writer, data []byte) []byte {
	d.out = d.out[:0]
	w.Reset(d)
	w.Write(data) // goes to d, which never fails
	w.Close()
	return d.out
}

// shorter is Python's condition. Its one byte less pays for the dot.
func shorter(z, data []byte) bool { return len(z) < len(data)-1 }

func (d *deflater) free() {
	if cap(d.out) <= maxPooled {
		deflaters.Put(d)
	}
}

// inflater is a pooled zlib reader.
type inflater struct {
	src bytes.Reader
	zr  io.ReadCloser // nil until first used
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// open starts reading data.
func (f *inflater) open(data []byte) (err error) {
	f.src.Reset(data)
	if f.zr == nil {
		f.zr, err = zlib.NewReader(&f.src)
		return err
	}
	return f.zr.(zlib.Resetter).Reset(&f.src, nil)
}

// inflate appends data decompressed to dst, which is empty. It never holds
// more than a few times limit, whatever data says, and requires the checksum.
// Bytes after the end of the zlib stream are ignored, as Python does.
func inflate(dst, data []byte, limit int) ([]byte, error) {
	if text, ok := deflate.AppendText(dst, data, limit); ok {
		return text, nil
	}
	f := inflaters.Get().(*inflater)
	defer func() {
		f.src.Reset(nil)
		inflaters.Put(f)
	}()
	if err := f.open(data); err != nil {
		return dst, malformed("bad zlib header")
	}
	dst = slices.Grow(dst, min(4*len(data), limit)) // a first guess at the size
	for {
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, 512)
		}
		n, err := f.zr.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > limit:
			return dst, ErrTooLarge
		case err == io.EOF:
			return dst, nil
		case err != nil:
			return dst, malformed("bad zlib data")
		}
	}
}
