package engine

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// What cached_db keeps in its cache. Django unpickles it and stops at the
// pickle's final dot; what follows is ours.
//
//	value:  the session's dict, pickled, and a tail
//	mark:   "N." and a word that nobody else uses: a pickled None, which Django
//	        takes for a miss
//
// The tail:
//
//	row    the row's session_data, byte for byte
//	epoch  the name of the cache server's run that took the writer's mark
//	8      expire_date, microseconds since 1970, big-endian
//	4      the row's length, big-endian
//	1      the epoch's length
//	8      tailMagic, which does not end with a pickle's dot
const tailMagic = "Keepsak1"

const tailFixed = 8 + 4 + 1 + len(tailMagic)

// tail is what Keepsake reads of a value.
type tail struct {
	row     string
	epoch   string
	expires time.Time
}

// append puts the tail behind a pickle. An epoch has at most 255 bytes.
func (t tail) append(pickle string) string {
	b := make([]byte, 0, len(pickle)+len(t.row)+len(t.epoch)+tailFixed)
	b = append(b, pickle...)
	b = append(b, t.row...)
	b = append(b, t.epoch...)
	b = binary.BigEndian.AppendUint64(b, uint64(t.expires.UnixMicro()))
	b = binary.BigEndian.AppendUint32(b, uint32(len(t.row)))
	b = append(b, byte(len(t.epoch)))
	return string(append(b, tailMagic...))
}

// cutTail reads a value's tail. A value without one was set by a stock Django, or
// is a mark.
func cutTail(value string) (t tail, ok bool) {
	rest, ok := strings.CutSuffix(value, tailMagic)
	if !ok || len(value) < tailFixed {
		return tail{}, false
	}
	fixed := []byte(rest[len(rest)-13:])
	rest = rest[:len(rest)-13]
	row, epoch := int64(binary.BigEndian.Uint32(fixed[8:])), int64(fixed[12])
	if row+epoch > int64(len(rest)) {
		return tail{}, false
	}
	rest = rest[len(rest)-int(row+epoch):]
	return tail{
		row: rest[:row], epoch: rest[row:],
		expires: time.UnixMicro(int64(binary.BigEndian.Uint64(fixed))),
	}, true
}

// isMark reports whether a value without a tail is a mark.
func isMark(value string) bool { return strings.HasPrefix(value, pickledNone) }

// marks makes marks, each of them once.
type marks struct {
	process string // a random word of this process
	n       atomic.Uint64
}

func newMarks() *marks {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails
	return &marks{process: base64.RawURLEncoding.EncodeToString(b[:])}
}

func (m *marks) next() string {
	return pickledNone + m.process + strconv.FormatUint(m.n.Add(1), 36)
}
