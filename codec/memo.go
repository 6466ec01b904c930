package codec

import (
	"hash/maphash"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/keepsake-go/sessions"
)

// memo remembers what stored strings have come to, by all their bytes. It is safe for
// concurrent use.
type memo[T any] struct {
	seed maphash.Seed
	sets [memoSets][memoWays]atomic.Pointer[remembered[T]]
}

// So many are kept, in sets that the hash of the stored string chooses; a new one
// takes the place of one of its set. A longer text is not remembered, nor is what
// takes more memory with all that belongs to it.
const (
	memoSets = 1024
	memoWays = 4
	memoText = 4096
	memoSize = 3 * memoText
)

type remembered[T any] struct {
	hash   uint64
	stored string
	what   T
}

// hash is 0 for what is too long to be remembered.
func (m *memo[T]) hash(stored string) uint64 {
	if len(stored) > memoSize {
		return 0
	}
	return maphash.String(m.seed, stored)
}

// find is what was remembered of that string, whose hash it is, or nil.
func (m *memo[T]) find(hash uint64, stored string) *remembered[T] {
	set := &m.sets[hash%memoSets]
	for i := range set {
		// Strings are compared where their hashes are the same, which nobody else can
		// know: so the time that it takes says nothing about another one's signature.
		if r := set[i].Load(); r != nil && r.hash == hash && r.stored == stored {
			return r
		}
	}
	return nil
}

func (m *memo[T]) add(hash uint64, stored string, what T) {
	set, way := &m.sets[hash%memoSets], hash/memoSets%memoWays
	for i := range set {
		if r := set[i].Load(); r == nil || r.hash == hash {
			way = uint64(i)
			break
		}
	}
	set[way].Store(&remembered[T]{hash, stored, what})
}

// verified are signed strings that were made or checked a moment ago, each with what
// checking it again would give.
type verified struct{ memo[verifiedText] }

type verifiedText struct {
	text string
	at   time.Time
}

func newVerified() *verified {
	return &verified{memo[verifiedText]{seed: maphash.MakeSeed()}}
}

// add remembers that stored is that text.
func (v *verified) add(hash uint64, stored, text string, at time.Time) {
	if len(stored) <= memoSize && len(text) <= memoText {
		v.memo.add(hash, stored, verifiedText{text, at})
	}
}

// parsed are strings that were read more than once, each with its values: what
// parsing it again would give. Most that are changed before they are read again come
// only once, and to remember those would be for nothing.
type parsed struct {
	memo[parsedValues]
	once [memoSets * memoWays]atomic.Uint64 // hashes of strings that were read
}

type parsedValues struct {
	values sessions.Values
	at     time.Time
}

func newParsed(seed maphash.Seed) *parsed { return &parsed{memo: memo[parsedValues]{seed: seed}} }

// read is told of each string that was read, with the text in it, and returns its
// values for the caller. It keeps the string.
func (p *parsed) read(hash uint64, stored, text string, v sessions.Values, at time.Time) sessions.Values {
	if len(stored) > memoSize || len(text) > memoText {
		return v
	}
	if once := &p.once[hash%uint64(len(p.once))]; once.Load() != hash {
		once.Store(hash)
		return v
	}
	size := len(stored) + len(text)
	for m := range v.All() { // what a pickle shares is written out, and takes more
		size += int(unsafe.Sizeof(m)) + len(m.Name) + len(m.JSON) + len(m.Opaque)
	}
	if size > memoSize {
		return v
	}
	v = v.Shared()
	p.add(hash, stored, parsedValues{v, at})
	return v
}
