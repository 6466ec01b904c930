package redis

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// runs knows of every connection to a server in which run of it answers: the
// server is asked before the connection is used. At any time all connections are
// of one run. When one turns out to be of another, the others are closed first.
//
// So a call that begins after name has shown a run, and ends before it shows
// another, was answered by that run.
type runs struct {
	name atomic.Pointer[string] // the present run; "": it can't be told; nil: no connection yet
	open atomic.Int32           // connections

	username, password string
	timeout            time.Duration

	mu    sync.Mutex // guards what follows, and changes of name
	conns map[*runConn]struct{}
	seen  map[string]bool // every run so far
}

// runConn is a connection, until it is closed.
type runConn struct {
	net.Conn
	runs *runs
}

func (c *runConn) Close() error {
	c.runs.mu.Lock()
	delete(c.runs.conns, c)
	c.runs.open.Store(int32(len(c.runs.conns)))
	c.runs.mu.Unlock()
	return c.Conn.Close()
}

// errRun: the server was replaced while a connection to it was made.
var errRun = errors.New("the server has just been restarted")

// dial connects, and asks for the run.
func (r *runs) dial(ctx context.Context, addr string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	before := r.name.Load()
	conn, err := dial(ctx, addr, dialer, config)
	if err != nil {
		return nil, err
	}
	name, err := r.ask(ctx, conn)
	if err == nil {
		c := &runConn{conn, r}
		if err = r.add(c, name, before); err == nil {
			return c, nil
		}
	}
	conn.Close()
	return nil, notSent{foreign(err)}
}

// add takes in a connection whose making began while before was the present run.
func (r *runs) add(c *runConn, name string, before *string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	present := r.name.Load()
	switch {
	case present != nil && (*present == name || *present == ""):
	case r.seen[name] && present != before:
		return errRun // it is over; the other connection was faster
	default:
		if r.seen[name] {
			name = "" // two servers at once behind one address: never to be told apart
		}
		r.closeAll()
		if r.conns == nil {
			r.conns, r.seen = map[*runConn]struct{}{}, map[string]bool{}
		}
		r.seen[name] = true
		r.name.Store(&name)
	}
	r.conns[c] = struct{}{}
	r.open.Store(int32(len(r.conns)))
	return nil
}

// drop closes all connections: what is at the address may be another server now.
func (r *runs) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closeAll()
}

// closeAll closes the connections; rueidis sees it and closes what is around
// them. The caller holds r.mu.
func (r *runs) closeAll() {
	for c := range r.conns {
		c.Conn.Close()
	}
	clear(r.conns)
	r.open.Store(0)
}

// ask asks a new connection which run of the server answers: "" when that is a
// secret.
func (r *runs) ask(ctx context.Context, conn net.Conn) (string, error) {
	_ = conn.SetDeadline(time.Now().Add(r.timeout))
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	var request strings.Builder
	switch {
	case r.username != "":
		command(&request, "AUTH", r.username, r.password)
	case r.password != "":
		command(&request, "AUTH", r.password)
	}
	auth := request.Len() > 0
	command(&request, "INFO", "server")
	if _, err := io.WriteString(conn, request.String()); err != nil {
		return "", err
	}
	replies := bufio.NewReader(conn)
	if auth {
		if _, err := reply(replies); err != nil {
			return "", err
		}
	}
	info, err := reply(replies)
	var refused refusal
	if errors.As(err, &refused) && (strings.HasPrefix(string(refused), "NOPERM") || strings.HasPrefix(string(refused), "ERR unknown")) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	switch field(info, "redis_mode") {
	case "cluster":
		return "", errors.New("the server is a node of a Cluster: write redis+cluster:// or set Options.Cluster")
	case "sentinel":
		return "", errors.New("the server is a Sentinel: write redis+sentinel:// or set Options.Master")
	}
	return field(info, "run_id"), nil
}

// field is a line of INFO.
func field(info, name string) string {
	for line := range strings.SplitSeq(info, "\r\n") {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return value
		}
	}
	return ""
}

// command writes a command in Redis's protocol.
func command(b *strings.Builder, args ...string) {
	fmt.Fprintf(b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(b, "$%d\r\n%s\r\n", len(arg), arg)
	}
}

// refusal is an error that a server has answered.
type refusal string

func (e refusal) Error() string { return string(e) }

// reply reads a string that a server answers.
func reply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if text, ok := strings.CutPrefix(line, "-"); ok {
		return "", refusal(text)
	}
	if strings.HasPrefix(line, "+") {
		return line[1:], nil
	}
	n, err := strconv.Atoi(strings.TrimPrefix(line, "$"))
	if err != nil || n < 0 || n > 1<<20 {
		return "", errors.New("the server does not speak Redis's protocol")
	}
	text := make([]byte, n+2)
	_, err = io.ReadFull(r, text)
	return string(text[:n]), err
}

// dial connects to host:port, or to a Unix socket.
func dial(ctx context.Context, addr string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	var conn net.Conn
	var err error
	if config != nil {
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, network, addr)
	} else {
		conn, err = dialer.DialContext(ctx, network, addr)
	}
	if err != nil {
		return nil, notSent{foreign(err)}
	}
	return conn, nil
}
