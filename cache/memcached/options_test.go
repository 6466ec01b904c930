package memcached

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSplitLocation(t *testing.T) {
	for location, want := range map[string][]string{
		"a:1":                      {"a:1"},
		"a:1;b:2,unix:/tmp/s":      {"a:1", "b:2", "unix:/tmp/s"},
		"unix:/tmp/memcached.sock": {"unix:/tmp/memcached.sock"},
		"a:1;":                     {"a:1", ""},
		"":                         {""},
	} {
		if got := SplitLocation(location); !slices.Equal(got, want) {
			t.Errorf("%q is %q, not %q", location, got, want)
		}
	}
}

// TestServerNames: the name is what pymemcache makes of a location.
func TestServerNames(t *testing.T) {
	for location, want := range map[string]struct{ network, address, name string }{
		"127.0.0.1:11212":          {"tcp", "127.0.0.1:11212", "127.0.0.1:11212"},
		"cache.example":            {"tcp", "cache.example:11211", "cache.example:11211"},
		"cache.example:011212":     {"tcp", "cache.example:11212", "cache.example:11212"},
		"[::1]:11212":              {"tcp", "[::1]:11212", "::1:11212"},
		"[::1]":                    {"tcp", "[::1]:11211", "::1:11211"},
		"unix:/tmp/memcached.sock": {"unix", "/tmp/memcached.sock", "/tmp/memcached.sock"},
		"unix:memcached.sock":      {"unix", "memcached.sock", "memcached.sock"},
		"/tmp/memcached.sock":      {"unix", "/tmp/memcached.sock", "/tmp/memcached.sock"},
	} {
		s, err := newServer(location)
		if err != nil {
			t.Errorf("%q: %v", location, err)
		} else if s.network != want.network || s.address != want.address || s.name != want.name {
			t.Errorf("%q is %s %s, named %s", location, s.network, s.address, s.name)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	for _, location := range []string{"", "unix:", ":11211", "host:", "host:port", "host:0", "host:65536", "host:-1", " host:1", "a:1:2", "host/path:1"} {
		if _, err := Open(Options{Servers: []string{location}}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", location)) {
			t.Errorf("%q: %v", location, err)
		}
	}
	_, err := Open(Options{Timeout: -1, MaxIdle: -1, Distribution: 7})
	for _, word := range []string{"Timeout", "MaxIdle", "Distribution", "no server"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("nothing about %s: %v", word, err)
		}
	}
	if _, err := Open(Options{Servers: []string{"/s", "unix:/s"}}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a server twice: %v", err)
	}
}
