package memcached

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache"
)

// fake answers each request with what script returns for its first word, and
// closes the connection after "". It counts the requests.
func fake(t testing.TB, script func(verb string) string) (c *Cache, requests *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	requests = new(atomic.Int64)
	var all sync.WaitGroup
	serve := func(conn net.Conn) {
		defer conn.Close()
		r := bufio.NewReader(conn)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			words := strings.Fields(line)
			if len(words) >= 5 {
				var size int64
				fmt.Sscan(words[4], &size)
				if _, err := io.CopyN(io.Discard, r, size+2); err != nil {
					return
				}
			}
			requests.Add(1)
			answer := script(words[0])
			if answer == "" {
				return
			}
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	}
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { serve(conn) })
		}
	})
	if c, err = Open(Options{Servers: []string{listener.Addr().String()}, Timeout: 2 * time.Second}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		listener.Close()
		all.Wait()
	})
	return c, requests
}

// writes makes one write of each kind that is one request.
func writes(ctx context.Context, c *Cache) map[string]func() error {
	return map[string]func() error{
		"Add": func() error { _, err := c.Add(ctx, "k", "v", time.Hour); return err },
		"Swap": func() error {
			old, err := c.Get(ctx, "k")
			if err != nil {
				return fmt.Errorf("Get: %w", err)
			}
			_, err = c.Swap(ctx, "k", old, "w", time.Hour)
			return err
		},
		"Set":    func() error { return c.Set(ctx, "k", "v", time.Hour) },
		"Delete": func() error { return c.Delete(ctx, "k") },
	}
}

const oneValue = "VALUE k 1 1 7\r\nv\r\nEND\r\n"

// TestWhatAnswersMean: a write is known to be undone only where memcached itself
// says so; it is sent once in any case.
func TestWhatAnswersMean(t *testing.T) {
	for answer, want := range map[string]error{
		"":                                   cache.ErrUnknownOutcome, // the connection ends
		"STOR":                               cache.ErrUnknownOutcome, // and then waits until the timeout
		"\r\n":                               cache.ErrUnknownOutcome,
		"stored\n":                           cache.ErrUnknownOutcome,
		"VALUE\r\n":                          cache.ErrUnknownOutcome,
		"TOUCHED\r\n":                        cache.ErrUnknownOutcome,
		"SERVER_ERROR timeout\r\n":           cache.ErrUnknownOutcome, // a proxy's
		strings.Repeat("x", 10_000) + "\r\n": cache.ErrUnknownOutcome,
		"SERVER_ERROR object too large for cache\r\n":   cache.ErrTooLarge,
		"SERVER_ERROR out of memory storing object\r\n": errNoRoom,
		"SERVER_ERROR Out of memory during read\r\n":    errNoRoom,
		"ERROR\r\n": errRequest,
		"CLIENT_ERROR bad data chunk\r\nERROR\r\n": errRequest,
	} {
		c, requests := fake(t, func(verb string) string {
			if verb == "gets" {
				return oneValue
			}
			return answer
		})
		for what, write := range writes(t.Context(), c) {
			if answer == "STOR" && what != "Set" {
				continue // each takes the whole timeout
			}
			before := requests.Load()
			err := write()
			if !errors.Is(err, want) || want != cache.ErrUnknownOutcome && errors.Is(err, cache.ErrUnknownOutcome) {
				t.Errorf("%s, answered %.30q: %v, not %v", what, answer, err, want)
			}
			if errors.Is(err, cache.ErrMiss) || errors.Is(err, cache.ErrExists) || errors.Is(err, cache.ErrConflict) {
				t.Errorf("%s, answered %.30q, says something about what is stored: %v", what, answer, err)
			}
			if strings.Contains(err.Error(), "xxx") {
				t.Errorf("the answer is quoted: %v", err)
			}
			sent := requests.Load() - before
			if what == "Swap" {
				sent-- // its Get
			}
			if sent != 1 {
				t.Errorf("%s, answered %.30q, was sent %d times", what, answer, sent)
			}
			if item, err := c.Get(t.Context(), "k"); err != nil || item.Value != "v" {
				t.Errorf("after %.30q: %q, %v", answer, item.Value, err)
			}
		}
	}
}

