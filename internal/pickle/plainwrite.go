package pickle

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/keepsake-go/sessions/internal/pyjson"
)

// PlainWriter writes a plain dict, see ReadPlain: NewPlainWriter, Member for each
// of its members, End, and in any case Done.
type PlainWriter struct {
	b        []byte
	members  int    // as many are to come
	text     string // a member's JSON
	pos      int
	depth    int // of containers around pos
	memoized uint32
	strs     []plainStr // in the memo: keys and singletons
}

type plainStr struct {
	text  string
	index uint32
}

// maxPlainStrs is how many strs are compared one by one: for more a map is
// faster. So members, whose names differ, are always less than a batch.
const maxPlainStrs = 64

var plainWriters = sync.Pool{New: func() any { return new(PlainWriter) }}

// NewPlainWriter begins a dict of that many members.
func NewPlainWriter(protocol, members int) *PlainWriter {
	w := plainWriters.Get().(*PlainWriter)
	w.members, w.depth, w.memoized = members, 1, 1
	w.b = append(w.b, opProto, byte(protocol), opFrame, 0, 0, 0, 0, 0, 0, 0, 0, opEmptyDict, opMemoize)
	if members != 1 {
		w.b = append(w.b, opMark)
	}
	return w
}

// Done gives the writer back: it must not be used any more.
func (w *PlainWriter) Done() {
	if cap(w.b) > maxBuffer {
		return
	}
	clear(w.strs)
	*w = PlainWriter{b: w.b[:0], strs: w.strs[:0]}
	plainWriters.Put(w)
}

// Member writes a member, and reports whether it could.
func (w *PlainWriter) Member(name, json string) bool {
	if pyjson.Plain(name) != len(name) && !pyjson.ValidName(name) {
		return false
	}
	w.text, w.pos = json, 0
	return w.str(name, true) && w.value() && w.pos == len(json)
}

// End returns the pickle, which has limit bytes at most. It reports whether all
// that was written is what Append writes.
func (w *PlainWriter) End(limit int) (string, bool) {
	if w.members == 1 {
		w.b = append(w.b, opSetItem, opStop)
	} else {
		w.b = append(w.b, opSetItems, opStop)
	}
	start := len("\x80\x04") + frameHeader
	size := len(w.b) - start
	binary.LittleEndian.PutUint64(w.b[start-8:], uint64(size))
	if w.members == 0 || size >= frameTarget || len(w.b) > limit {
		return "", false
	}
	return string(w.b), true
}

// peek returns the next byte of the JSON, or 0 at its end.
func (w *PlainWriter) peek() byte {
	if w.pos < len(w.text) {
		return w.text[w.pos]
	}
	return 0
}

// value writes the next value of the JSON, which has no white space.
func (w *PlainWriter) value() bool {
	switch w.peek() {
	case '"':
		text, ok := w.quoted()
		return ok && w.str(text, false)
	case '[':
		return w.container(']', opEmptyList, opAppend, opAppends)
	case '{':
		return w.container('}', opEmptyDict, opSetItem, opSetItems)
	case 'n':
		return w.word("null", opNone)
	case 't':
		return w.word("true", opNewTrue)
	case 'f':
		return w.word("false", opNewFalse)
	}
	return w.number()
}

func (w *PlainWriter) word(word string, op byte) bool {
	if !strings.HasPrefix(w.text[w.pos:], word) {
		return false
	}
	w.pos += len(word)
	w.b = append(w.b, op)
	return true
}

// number writes a number that fits 64 bits.
func (w *PlainWriter) number() bool {
	start := w.pos
	for w.pos < len(w.text) && inLiteral(w.text[w.pos]) {
		w.pos++
	}
	word := w.text[start:w.pos]
	if pyjson.Valid(word) != nil {
		return false
	}
	if n, err := strconv.ParseInt(word, 10, 64); err == nil {
		w.b = appendInt(w.b, n)
		return true
	}
	if isInteger(word) {
		return false
	}
	f, err := readFloat(word)
	w.b = append(w.b, opBinFloat)
	w.b = binary.BigEndian.AppendUint64(w.b, math.Float64bits(f))
	return err == nil
}

// quoted reads a string.
func (w *PlainWriter) quoted() (text string, ok bool) {
	start := w.pos + 1
	end := start + pyjson.Plain(w.text[start:])
	if end < len(w.text) && w.text[end] == '"' {
		w.pos = end + 1
		return w.text[start:end], true
	}
	for end < len(w.text) && w.text[end] != '"' {
		if w.text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(w.text) {
		return "", false
	}
	w.pos = end + 1
	return pyjson.Unquote(w.text[start-1 : w.pos])
}

// str writes a str, or where in the memo it is.
func (w *PlainWriter) str(text string, key bool) bool {
	if key || singleton(text) {
		for i := range w.strs {
			if w.strs[i].text == text {
				w.b = appendGet(w.b, w.strs[i].index)
				return true
			}
		}
		if len(w.strs) == maxPlainStrs {
			return false
		}
		w.strs = append(w.strs, plainStr{text, w.memoized})
	}
	if len(text) <= math.MaxUint8 {
		w.b = append(w.b, opShortBinUnicode, byte(len(text)))
	} else {
		w.b = append(w.b, opBinUnicode)
		w.b = binary.LittleEndian.AppendUint32(w.b, uint32(len(text)))
	}
	w.b = append(w.b, text...)
	w.b = append(w.b, opMemoize)
	w.memoized++
	return true
}

// container writes a list or a dict of less than a batch.
func (w *PlainWriter) container(end, empty, one, many byte) bool {
	if w.depth++; w.depth > MaxDepth {
		return false
	}
	w.b = append(w.b, empty, opMemoize)
	w.memoized++
	w.pos++
	mark := len(w.b)
	n := 0
	for w.peek() != end || n > 0 {
		if n == 0 {
			w.b = append(w.b, opMark)
		}
		if n++; n == batch || empty == opEmptyDict && !w.key() || !w.value() {
			return false
		}
		c := w.peek()
		if c == end {
			break
		}
		if c != ',' {
			return false
		}
		w.pos++
	}
	w.pos++
	w.depth--
	switch n {
	case 0:
	case 1:
		w.b = append(w.b[:mark], w.b[mark+1:]...)
		w.b = append(w.b, one)
	default:
		w.b = append(w.b, many)
	}
	return true
}

func (w *PlainWriter) key() bool {
	if w.peek() != '"' {
		return false
	}
	text, ok := w.quoted()
	if !ok || !w.str(text, true) || w.peek() != ':' {
		return false
	}
	w.pos++
	return true
}
