package testserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
)

// MemcachedServer is a Memcached server. It forgets everything when it ends.
type MemcachedServer struct{ *Server }

// Memcached starts a Memcached server; args are further arguments of its
// command line.
func Memcached(t testing.TB, args ...string) *MemcachedServer {
	t.Helper()
	program := find(t, "memcached", "memcached")
	m := &MemcachedServer{newServer(t, "memcached")}
	m.user = "nobody" // it refuses to be root
	m.command = func() (string, []string) {
		return program, append([]string{"-l", "127.0.0.1", "-p", port(m.Addr), "-U", "0"}, args...)
	}
	m.ready = func(ctx context.Context) error {
		line, err := m.Do(ctx, "version\r\n")
		if err == nil && !strings.HasPrefix(line, "VERSION ") {
			err = fmt.Errorf("it answers %q", line)
		}
		return err
	}
	m.begin()
	return m
}

// Do sends a request on a connection of its own and returns the first line of
// the answer.
func (m *MemcachedServer) Do(ctx context.Context, request string) (string, error) {
	conn, err := dial(ctx, "tcp", m.Addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSuffix(line, "\r\n"), err
}
