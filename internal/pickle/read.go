package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Parse reads the pickle at the start of data and says how many bytes it has;
// what follows is ignored, as Python does. A pickle of more than limit bytes is
// refused. Texts in the tree are parts of data.
func Parse(data string, limit int) (v *Value, n int, err error) {
	p := parser{data: data, limit: limit}
	p.stack = p.stackBuffer[:0]
	p.memo = p.memoBuffer[:0]
	if v, err = p.run(); err == nil {
		err = measure(v, 1)
	}
	if err != nil {
		return nil, 0, err
	}
	return v, p.pos, nil
}

// parser is CPython's Unpickler (Modules/_pickle.c), without the calling.
type parser struct {
	Arena
	data  string
	pos   int
	limit int
	ops   int
	stack []*Value
	marks []int // where in the stack
	memo  []*Value

	stackBuffer, memoBuffer [32]*Value
}

func (p *parser) syntax() error { return fmt.Errorf("%w at offset %d", ErrSyntax, p.pos) }

func (p *parser) run() (*Value, error) {
	for p.pos < len(p.data) {
		op := p.data[p.pos]
		p.pos++
		if p.ops++; p.ops > MaxOps || p.pos > p.limit {
			return nil, ErrLimit
		}
		if op == opStop {
			if v, ok := p.pop(); ok {
				return v, nil
			}
			return nil, p.syntax()
		}
		if err := p.step(op); err != nil {
			return nil, err
		}
	}
	return nil, p.syntax()
}

// step carries out one opcode.
func (p *parser) step(op byte) error {
	switch op {
	case opProto:
		version, ok := p.take(1)
		return p.check(ok && version[0] <= 5)
	case opFrame:
		size, ok := p.number(8)
		return p.check(ok && size <= uint64(len(p.data)-p.pos))
	case opMark:
		p.marks = append(p.marks, len(p.stack))
		return nil
	case opPop:
		if n := len(p.marks); n > 0 && p.marks[n-1] == len(p.stack) {
			p.marks = p.marks[:n-1]
			return nil
		}
		_, ok := p.pop()
		return p.check(ok)
	case opPopMark:
		_, ok := p.popMark()
		return p.check(ok)
	case opDup:
		v, ok := p.top()
		return p.pushShared(v, ok)

	case opPut, opBinPut, opLongBinPut, opMemoize:
		return p.put(op)
	case opGet, opBinGet, opLongBinGet:
		i, ok := p.index(op)
		if !ok || i >= uint64(len(p.memo)) {
			return p.syntax()
		}
		return p.pushShared(p.memo[i], p.memo[i] != nil)

	case opEmptyList:
		return p.push(p.container(List, nil), true)
	case opEmptyDict:
		return p.push(p.container(Dict, nil), true)
	case opEmptySet:
		return p.push(p.container(Set, nil), true)
	case opEmptyTuple:
		return p.push(p.container(Tuple, nil), true)
	case opTuple1, opTuple2, opTuple3:
		return p.tuple(int(op-opTuple1) + 1)
	case opList, opDict, opTuple, opFrozenSet:
		return p.collect(op)
	case opAppend, opSetItem, opAppends, opSetItems, opAddItems:
		return p.fill(op)

	case opGlobal, opStackGlobal, opInst:
		return p.global(op)
	case opReduce, opNewObj:
		return p.call(op)
	case opBuild:
		return p.build()
	}
	if name, ok := forbiddenOps[op]; ok {
		return forbidden(name)
	}
	return p.scalar(op)
}

func (p *parser) check(ok bool) error {
	if !ok {
		return p.syntax()
	}
	return nil
}

// take returns the next n bytes.
func (p *parser) take(n uint64) (string, bool) {
	if n > uint64(len(p.data)-p.pos) {
		p.pos = len(p.data)
		return "", false
	}
	s := p.data[p.pos : p.pos+int(n)]
	p.pos += int(n)
	return s, true
}

// number reads an unsigned little-endian number of size bytes.
func (p *parser) number(size uint64) (uint64, bool) {
	s, ok := p.take(size)
	var buffer [8]byte
	copy(buffer[:], s)
	return binary.LittleEndian.Uint64(buffer[:]), ok
}

// counted reads a length of size bytes and that many bytes.
func (p *parser) counted(size uint64) (string, bool) {
	n, ok := p.number(size)
	if !ok || n > math.MaxInt64 {
		return "", false
	}
	return p.take(n)
}
