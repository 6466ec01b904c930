package memcached

import (
	"bufio"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/keepsake-go/sessions/cache"
)

// The flags of pymemcache and pylibmc that matter here.
const (
	flagPickle = 1
	flagZlib   = 8
)

// maxValue is the size in bytes of the largest value that is read, also when
// decompressed. memcached itself stores 1 MB unless told otherwise.
const maxValue = 64 << 20

// conn is a connection to a server, for one call at a time.
type conn struct {
	net.Conn
	r      *bufio.Reader
	number uint64         // it was the so manieth that was made to its server
	dials  *atomic.Uint64 // how many were made by now
	out    []byte         // the request; used again
	broken bool           // nothing more may be sent on it
}

// token is what Item.Token holds: memcached's number of the version of a value.
// A server that restarts begins to count anew, so the number means something
// only on connections that were there when it was read.
type token struct {
	cas   uint64
	dials uint64 // connections made to the server before it was read
}

// errNoVersions: every version is 0, so that none could be told from another.
var errNoVersions = errors.New("the server keeps no versions of values, without which parallel writes can't be told apart: " +
	"start memcached without -C (--disable-cas)")

// knows reports whether the token means something on this connection.
func (c *conn) knows(t token) bool { return c.number <= t.dials }

// fail marks the connection as broken.
func (c *conn) fail(err error) error {
	c.broken = true
	return err
}

// get reads a value, or returns cache.ErrMiss.
func (c *conn) get(key string) (cache.Item, error) {
	dials := c.dials.Load()
	c.out = append(append(append(c.out[:0], "gets "...), key...), "\r\n"...)
	if _, err := c.Write(c.out); err != nil {
		return cache.Item{}, c.fail(err)
	}
	value, flags, cas, err := c.readValue(key)
	if err != nil {
		return cache.Item{}, err
	}
	if flags&flagZlib != 0 {
		if value, err = inflate(value); err != nil {
			return cache.Item{}, err
		}
	}
	return cache.Item{Value: value, Token: token{cas, dials}}, nil
}

// readValue reads the answer to gets.
func (c *conn) readValue(key string) (value string, flags uint32, cas uint64, err error) {
	line, err := c.readLine()
	switch {
	case err != nil:
		return "", 0, 0, err
	case line == "END":
		return "", 0, 0, cache.ErrMiss
	}
	rest, found := strings.CutPrefix(line, "VALUE "+key+" ")
	fields := strings.Split(rest, " ")
	if !found || len(fields) != 3 {
		return "", 0, 0, c.refused(line)
	}
	flags64, flagsErr := strconv.ParseUint(fields[0], 10, 32)
	size, sizeErr := strconv.ParseUint(fields[1], 10, 32)
	cas, casErr := strconv.ParseUint(fields[2], 10, 64)
	switch {
	case flagsErr != nil, sizeErr != nil, casErr != nil:
		return "", 0, 0, c.refused(line)
	case size > maxValue:
		return "", 0, 0, c.fail(fmt.Errorf("%w: a value of %d bytes; more than %d are not read", cache.ErrCorrupt, size, maxValue))
	}
	const end = "\r\nEND\r\n"
	data, err := c.read(int(size) + len(end))
	if err != nil {
		return "", 0, 0, err
	}
	value, found = strings.CutSuffix(data, end)
	if !found {
		return "", 0, 0, c.fail(errGarbled)
	}
	return value, uint32(flags64), cas, nil
}

// read reads n bytes. It makes room for many only as they arrive, since n is what
// the server announced.
func (c *conn) read(n int) (string, error) {
	var text strings.Builder
	for n > 0 {
		part := make([]byte, min(n, 1<<20))
		if _, err := io.ReadFull(c.r, part); err != nil {
			return "", c.fail(noEOF(err))
		}
		text.Write(part)
		n -= len(part)
	}
	return text.String(), nil
}

// store sends a storage command and returns its answer: STORED, or NOT_STORED of
// add and replace, or EXISTS or NOT_FOUND of cas.
func (c *conn) store(verb, key, value string, exptime int64, cas uint64) (string, error) {
	b := append(append(append(c.out[:0], verb...), ' '), key...)
	b = strconv.AppendInt(append(b, ' '), flagPickle, 10)
	b = strconv.AppendInt(append(b, ' '), exptime, 10)
	b = strconv.AppendInt(append(b, ' '), int64(len(value)), 10)
	answers := []string{"STORED", "NOT_STORED"}
	if verb == "cas" {
		answers = []string{"STORED", "EXISTS", "NOT_FOUND"}
		b = strconv.AppendUint(append(b, ' '), cas, 10)
	}
	b = append(append(append(b, "\r\n"...), value...), "\r\n"...)
	return c.write(b, answers...)
}

// delete removes a value, if there is one.
func (c *conn) delete(key string) error {
	_, err := c.write(append(append(append(c.out[:0], "delete "...), key...), "\r\n"...), "DELETED", "NOT_FOUND")
	return err
}

// write sends a request that changes something, and returns the answer, if it is
// one of those.
func (c *conn) write(request []byte, answers ...string) (string, error) {
	c.out = request
	if cap(request) > 64<<10 {
		c.out = nil // not to be held for ever
	}
	// The server does nothing before it has the whole request.
	if n, err := c.Write(request); err != nil && n < len(request) {
		return "", c.fail(err)
	}
	line, err := c.readLine()
	if err == nil && slices.Contains(answers, line) {
		return line, nil
	}
	if err == nil {
		err = c.refused(line)
	}
	switch err {
	case cache.ErrTooLarge, errNoRoom, errRequest:
		return "", err
	}
	return "", fmt.Errorf("%w: %w", cache.ErrUnknownOutcome, err)
}

// readLine reads a line of an answer.
func (c *conn) readLine() (string, error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return "", c.fail(noEOF(err))
	}
	text, found := strings.CutSuffix(string(line), "\r\n")
	if !found {
		return "", c.fail(errGarbled)
	}
	return text, nil
}

// What an answer may be that was not awaited. The answer itself is not quoted: it
// may hold a key.
var (
	errNoRoom  = errors.New("the server has no room left")
	errRequest = errors.New("the server does not understand the request")
	errFailed  = errors.New("the server, or a proxy before it, failed")
	errGarbled = errors.New("the server's answer is garbled")
)

// refused is what an answer means that is none of those that were awaited.
func (c *conn) refused(line string) error {
	c.broken = true // what else it will send is not known
	lower := strings.ToLower(line)
	switch {
	case strings.HasPrefix(lower, "server_error object too large"):
		return cache.ErrTooLarge
	case strings.HasPrefix(lower, "server_error out of memory"):
		return errNoRoom
	case strings.HasPrefix(line, "SERVER_ERROR"):
		return errFailed
	case line == "ERROR", strings.HasPrefix(line, "CLIENT_ERROR"):
		return errRequest
	}
	return errGarbled
}

// noEOF says what the end of a connection is in the middle of a call.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// inflate decompresses what pylibmc has compressed. What can't be decompressed
// is returned as it is, for the codec to refuse.
func inflate(value string) (string, error) {
	r, err := zlib.NewReader(strings.NewReader(value))
	if err != nil {
		return value, nil
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxValue+1))
	switch {
	case err != nil:
		return value, nil
	case len(plain) > maxValue:
		return "", fmt.Errorf("%w: a value of more than %d bytes when decompressed", cache.ErrCorrupt, maxValue)
	}
	return string(plain), nil
}
