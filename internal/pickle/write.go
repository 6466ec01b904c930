package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Sizes of CPython's pickler.
const (
	batch       = 1000     // elements of one APPENDS, SETITEMS or ADDITEMS
	frameTarget = 64 << 10 // bytes: a frame that has as many ends; a text of as many is outside any
	frameMin    = 4        // a frame of fewer bytes has no header
	frameHeader = 9
)

// Append appends v as a pickle of protocol 4 or 5. It is ErrLimit when the
// pickle gets longer than limit bytes, or Parse would refuse it;
// ErrSyntax when v holds a str that is not WTF-8.
//
// The bytes are those of pickle.dumps(json.loads(text), protocol), when v is a
// dict of what JSON has and no key comes twice in it. CPython refers back to a
// str that it has written before if it is the same object. Which objects are
// the same depends on the program; after json.loads equal keys are, and the
// strs of which the interpreter has one only: the empty one and the single
// characters up to U+00FF. Those are shared here, other strs only where one
// Value occurs several times.
func Append(b []byte, v *Value, protocol, limit int) ([]byte, error) {
	if protocol != 4 && protocol != 5 {
		return b, fmt.Errorf("pickle: no protocol %d", protocol)
	}
	if err := measure(v, 1); err != nil {
		return b, err
	}
	w := writer{b: append(b, opProto, byte(protocol)), protocol: protocol, limit: len(b) + limit, frame: noFrame}
	w.save(v, false)
	w.op(opStop)
	w.closeFrame()
	if w.err == nil && w.full() {
		w.err = ErrLimit
	}
	if w.err != nil {
		return b, w.err
	}
	return w.b, nil
}

const noFrame = -1

// writer is CPython's Pickler (Modules/_pickle.c).
type writer struct {
	b        []byte
	protocol int
	limit    int
	ops      int
	frame    int // where the present frame's header is, or noFrame
	unframed bool
	memoized uint32
	strs     map[string]uint32    // in the memo: keys and singletons
	globals  map[qualified]uint32 // in the memo
	objects  map[*Value]uint32    // in the memo: what is shared
	err      error
}

