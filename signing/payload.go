package signing

import (
	"encoding/base64"
	"strings"
	"sync"
)

// DefaultLimit is the largest payload, in bytes, that is read where the caller
// names no limit: 16 MiB. Django has none and relies on the signature alone.
const DefaultLimit = 16 << 20

// buffers is the working memory of one call. In and out hold different things
// at different steps; nothing that is returned to a caller points into them.
type buffers struct{ in, out []byte }

var bufferPool = sync.Pool{New: func() any { return new(buffers) }}

// maxPooled keeps one huge session from pinning its memory in the pool.
const maxPooled = 64 << 10

func getBuffers() *buffers { return bufferPool.Get().(*buffers) }

func (b *buffers) free() {
	if cap(b.in) <= maxPooled && cap(b.out) <= maxPooled {
		bufferPool.Put(b)
	}
}

// appendPayload appends the payload as it stands in a signed string: base64,
// with a leading dot if compressed. It uses b.in.
func (b *buffers) appendPayload(dst []byte, payload string, compress bool) []byte {
	b.in = append(b.in[:0], payload...)
	data := b.in
	if compress {
		d := deflaters.Get().(*deflater)
		defer d.free()
		if z := d.deflate(data); z != nil {
			dst = append(dst, '.')
			data = z
		}
	}
	return base64.RawURLEncoding.AppendEncode(dst, data)
}

// decodePayload undoes appendPayload. It uses b.in and b.out.
func (b *buffers) decodePayload(text string, limit int) (payload string, err error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	text, compressed := strings.CutPrefix(text, ".")
	b.in = append(b.in[:0], text...)
	if b.out, err = appendB64Decoded(b.out[:0], b.in); err != nil {
		return "", err
	}
	if !compressed {
		if len(b.out) > limit {
			return "", ErrTooLarge
		}
		return string(b.out), nil
	}
	if b.in, err = inflate(b.in[:0], b.out, limit); err != nil {
		return "", err
	}
	return string(b.in), nil
}
