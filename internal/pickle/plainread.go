package pickle

import (
	"encoding/binary"
	"math"
	"strconv"
	"sync"

	"github.com/keepsake-go/sessions/internal/pyjson"
)

// Most sessions are plain: dicts of what JSON has, as CPython's pickler writes
// them in protocol 4 or 5. ReadPlain and PlainWriter go between those and JSON
// without a tree. They give what Parse and AppendJSON, or FromJSON and Append,
// would give, or nothing: then those are to be asked. All errors are theirs.

// ReadPlain reads the pickled dict at the start of data and passes its members,
// in their order, with how many are still to come; names are parts of data. n is
// how many bytes the pickle has, limit at most. ok is false, and nothing was
// passed, where the pickle is not plain, or its JSON would get longer than room.
func ReadPlain(data string, limit, room int, member func(name, json string, more int)) (n int, ok bool) {
	r := plainReaders.Get().(*plainReader)
	defer r.done()
	r.data = data[:min(len(data), limit, MaxOps)]
	if !r.run(room) {
		return 0, false
	}
	text, start := string(r.b), 0
	for i, m := range r.members {
		member(data[m.name:m.nameEnd], text[start:m.end], len(r.members)-i-1)
		start = m.end
	}
	return r.pos, true
}

// plainReader is the parser with JSON on its stack. The values are one behind the
// other in b, each followed by a comma. What fills a container makes its values
// part of it; those of the dict at the bottom are its members.
type plainReader struct {
	data    string
	pos     int
	b       []byte
	members []plainMember // their JSON is at the start of b
	stack   []plainValue
	memo    []plainValue
	marks   []int // where in the stack
}

var plainReaders = sync.Pool{New: func() any { return new(plainReader) }}

// What is larger is not kept for the next pickle: a buffer in bytes, a list.
const (
	maxBuffer = 64 << 10
	maxList   = 4 << 10
)

func (r *plainReader) done() {
	if cap(r.b) > maxBuffer || max(cap(r.members), cap(r.stack), cap(r.memo), cap(r.marks)) > maxList {
		return
	}
	*r = plainReader{b: r.b[:0], members: r.members[:0], stack: r.stack[:0], memo: r.memo[:0], marks: r.marks[:0]}
	plainReaders.Put(r)
}

func (r *plainReader) run(room int) bool {
	for r.pos < len(r.data) && len(r.b) <= room {
		op := r.data[r.pos]
		r.pos++
		if op == opStop {
			return len(r.stack) == 1 && len(r.marks) == 0
		}
		if !r.step(op) {
			return false
		}
	}
	return false
}

// plainMember is where a member's name is in data, and where its JSON ends in b.
type plainMember struct{ name, nameEnd, end int }

type plainValue struct {
	start  int32 // of its JSON in b
	text   int32 // of a Str in data
	size   int32 // the Str's
	height int16 // of containers, as in Value
	kind   Kind  // Str, List, Dict, or None for the others
}

// step carries out one opcode and reports whether it could.
func (r *plainReader) step(op byte) bool {
	switch op {
	case opProto:
		version, ok := r.number(1)
		return ok && version <= 5
	case opFrame:
		size, ok := r.number(8)
		return ok && size <= uint64(len(r.data)-r.pos)

	case opMemoize:
		if len(r.stack) <= r.fence() {
			return false
		}
		r.memo = append(r.memo, r.stack[len(r.stack)-1])
		return true
	case opBinGet, opLongBinGet:
		size := 1
		if op == opLongBinGet {
			size = 4
		}
		i, ok := r.number(size)
		if !ok || i >= uint64(len(r.memo)) || r.memo[i].kind != Str {
			return false // a list that occurs twice, say
		}
		return r.str(int(r.memo[i].text), int(r.memo[i].size))

	case opShortBinUnicode:
		size, ok := r.number(1)
		return ok && r.newStr(size)
	case opBinUnicode:
		size, ok := r.number(4)
		return ok && r.newStr(size)

	case opNone:
		return r.scalar(append(r.b, "null"...))
	case opNewTrue:
		return r.scalar(append(r.b, "true"...))
	case opNewFalse:
		return r.scalar(append(r.b, "false"...))
	case opBinInt1:
		n, ok := r.number(1)
		return ok && r.int(int64(n))
	case opBinInt2:
		n, ok := r.number(2)
		return ok && r.int(int64(n))
	case opBinInt:
		n, ok := r.number(4)
		return ok && r.int(int64(int32(n)))
	case opLong1:
		size, ok := r.number(1)
		if !ok || size == 0 || size > 8 {
			return false
		}
		n, ok := r.number(int(size))
		unused := 64 - 8*size
		return ok && r.int(int64(n<<unused)>>unused)
	case opBinFloat:
		if len(r.data)-r.pos < 8 {
			return false
		}
		bits := binary.BigEndian.Uint64([]byte(r.data[r.pos : r.pos+8]))
		r.pos += 8
		return r.scalar(pyjson.AppendFloat(r.b, math.Float64frombits(bits)))

	case opEmptyList:
		return r.container(List, "[]")
	case opEmptyDict:
		return r.container(Dict, "{}")
	case opMark:
		return r.mark()
	case opAppend:
		return r.one(List, 1)
	case opSetItem:
		return r.one(Dict, 2)
	case opAppends:
		return r.many(List)
	case opSetItems:
		return r.many(Dict)
	}
	return false
}

