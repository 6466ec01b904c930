package codec

import (
	"hash/maphash"
	"sync/atomic"
	"time"
)

// verified are signed strings that were made or checked a moment ago, each with its
// text and its date: what checking it again would give. It is safe for concurrent use.
type verified struct {
	seed maphash.Seed
	sets [verifiedSets][verifiedWays]atomic.Pointer[verifiedText]
}

// So many are kept, in sets that the hash of the signed string chooses; a new one
// takes the place of one of its set. A text that is longer is not kept.
const (
	verifiedSets = 1024
	verifiedWays = 4
	verifiedSize = 4096
)

type verifiedText struct {
	hash   uint64
	signed string
	text   string
	at     time.Time
}

func newVerified() *verified { return &verified{seed: maphash.MakeSeed()} }

func (v *verified) find(signed string) (text string, at time.Time, ok bool) {
	hash := maphash.String(v.seed, signed)
	set := &v.sets[hash%verifiedSets]
	for i := range set {
		// Strings are compared where their hashes are the same, which nobody else can
		// know: so the time that it takes says nothing about another one's signature.
		if known := set[i].Load(); known != nil && known.hash == hash && known.signed == signed {
			return known.text, known.at, true
		}
	}
	return "", time.Time{}, false
}

func (v *verified) add(signed, text string, at time.Time) {
	if len(text) > verifiedSize {
		return
	}
	hash := maphash.String(v.seed, signed)
	set, way := &v.sets[hash%verifiedSets], hash/verifiedSets%verifiedWays
	for i := range set {
		if known := set[i].Load(); known == nil || known.hash == hash {
			way = uint64(i)
			break
		}
	}
	set[way].Store(&verifiedText{hash, signed, text, at})
}