// TestGarbledValues: what is no proper answer to gets is an error, and nothing
// else.
func TestGarbledValues(t *testing.T) {
	for _, answer := range []string{
		"", "\r\n", "END\n", "end\r\n", "VALUE", "VALUE k 1 1 7\r\n", "VALUE other 1 1 7\r\nv\r\nEND\r\n", "VALUE k 1 1\r\nv\r\nEND\r\n",
		"VALUE k 1 1 7 8\r\nv\r\nEND\r\n", "VALUE k -1 1 7\r\nv\r\nEND\r\n", "VALUE k 1 -1 7\r\nv\r\nEND\r\n", "VALUE k 1 1 -7\r\nv\r\nEND\r\n",
		"VALUE k 1 2 7\r\nv\r\nEND\r\n\r\n", "VALUE k 1 1 7\r\nvv\r\nEND\r\n", oneValue[:len(oneValue)-5] + oneValue, "VALUE k 1 4294967295 7\r\nv", "VALUE k 1 67108865 7\r\nv",
		"ERROR\r\n", "SERVER_ERROR out of memory writing get response\r\n", "CLIENT_ERROR line too long\r\n", strings.Repeat("VALUE k ", 1000),
	} {
		c, _ := fake(t, func(string) string { return answer + "\x00" }) // never just too short
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := c.Get(ctx, "k")
		_, swapErr := c.Swap(ctx, "k", cache.Item{Value: "v"}, "w", time.Hour)
		for what, err := range map[string]error{"Get": err, "Swap": swapErr} {
			if err == nil || errors.Is(err, cache.ErrMiss) || errors.Is(err, cache.ErrConflict) || errors.Is(err, cache.ErrUnknownOutcome) {
				t.Errorf("%s, answered %.40q: %v", what, answer, err)
			}
		}
	}
}

