package pickle

import "math"

// Arena is the memory that reading and writing takes. It makes Values, many at a
// time, and keeps what it is given back by Reset for the next ones. The zero
// value is ready. It must not be used by two goroutines at once.
type Arena struct {
	values chunks[Value]
	lists  chunks[*Value]
	stack  []*Value  // of the parser, and of what reads JSON
	marks  []int     // of the parser: where in the stack
	memo   []*Value  // of the parser
	strs   []memoStr // of the writer
}

// Reset takes back all memory: Values that the arena has made must not be used
// any more. Nothing of what they held stays reachable, and of much memory only a
// part is kept.
func (a *Arena) Reset() {
	a.values.reset()
	a.lists.reset()
	a.stack = emptied(a.stack)
	a.marks = emptied(a.marks)
	a.memo = emptied(a.memo)
	a.strs = emptied(a.strs)
}

// Chunks have so many elements, the next one always more.
const (
	minChunk = 32
	maxChunk = 1024
)

// chunks gives out pieces of chunks of memory.
type chunks[T any] struct {
	last []T
	used int // of it
}

// take returns n elements, which are zero.
func (c *chunks[T]) take(n int) []T {
	if n > len(c.last)-c.used {
		c.last, c.used = make([]T, max(n, minChunk, min(2*len(c.last), maxChunk))), 0
	}
	c.used += n
	return c.last[c.used-n : c.used : c.used]
}

// reset keeps the last chunk.
func (c *chunks[T]) reset() {
	if len(c.last) > maxChunk {
		c.last, c.used = nil, 0
	}
	clear(c.last[:c.used])
	c.used = 0
}

// emptied is a slice without its elements, or without its memory if that is much.
func emptied[T any](s []T) []T {
	if cap(s) > maxChunk {
		return nil
	}
	clear(s[:cap(s)])
	return s[:0]
}

func (a *Arena) new(kind Kind) *Value {
	v := &a.values.take(1)[0]
	v.Kind = kind
	return v
}

// Items returns an empty list with room for n Values, for Dict.
func (a *Arena) Items(n int) []*Value { return a.lists.take(n)[:0] }

// list keeps a copy of items.
func (a *Arena) list(items []*Value) []*Value {
	kept := a.lists.take(len(items))
	copy(kept, items)
	return kept
}

// Str makes a str. The text must be WTF-8.
func (a *Arena) Str(text string) *Value { return a.text(Str, text) }

// Dict makes a dict of keys and values in turn.
func (a *Arena) Dict(items []*Value) *Value { return a.container(Dict, items) }

func (a *Arena) text(kind Kind, text string) *Value {
	v := a.new(kind)
	v.Text = text
	return v
}

func (a *Arena) int(n int64) *Value {
	v := a.new(Int)
	v.Int = n
	return v
}

func (a *Arena) float(f float64) *Value {
	v := a.new(Float)
	v.Int = int64(math.Float64bits(f))
	return v
}

// container makes one of the kinds from List to Dict.
func (a *Arena) container(kind Kind, items []*Value) *Value {
	v := a.new(kind)
	v.Items = items
	switch kind {
	case List, Set, Dict:
		v.unhashable = true
	case Tuple:
		for _, item := range items {
			v.unhashable = v.unhashable || item.unhashable
		}
	}
	return v
}
