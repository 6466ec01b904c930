package memcached

import (
	"fmt"
	"slices"
	"testing"
)

// TestMurmur3 has what pymemcache's murmur3_32 returns.
func TestMurmur3(t *testing.T) {
	for text, want := range map[string]uint32{
		"":      0x00000000,
		"a":     0x3c2569b2,
		"ab":    0x9bbfd75f,
		"abc":   0xb3dd93fa,
		"abcd":  0x43ed676a,
		"abcde": 0xe89b9af6,
		"127.0.0.1:11211-:1:django.contrib.sessions.cacheabc": 0xbba37e84,
		"naïve":  0xb46141a3,
		"été-𝄞€": 0x42e87a53,
		"Ā€𝄞Бx":  0xf549d3ec,
	} {
		if got := murmur3(text); got != want {
			t.Errorf("%q: %#x, not %#x", text, got, want)
		}
	}
}

// TestPick has what pymemcache's RendezvousHash and a libmemcached with three
// servers choose.
func TestPick(t *testing.T) {
	servers := []string{"cache1.example:11211", "cache2.example:11211", "/run/cache3.sock"}
	for distribution, want := range map[Distribution]string{
		Rendezvous: "2022201202221201122000211111202211012010",
		Modula:     "0000010000222222022200000100002222202202",
	} {
		c, err := Open(Options{Servers: servers, Distribution: distribution})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for i := range len(want) {
			s := c.pick(fmt.Sprintf(":1:django.contrib.sessions.cache%032d", i))
			got += fmt.Sprint(slices.Index(c.servers, s))
		}
		if got != want {
			t.Errorf("distribution %d picks\n%s, not\n%s", distribution, got, want)
		}
	}
}

// TestModulaRefusesWhatDiffers: libmemcached hashes bytes above 127 differently
// where C's char is signed and where it is not.
func TestModulaRefusesWhatDiffers(t *testing.T) {
	for n, want := range map[int]bool{1: true, 2: false} {
		c, err := Open(Options{Servers: []string{"a:1", "b:1"}[:n], Distribution: Modula})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.validKey("naïve"); got != want {
			t.Errorf("with %d servers a key that is not ASCII is valid: %v", n, got)
		}
	}
}
