package memcached

import (
	"encoding/binary"
	"math/bits"
)

// Distribution says which of several servers has a key. A server that is away
// hands its keys to no other: they would come back with old values later.
type Distribution int

const (
	// Rendezvous is pymemcache's, and so PyMemcacheCache's: the server whose
	// name hashes highest together with the key, by MurmurHash3. The order of the
	// servers does not matter.
	Rendezvous Distribution = iota

	// Modula is libmemcached's unless told otherwise, and so PyLibMCCache's: the
	// key's hash (Jenkins' one-at-a-time) modulo the number of servers. Their
	// order has to be the same everywhere. Keys have to be ASCII, since
	// libmemcached hashes others differently from machine to machine.
	Modula
)

// pick returns the server that has a key.
func (c *Cache) pick(key string) *server {
	switch {
	case len(c.servers) == 1:
		return c.servers[0]
	case c.distribution == Modula:
		return c.servers[oneAtATime(key)%uint32(len(c.servers))]
	}
	suffix := "-" + key
	var best *server
	var highest uint32
	for _, s := range c.servers {
		score := murmur3(s.name + suffix)
		if best == nil || score > highest || score == highest && s.name > best.name {
			best, highest = s, score
		}
	}
	return best
}

// murmur3 is pymemcache's murmur3_32 with seed 0: MurmurHash3 of the low bytes
// of a text's characters, not of its UTF-8.
func murmur3(text string) uint32 {
	data := make([]byte, 0, 384)
	for _, character := range text {
		data = append(data, byte(character))
	}
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	var h uint32
	length := uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		h ^= bits.RotateLeft32(binary.LittleEndian.Uint32(data)*c1, 15) * c2
		h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
	}
	if len(data) > 0 {
		var last [4]byte
		copy(last[:], data)
		h ^= bits.RotateLeft32(binary.LittleEndian.Uint32(last[:])*c1, 15) * c2
	}
	h ^= length
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

// oneAtATime is libmemcached's default hash.
func oneAtATime(key string) uint32 {
	var h uint32
	for i := range len(key) {
		h += uint32(key[i])
		h += h << 10
		h ^= h >> 6
	}
	h += h << 3
	h ^= h >> 11
	return h + h<<15
}
