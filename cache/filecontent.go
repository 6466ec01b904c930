package cache

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zlib"

	"github.com/keepsake-go/sessions/internal/pickle"
)

// A file of Django's file-based cache is a pickle of its expiry, which is None
// or a float of seconds since 1970, and after it the value, compressed by zlib.

// maxFileValue is the largest value, in bytes, that is read or written: what a
// file of a few kilobytes can expand to has no bound.
const maxFileValue = 64 << 20

var errFileTooLarge = fmt.Errorf("the value has more than %d MiB", maxFileValue>>20)

const (
	pickledNever = "\x80\x05N."
	floatStart   = "\x80\x05\x95\x0a\x00\x00\x00\x00\x00\x00\x00G"
)

// fileEntry is a file's content.
type fileEntry struct {
	value string
	ends  time.Time // zero: never
	stamp uint64    // the float as it stands there: what a version is known by
}

// item is the entry as callers have it.
func (e fileEntry) item() Item { return Item{Value: e.value, Ends: e.ends, Token: e.stamp} }

// is reports whether the entry still is old.
func (e fileEntry) is(old Item) bool {
	return e.value == old.Value && (old.Token == nil || old.Token == e.stamp)
}

func (e fileEntry) ended(now time.Time) bool { return !e.ends.IsZero() && !e.ends.After(now) }

// newFileEntry is an entry that ends at now+ttl, to the microsecond: a float has
// no more.
func newFileEntry(value string, ttl time.Duration, now time.Time) fileEntry {
	if ttl == NoEnd {
		return fileEntry{value: value, stamp: math.Float64bits(math.Inf(1))}
	}
	ends := now.Add(ttl).Add(time.Microsecond - 1)
	seconds := float64(ends.UnixMicro()) / 1e6
	return fileEntry{value: value, ends: fileTime(seconds), stamp: math.Float64bits(seconds)}
}

// fileTime is a time of Python's, to the microsecond; zero for what is too far
// away for its dates.
func fileTime(seconds float64) time.Time {
	const lastYear = 253402300800 // 9999 and all after it
	if !(seconds < lastYear) {    // nor for a NaN, which Python never finds in the past
		return time.Time{}
	}
	return time.UnixMicro(int64(math.Round(max(seconds, 0) * 1e6)))
}

var fileWriters = sync.Pool{New: func() any {
	w, _ := zlib.NewWriterLevel(nil, 6) // the error is for levels that do not exist
	return w
}}

// encode is the file's content.
func (e fileEntry) encode() (string, error) {
	if len(e.value) > maxFileValue {
		return "", errFileTooLarge
	}
	var out bytes.Buffer
	if e.ends.IsZero() {
		out.WriteString(pickledNever)
	} else {
		out.WriteString(floatStart)
		out.Write(binary.BigEndian.AppendUint64(nil, e.stamp))
		out.WriteByte('.')
	}
	w := fileWriters.Get().(*zlib.Writer)
	defer fileWriters.Put(w)
	w.Reset(&out)
	_, _ = io.WriteString(w, e.value) // goes to memory, which never fails
	_ = w.Close()
	return out.String(), nil
}

// decodeFileExpiry reads the expiry at the start of a file, and returns what
// comes after it. An empty file, which a full disk leaves, has ended: Django
// says so, too.
func decodeFileExpiry(content string) (e fileEntry, rest string, err error) {
	if content == "" {
		return fileEntry{ends: time.Unix(0, 0)}, "", nil
	}
	v, n, err := pickle.Parse(content, 64)
	if err != nil {
		return fileEntry{}, "", fmt.Errorf("%w: the expiry", ErrCorrupt)
	}
	switch rest = content[n:]; v.Kind {
	case pickle.None:
		return fileEntry{stamp: math.Float64bits(math.Inf(1))}, rest, nil
	case pickle.Float:
		return fileEntry{ends: fileTime(v.Float()), stamp: uint64(v.Int)}, rest, nil
	case pickle.Int:
		seconds := float64(v.Int)
		return fileEntry{ends: fileTime(seconds), stamp: math.Float64bits(seconds)}, rest, nil
	default:
		return fileEntry{}, "", fmt.Errorf("%w: the expiry is no number", ErrCorrupt)
	}
}

// decodeFile reads a whole file; the value only if it lives.
func decodeFile(content string, now time.Time) (fileEntry, error) {
	e, rest, err := decodeFileExpiry(content)
	if err != nil || e.ended(now) {
		return e, err
	}
	r, err := zlib.NewReader(strings.NewReader(rest))
	if err != nil {
		return fileEntry{}, fmt.Errorf("%w: not compressed by zlib", ErrCorrupt)
	}
	value, err := io.ReadAll(io.LimitReader(r, maxFileValue+1))
	switch {
	case err != nil:
		return fileEntry{}, fmt.Errorf("%w: damaged", ErrCorrupt)
	case len(value) > maxFileValue:
		return fileEntry{}, fmt.Errorf("%w: %w", ErrCorrupt, errFileTooLarge)
	}
	e.value = string(value)
	return e, nil
}