// op appends one opcode with the first bytes of its argument.
func (w *writer) op(bytes ...byte) {
	if w.frame == noFrame && !w.unframed {
		w.frame = len(w.b)
		w.ops++
		w.b = append(w.b, opFrame, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	w.ops++
	w.b = append(w.b, bytes...)
}

func (w *writer) closeFrame() {
	if w.frame == noFrame {
		return
	}
	size := len(w.b) - w.frame - frameHeader
	if size >= frameMin {
		binary.LittleEndian.PutUint64(w.b[w.frame+1:], uint64(size))
	} else {
		w.b = append(w.b[:w.frame], w.b[w.frame+frameHeader:]...)
	}
	w.frame = noFrame
}

// full reports whether Parse would refuse what there is.
func (w *writer) full() bool { return len(w.b) > w.limit || w.ops >= MaxOps }

// save writes one value. Equal keys are one object.
func (w *writer) save(v *Value, key bool) {
	if w.err != nil {
		return
	}
	if w.full() {
		w.err = ErrLimit
		return
	}
	if w.frame != noFrame && len(w.b)-w.frame-frameHeader >= frameTarget {
		w.closeFrame()
	}
	if v.shared {
		if i, ok := w.objects[v]; ok {
			w.get(i)
			return
		}
	}
	switch v.Kind {
	case None:
		w.op(opNone)
	case Bool:
		w.op(opNewFalse - byte(v.Int&1))
	case Int:
		w.int(v.Int)
	case Long:
		w.long(v.Text)
	case Float:
		w.op(opBinFloat)
		w.b = binary.BigEndian.AppendUint64(w.b, uint64(v.Int))
	case Str:
		w.str(v, key)
	case Bytes:
		w.bytes(v)
	case ByteArray:
		w.byteArray(v)
	case List:
		w.op(opEmptyList)
		w.memoize(v)
		w.batches(v.Items, 1, opAppend, opAppends)
	case Dict:
		w.op(opEmptyDict)
		w.memoize(v)
		w.batches(v.Items, 2, opSetItem, opSetItems)
	case Set:
		w.op(opEmptySet)
		w.memoize(v)
		w.batches(v.Items, 1, 0, opAddItems)
	case FrozenSet:
		w.op(opMark)
		w.all(v.Items)
		w.op(opFrozenSet)
		w.memoize(v)
	case Tuple:
		w.tuple(v)
	case Object:
		w.object(v)
	}
}

func (w *writer) all(items []*Value) {
	for _, item := range items {
		w.save(item, false)
	}
}

func (w *writer) memoize(v *Value) {
	if v != nil && v.shared {
		if w.objects == nil {
			w.objects = map[*Value]uint32{}
		}
		w.objects[v] = w.memoized
	}
	w.op(opMemoize)
	w.memoized++
}

func (w *writer) get(i uint32) {
	var room [5]byte
	w.op(appendGet(room[:0], i)...)
}

func appendGet(b []byte, i uint32) []byte {
	if i <= math.MaxUint8 {
		return append(b, opBinGet, byte(i))
	}
	return binary.LittleEndian.AppendUint32(append(b, opLongBinGet), i)
}

func (w *writer) int(n int64) {
	var room [10]byte
	w.op(appendInt(room[:0], n)...)
}

// appendInt is save_long.
func appendInt(b []byte, n int64) []byte {
	switch {
	case n >= 0 && n <= math.MaxUint8:
		return append(b, opBinInt1, byte(n))
	case n >= 0 && n <= math.MaxUint16:
		return append(b, opBinInt2, byte(n), byte(n>>8))
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return append(b, opBinInt, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	size := 8
	for size > 1 && n<<(72-8*size)>>(72-8*size) == n { // a byte less holds it as well
		size--
	}
	b = append(b, opLong1, byte(size))
	for i := range size {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

func (w *writer) long(digits string) {
	if len(digits) <= math.MaxUint8 {
		w.op(opLong1, byte(len(digits)))
	} else {
		w.op(opLong4)
		w.b = binary.LittleEndian.AppendUint32(w.b, uint32(len(digits)))
	}
	w.b = append(w.b, digits...)
}

func (w *writer) str(v *Value, key bool) {
	one := key || singleton(v.Text)
	if one {
		if i, ok := w.strs[v.Text]; ok {
			w.get(i)
			return
		}
		if w.strs == nil {
			w.strs = make(map[string]uint32, 16)
		}
		w.strs[v.Text] = w.memoized
	}
	if !validWTF8(v.Text) {
		w.err = ErrSyntax
		return
	}
	w.counted(v.Text, opShortBinUnicode, opBinUnicode, opBinUnicode8)
	w.memoize(v)
}

func (w *writer) bytes(v *Value) {
	w.counted(v.Text, opShortBinBytes, opBinBytes, opBinBytes8)
	w.memoize(v)
}

func (w *writer) byteArray(v *Value) {
	if w.protocol >= 5 {
		w.counted(v.Text, 0, 0, opByteArray8)
	} else {
		w.global("builtins", "bytearray")
		w.tuple(&Value{Items: []*Value{{Kind: Bytes, Text: v.Text}}})
		w.op(opReduce)
	}
	w.memoize(v)
}

// counted writes a text after its length, with the opcode for a length of one,
// four or eight bytes. A long text stands outside the frames.
func (w *writer) counted(text string, op1, op4, op8 byte) {
	outside := len(text) >= frameTarget
	if outside {
		w.closeFrame()
		w.unframed = true
	}
	switch n := uint64(len(text)); {
	case n <= math.MaxUint8 && op1 != 0:
		w.op(op1, byte(n))
	case n <= math.MaxUint32 && op4 != 0:
		w.op(op4)
		w.b = binary.LittleEndian.AppendUint32(w.b, uint32(n))
	default:
		w.op(op8)
		w.b = binary.LittleEndian.AppendUint64(w.b, n)
	}
	w.b = append(w.b, text...)
	w.unframed = false
}
