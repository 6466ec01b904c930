package testserver

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestRedisOptions(t *testing.T) {
	r := Redis(t, RedisOptions{ACL: true, UnixSocket: true, Volatile: true, Args: []string{"--maxmemory", "12mb"}})
	if want := "redis://keepsake:keepsake@" + r.Addr + "/0"; r.URL() != want {
		t.Errorf("the URL is %s", r.URL())
	}
	if want := "unix://keepsake:keepsake@" + r.Socket + "?db=0"; r.SocketURL() != want {
		t.Errorf("the socket's URL is %s", r.SocketURL())
	}
	conn, err := net.Dial("unix", r.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := resp(conn, "PING"); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("without a password: %v", err)
	}
	if _, err := resp(conn, "AUTH", account, "wrong"); err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("with a wrong password: %v", err)
	}
	if _, err := resp(conn, "AUTH", account, account); err != nil {
		t.Error(err)
	}
	if v, err := resp(conn, "CONFIG", "GET", "maxmemory"); fmt.Sprint(v) != "[maxmemory 12582912]" {
		t.Errorf("%v, %v", v, err)
	}

	plain := Redis(t, RedisOptions{})
	if plain.ClientTLS() != nil || plain.Socket != "" {
		t.Error("a plain server has TLS or a socket")
	}
	encrypted := Redis(t, RedisOptions{TLS: true})
	if !strings.HasPrefix(encrypted.URL(), "rediss://") || encrypted.ClientTLS() == nil {
		t.Errorf("the URL is %s", encrypted.URL())
	}
	if conn, err := net.Dial("tcp", encrypted.Addr); err != nil {
		t.Error(err)
	} else if v, err := resp(conn, "PING"); err == nil {
		t.Errorf("without TLS: %v", v)
	}
}

// TestShared has tests share a server, which ends with the last of them, or with
// Main.
func TestShared(t *testing.T) {
	before := runtime.NumGoroutine()
	var first, second PostgresDatabase
	tests := func() {
		t.Run("a", func(t *testing.T) {
			first = SharedPostgres(t)
			t.Run("b", func(t *testing.T) { second = SharedPostgres(t) })
			if !listens(first.Addr) {
				t.Error("it ended with the inner test")
			}
		})
		if first.Addr != second.Addr || first.Name == second.Name {
			t.Errorf("the databases are %v and %v", first, second)
		}
	}
	tests()
	if listens(first.Addr) {
		t.Error("it did not end with its last test")
	}
	if code := Main(runFunc(func() int {
		tests()
		if !listens(first.Addr) {
			t.Error("it ended before Main did")
		}
		return 3
	})).Run(); code != 3 {
		t.Errorf("Main returned %d", code)
	}
	if listens(first.Addr) {
		t.Error("it did not end with Main")
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

type runFunc func() int

func (f runFunc) Run() int { return f() }

func listens(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// TestDurable sees that the servers take their options.
func TestDurable(t *testing.T) {
	for _, durable := range []bool{false, true} {
		s := Postgres(t, SQLOptions{Durable: durable, Args: []string{"-c", "max_connections=23"}})
		got, err := output(s.superuser, "-qAtX", s.URL(), "-c", "SELECT current_setting('fsync'), current_setting('max_connections')")
		if want := map[bool]string{false: "off|23", true: "on|23"}[durable]; got != want || err != nil {
			t.Errorf("Durable %v: %s, %v", durable, got, err)
		}
	}
}

func output(program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// skipped notes how a test ended.
type skipped struct {
	testing.TB
	skip, fatal string
}

func (s *skipped) Helper() {}

func (s *skipped) Skipf(format string, args ...any) { s.skip = fmt.Sprintf(format, args...) }

func (s *skipped) Fatalf(format string, args ...any) {
	s.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestMissing(t *testing.T) {
	if !supported {
		t.Skip("nothing is supported here")
	}
	for _, strict := range []string{"", "1"} {
		t.Setenv("KEEPSAKE_STRICT", strict)
		s := &skipped{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			find(s, "no-such-server", "no-such-package")
		}()
		<-done
		text := s.skip
		if strict == "1" {
			text = s.fatal
		}
		if !strings.Contains(text, "no-such-server is missing: install the package no-such-package") || s.skip != "" && s.fatal != "" {
			t.Errorf("strict %q: skip %q, fatal %q", strict, s.skip, s.fatal)
		}
	}
}
