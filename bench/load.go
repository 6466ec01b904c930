package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// conn is one browser's connection. It does as little as it can: it shares the
// machine with the server that is measured.
type conn struct {
	net.Conn
	r *bufio.Reader
}

func connect(addr string) (*conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReaderSize(c, 8<<10)}, nil
}

// wire is a request as it is sent.
func wire(path, cookie string) []byte {
	text := "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	if cookie != "" {
		text += "Cookie: " + cookie + "\r\n"
	}
	return []byte(text + "\r\n")
}

// do sends a request and reads the response: its status, and the cookie it sets.
func (c *conn) do(request []byte) (status int, cookie, body string, err error) {
	if _, err = c.Write(request); err != nil {
		return
	}
	length := -1
	for first := true; ; first = false {
		line, readErr := c.r.ReadSlice('\n')
		if readErr != nil {
			return 0, "", "", readErr
		}
		line = bytes.TrimRight(line, "\r\n")
		switch name, value, _ := bytes.Cut(line, []byte(": ")); {
		case first && len(line) > 12:
			status, _ = strconv.Atoi(string(line[9:12]))
		case len(line) == 0:
			if length < 0 {
				return 0, "", "", fmt.Errorf("a response without a length")
			}
			if length > 0 {
				text := make([]byte, length)
				if _, err = io.ReadFull(c.r, text); err != nil {
					return
				}
				body = string(text)
			}
			return
		case len(name) == 14 && bytes.EqualFold(name, []byte("Content-Length")):
			length, _ = strconv.Atoi(string(value))
		case len(name) == 10 && bytes.EqualFold(name, []byte("Set-Cookie")):
			value, _, _ = bytes.Cut(value, []byte(";"))
			cookie = string(value)
		}
	}
}

// overHTTP makes n visitors on a child's server, and then asks for op over so many
// connections, each for visitors of its own.
func overHTTP(name string, c *child, op string, workers, n int) (contestant, error) {
	first, err := connect(c.addr)
	if err != nil {
		return contestant{}, err
	}
	defer first.Close()
	requests := make([][][]byte, workers)
	for i := range max(n, workers) {
		cookie := ""
		switch {
		case name == "bare" && op != opNew: // has one to read, as the others
			cookie = "sessionid=" + freshKey()
		case n > 0:
			status, set, body, err := first.do(wire(opNew, ""))
			if err != nil || status != 200 || set == "" {
				return contestant{}, fmt.Errorf("a new session is a %d, %q: %w", status, body, err)
			}
			cookie = set
		}
		requests[i%workers] = append(requests[i%workers], wire(op, cookie))
	}
	return contestant{name, func(d time.Duration) (sample, error) {
		var done atomic.Int64
		errs := make([]error, workers)
		waits := make([][]time.Duration, workers)
		conns := make([]*conn, workers)
		for i := range conns {
			if conns[i], err = connect(c.addr); err != nil {
				return sample{}, err
			}
			defer conns[i].Close()
		}
		used, err := c.cpu()
		if err != nil {
			return sample{}, err
		}
		start := time.Now()
		var wg sync.WaitGroup
		for i := range workers {
			wg.Go(func() {
				for n, last := 0, start; last.Sub(start) < d; n++ {
					visitor := &requests[i][n%len(requests[i])]
					status, set, body, err := conns[i].do(*visitor)
					if err != nil || status != 200 {
						errs[i] = fmt.Errorf("a %d: %.80q: %w", status, body, err)
						return
					}
					if set != "" && op != opNew && !bytes.Contains(*visitor, []byte(set)) { // as a browser
						*visitor = wire(op, set)
					}
					now := time.Now()
					waits[i] = append(waits[i], now.Sub(last))
					last = now
					done.Add(1)
				}
			})
		}
		wg.Wait()
		took := time.Since(start)
		for _, err := range errs {
			if err != nil {
				return sample{}, err
			}
		}
		after, err := c.cpu()
		if err != nil {
			return sample{}, err
		}
		n := float64(done.Load())
		return sample{ns: float64(took) / n, cpu: float64(after-used) / n, p99: slowest(waits)}, nil
	}}, nil
}
