package pickle

import "slices"

func (p *parser) push(v *Value, ok bool) error {
	if !ok {
		return p.syntax()
	}
	p.stack = append(p.stack, v)
	return nil
}

func (p *parser) pushShared(v *Value, ok bool) error {
	if ok && v.hasIdentity() {
		v.shared = true
	}
	return p.push(v, ok)
}

// fence is how much of the stack lies below the last mark.
func (p *parser) fence() int {
	if n := len(p.marks); n > 0 {
		return p.marks[n-1]
	}
	return 0
}

func (p *parser) top() (*Value, bool) {
	if len(p.stack) <= p.fence() {
		return nil, false
	}
	return p.stack[len(p.stack)-1], true
}

func (p *parser) pop() (*Value, bool) {
	v, ok := p.top()
	if ok {
		p.stack = p.stack[:len(p.stack)-1]
	}
	return v, ok
}

// popMark removes the last mark and returns what lay above it, which is valid
// until the next push.
func (p *parser) popMark() ([]*Value, bool) {
	if len(p.marks) == 0 {
		return nil, false
	}
	items := p.stack[p.fence():]
	p.stack = p.stack[:p.fence()]
	p.marks = p.marks[:len(p.marks)-1]
	return items, true
}

// put stores the top of the stack in the memo. A pickle numbers its entries
// from 0, so an index beyond the input's length is none of CPython's; without
// that bound ten bytes would take gigabytes.
func (p *parser) put(op byte) error {
	v, ok := p.top()
	i := uint64(len(p.memo))
	if op != opMemoize && ok {
		i, ok = p.index(op)
	}
	if !ok || i > uint64(len(p.data)) {
		return p.syntax()
	}
	for uint64(len(p.memo)) <= i {
		p.memo = append(p.memo, nil)
	}
	p.memo[i] = v
	return nil
}

func (p *parser) index(op byte) (uint64, bool) {
	switch op {
	case opBinPut, opBinGet:
		return p.number(1)
	case opLongBinPut, opLongBinGet:
		return p.number(4)
	}
	line, ok := p.line()
	if !ok || line == "" || len(line) > 10 {
		return 0, false
	}
	var i uint64
	for _, c := range []byte(line) {
		if c < '0' || c > '9' {
			return 0, false
		}
		i = 10*i + uint64(c-'0')
	}
	return i, true
}

func (p *parser) tuple(n int) error {
	if len(p.stack)-n < p.fence() {
		return p.syntax()
	}
	items := slices.Clone(p.stack[len(p.stack)-n:])
	p.stack = p.stack[:len(p.stack)-n]
	return p.push(p.container(Tuple, items), true)
}

// collect makes a container of what lies above the last mark.
func (p *parser) collect(op byte) error {
	items, ok := p.popMark()
	kind := Tuple
	switch op {
	case opList:
		kind = List
	case opDict:
		kind, ok = Dict, ok && hashable(items, 2)
	case opFrozenSet:
		kind, ok = FrozenSet, ok && hashable(items, 1)
	}
	return p.push(p.container(kind, slices.Clone(items)), ok)
}

// fill adds what lies on the stack to the container below it.
func (p *parser) fill(op byte) error {
	var items []*Value
	ok := true
	switch op {
	case opAppend, opSetItem:
		n := 1
		if op == opSetItem {
			n = 2
		}
		if len(p.stack)-n < p.fence() {
			return p.syntax()
		}
		items = p.stack[len(p.stack)-n:]
		p.stack = p.stack[:len(p.stack)-n]
	default:
		items, ok = p.popMark()
	}
	if !ok {
		return p.syntax()
	}
	v, ok := p.top()
	if !ok {
		return p.syntax()
	}
	switch op {
	case opAppend, opAppends:
		ok = v.Kind == List
	case opSetItem, opSetItems:
		ok = (v.Kind == Dict || v.Kind == Object && v.Call.isDict()) && hashable(items, 2)
	default:
		ok = v.Kind == Set && hashable(items, 1)
	}
	v.Items = append(v.Items, items...)
	return p.check(ok)
}

// hashable reports whether every step-th item can be a key or an element, and
// none is left over.
func hashable(items []*Value, step int) bool {
	for i := 0; i < len(items); i += step {
		if items[i].unhashable {
			return false
		}
	}
	return len(items)%step == 0
}