// TestHugeValue: a value that is larger than any of ours is corrupt, whatever was
// to be done with it; what is announced is not read.
func TestHugeValue(t *testing.T) {
	c, _ := fake(t, func(string) string { return "VALUE k 1 67108865 7\r\nv" })
	_, err := c.Get(t.Context(), "k")
	_, swapErr := c.Swap(t.Context(), "k", cache.Item{Value: "v"}, "w", time.Hour)
	for what, err := range map[string]error{"Get": err, "Swap": swapErr} {
		if !errors.Is(err, cache.ErrCorrupt) || errors.Is(err, cache.ErrUnknownOutcome) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestUnaskedAnswer: a connection on which more came than was asked for is not
// used again, lest the rest be taken for the next answer.
func TestUnaskedAnswer(t *testing.T) {
	c, _ := fake(t, func(verb string) string {
		if verb == "gets" {
			return "END\r\n"
		}
		return "STORED\r\nVALUE k 1 1 7\r\nv\r\nEND\r\n"
	})
	for range 3 {
		if _, err := c.Add(t.Context(), "k", "v", time.Hour); err != nil {
			t.Fatal(err)
		}
		if item, err := c.Get(t.Context(), "k"); !errors.Is(err, cache.ErrMiss) {
			t.Errorf("Get took what was not for it: %q, %v", item.Value, err)
		}
	}
}

// TestZlib: what pylibmc has compressed is read, within a limit.
func TestZlib(t *testing.T) {
	compressed := func(plain string) string {
		var b strings.Builder
		w := zlib.NewWriter(&b)
		_, _ = io.WriteString(w, plain)
		_ = w.Close()
		return b.String()
	}
	value := ""
	c, _ := fake(t, func(string) string { return fmt.Sprintf("VALUE k 9 %d 7\r\n%s\r\nEND\r\n", len(value), value) })
	for _, plain := range []string{"", "N.", strings.Repeat("a long value ", 100_000)} {
		value = compressed(plain)
		if item, err := c.Get(t.Context(), "k"); err != nil || item.Value != plain {
			t.Errorf("%.20q is read as %.20q, %v", plain, item.Value, err)
		}
	}
	for _, broken := range []string{"", "x", compressed("text")[:8], compressed("text")[:11] + "?"} {
		value = broken
		if item, err := c.Get(t.Context(), "k"); err != nil || item.Value != broken {
			t.Errorf("%q is read as %q, %v", broken, item.Value, err)
		}
	}
	value = compressed(strings.Repeat("\x00", maxValue+1))
	if item, err := c.Get(t.Context(), "k"); !errors.Is(err, cache.ErrCorrupt) || !strings.Contains(err.Error(), "decompressed") {
		t.Errorf("a bomb is read as %d bytes, %v", len(item.Value), err)
	}
}

// TestIdleConnections: as many as MaxIdle are kept.
func TestIdleConnections(t *testing.T) {
	const writers = 10
	var waiting sync.WaitGroup
	waiting.Add(writers)
	c, _ := fake(t, func(string) string {
		waiting.Done()
		waiting.Wait() // until all are connected
		return "END\r\n"
	})
	c.servers[0].maxIdle = 3
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			if _, err := c.Get(t.Context(), "k"); !errors.Is(err, cache.ErrMiss) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n, dials := len(c.servers[0].idle), c.servers[0].dials.Load(); n != 3 || dials != writers {
		t.Errorf("%d connections are kept of %d", n, dials)
	}
}

// FuzzValue: no answer to gets makes more of it than what it says.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{oneValue, "END\r\n", "VALUE k 9 4 1\r\n\x00\x00\x00\x00\r\nEND\r\n", "VALUE k 0 0 18446744073709551615\r\n\r\nEND\r\n", "SERVER_ERROR x\r\n", "VALUE k 1 999999999 7\r\nv"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := &conn{r: bufio.NewReader(bytes.NewReader(answer))}
		value, flags, cas, err := c.readValue("k")
		switch {
		case err == nil:
			var again, digits bytes.Buffer
			fmt.Fprintf(&again, "VALUE k %d %d %d\r\n%s\r\nEND\r\n", flags, len(value), cas, value)
			rest, _ := io.ReadAll(c.r)
			again.Write(rest)
			// Leading zeros are the only liberty.
			for _, b := range answer {
				if b != '0' {
					digits.WriteByte(b)
				}
			}
			if c.broken || strings.ReplaceAll(again.String(), "0", "") != digits.String() {
				t.Errorf("%q is read as %q", answer, again.String())
			}
		case errors.Is(err, cache.ErrMiss):
			if c.broken || !bytes.HasPrefix(answer, []byte("END\r\n")) {
				t.Errorf("%q is a miss", answer)
			}
		case !c.broken:
			t.Errorf("%q is %v, and the connection is used again", answer, err)
		}
		if flags&flagZlib != 0 {
			_, _ = inflate(value)
		}
	})
}

// FuzzStatus: only the very answer counts.
func FuzzStatus(f *testing.F) {
	for _, seed := range []string{"STORED\r\n", "NOT_STORED\r\n", "STORED \r\n", "ERROR\r\n", "SERVER_ERROR out of memory\r\n", "\r\n", "STORED\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := &conn{Conn: discard{}, r: bufio.NewReader(bytes.NewReader(answer))}
		got, err := c.store("add", "k", "v", 0, 0)
		if err == nil {
			if c.broken || !bytes.HasPrefix(answer, []byte(got+"\r\n")) {
				t.Errorf("%q is %s", answer, got)
			}
		} else if !c.broken {
			t.Errorf("%q is %v, and the connection is used again", answer, err)
		}
	})
}

// discard takes every request.
type discard struct{ net.Conn }

func (discard) Write(b []byte) (int, error) { return len(b), nil }
