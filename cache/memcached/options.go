package memcached

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Options are the choices of Open. Only Servers is required.
type Options struct {
	// Servers are where the values are, written as in Django's LOCATION:
	// "host:port", "host" (port 11211), "[::1]:11211", "unix:/path.sock" or
	// "/path.sock". Name them exactly as Django does: with several servers the
	// names decide which one has a key.
	Servers []string

	// Distribution says which of several servers has a key. The zero value is
	// PyMemcacheCache's, Rendezvous; with PyLibMCCache it has to be Modula.
	Distribution Distribution

	// TLS is how servers with a host are spoken to; nil: without TLS. Where its
	// ServerName is empty, the server's host is it.
	TLS *tls.Config

	// Timeout bounds each call of the cache, connecting included, if its context
	// does not end earlier (0: 3 s).
	Timeout time.Duration

	// MaxIdle is how many connections to each server are kept for later (0: 16).
	// There may be more in use at a time: one for each call that is under way.
	MaxIdle int
}

// SplitLocation splits Django's LOCATION where it is one string: at each ";" and
// ",".
func SplitLocation(location string) []string {
	return strings.Split(strings.ReplaceAll(location, ";", ","), ",")
}

// Open makes a cache. It does not connect yet: a server that is away fails the
// calls for its keys. Close closes the connections.
func Open(o Options) (*Cache, error) {
	if o.Timeout == 0 {
		o.Timeout = 3 * time.Second
	}
	if o.MaxIdle == 0 {
		o.MaxIdle = 16
	}
	c := &Cache{distribution: o.Distribution, now: time.Now}
	var wrong []error
	if o.Timeout < 0 {
		wrong = append(wrong, fmt.Errorf("memcached: Timeout is negative: %v", o.Timeout))
	}
	if o.MaxIdle < 0 {
		wrong = append(wrong, fmt.Errorf("memcached: MaxIdle is negative: %d", o.MaxIdle))
	}
	if o.Distribution != Rendezvous && o.Distribution != Modula {
		wrong = append(wrong, fmt.Errorf("memcached: there is no Distribution %d", o.Distribution))
	}
	if len(o.Servers) == 0 {
		wrong = append(wrong, errors.New("memcached: no server"))
	}
	named := map[string]bool{}
	for _, location := range o.Servers {
		s, err := newServer(location)
		switch {
		case err != nil:
			wrong = append(wrong, err)
			continue
		case named[s.name]:
			wrong = append(wrong, fmt.Errorf("memcached: the server %q is named twice", location))
		}
		named[s.name] = true
		s.timeout, s.maxIdle, s.tls = o.Timeout, o.MaxIdle, o.TLS
		c.servers = append(c.servers, s)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return c, nil
}

// newServer reads a server's location as pymemcache does.
func newServer(location string) (*server, error) {
	bad := func(why string) (*server, error) {
		return nil, fmt.Errorf("memcached: the server %q: %s", location, why)
	}
	if path, found := strings.CutPrefix(location, "unix:"); found || strings.HasPrefix(location, "/") {
		if path == "" {
			return bad("no path")
		}
		return &server{network: "unix", address: path, name: path}, nil
	}
	host, port := location, 11211
	if colon := strings.LastIndexByte(location, ':'); colon >= 0 && !strings.HasSuffix(location, "]") {
		var err error
		if port, err = strconv.Atoi(location[colon+1:]); err != nil || port < 1 || port > 65535 {
			return bad("its port is not a number from 1 to 65535")
		}
		host = location[:colon]
	}
	if strings.HasPrefix(host, "[") {
		host = strings.Trim(host, "[]")
	}
	if _, err := netip.ParseAddr(host); host == "" || strings.ContainsAny(host, " \t\r\n/[]") || strings.Contains(host, ":") && err != nil {
		return bad("want host:port, host, unix:/path or /path")
	}
	digits := strconv.Itoa(port)
	return &server{network: "tcp", address: net.JoinHostPort(host, digits), name: host + ":" + digits}, nil
}