// number reads an unsigned little-endian number of up to 8 bytes.
func (r *plainReader) number(size int) (n uint64, ok bool) {
	if size > len(r.data)-r.pos {
		return 0, false
	}
	for i := range size {
		n |= uint64(r.data[r.pos+i]) << (8 * i)
	}
	r.pos += size
	return n, true
}

// push adds a value whose JSON was appended in b.
func (r *plainReader) push(b []byte, v plainValue) bool {
	v.start = int32(len(r.b))
	r.b = append(b, ',')
	r.stack = append(r.stack, v)
	return len(r.stack) > 1 // at the bottom is the dict
}

func (r *plainReader) scalar(b []byte) bool { return r.push(b, plainValue{}) }

func (r *plainReader) int(n int64) bool { return r.scalar(strconv.AppendInt(r.b, n, 10)) }

func (r *plainReader) newStr(size uint64) bool {
	if size > uint64(len(r.data)-r.pos) {
		return false
	}
	r.pos += int(size)
	return r.str(r.pos-int(size), int(size))
}

func (r *plainReader) str(at, size int) bool {
	text := r.data[at : at+size]
	b := pyjson.AppendString(r.b, text)
	if len(b) != len(r.b)+size+len(`""`) && !pyjson.ValidName(text) { // something was escaped
		return false
	}
	return r.push(b, plainValue{kind: Str, text: int32(at), size: int32(size)})
}

func (r *plainReader) container(kind Kind, empty string) bool {
	if len(r.stack) == 0 {
		r.stack = append(r.stack, plainValue{kind: kind, height: 1})
		return kind == Dict
	}
	return r.push(append(r.b, empty...), plainValue{kind: kind, height: 1})
}

// fence is how much of the stack lies below the last mark.
func (r *plainReader) fence() int {
	if n := len(r.marks); n > 0 {
		return r.marks[n-1]
	}
	return 0
}

// mark begins to fill the container on top of the stack, whose JSON is open from
// now on.
func (r *plainReader) mark() bool {
	top := len(r.stack) - 1
	if top < r.fence() || r.stack[top].kind < List {
		return false // a tuple, say
	}
	r.marks = append(r.marks, len(r.stack))
	if top > 0 {
		r.open(top)
	}
	return true
}

// open takes the bracket and the comma off the last JSON, and puts a comma in
// their place if something is in it.
func (r *plainReader) open(top int) {
	n := len(r.b) - len("],")
	if n > int(r.stack[top].start)+len("[") {
		r.b[n] = ','
		n++
	}
	r.b = r.b[:n]
}

// many fills a container with what lies above the last mark.
func (r *plainReader) many(kind Kind) bool {
	if len(r.marks) == 0 {
		return false
	}
	first := r.fence()
	r.marks = r.marks[:len(r.marks)-1]
	return r.fill(kind, first)
}

// one fills a container, which is the dict at the bottom or empty, with the last
// n values.
func (r *plainReader) one(kind Kind, n int) bool {
	first := len(r.stack) - n
	if first-1 < r.fence() {
		return false
	}
	if first > 1 {
		start, item := r.stack[first-1].start, r.stack[first].start
		if int(item-start) != len("[],") {
			return false
		}
		r.b = append(r.b[:start+1], r.b[item:]...)
		for i := first; i < len(r.stack); i++ {
			r.stack[i].start -= 2
		}
	}
	return r.fill(kind, first)
}

// fill makes the values from first on part of the container below them, in whose
// JSON they are already, all but the last bracket.
func (r *plainReader) fill(kind Kind, first int) bool {
	c, items := &r.stack[first-1], r.stack[first:]
	if c.kind != kind || kind == Dict && len(items)%2 != 0 {
		return false
	}
	for i, item := range items {
		c.height = max(c.height, item.height+1)
		if kind == Dict && i%2 == 0 && item.kind != Str {
			return false
		}
	}
	if c.height > MaxDepth {
		return false
	}
	r.stack = r.stack[:first]
	if first == 1 {
		r.keep(items)
		return true
	}
	end := byte(']')
	if kind == Dict {
		end = '}'
		for i := 1; i < len(items); i += 2 {
			r.b[items[i].start-1] = ':'
		}
	}
	if n := len(r.b) - 1; r.b[n] == ',' {
		r.b = r.b[:n]
	}
	r.b = append(r.b, end, ',')
	return true
}

// keep makes members of keys and values.
func (r *plainReader) keep(items []plainValue) {
	kept := 0
	if n := len(r.members); n > 0 {
		kept = r.members[n-1].end
	}
	for i := 0; i < len(items); i += 2 {
		end := len(r.b)
		if i+2 < len(items) {
			end = int(items[i+2].start)
		}
		kept += copy(r.b[kept:], r.b[items[i+1].start:end-1])
		name := items[i]
		r.members = append(r.members, plainMember{int(name.text), int(name.text + name.size), kept})
	}
	r.b = r.b[:kept]
}
