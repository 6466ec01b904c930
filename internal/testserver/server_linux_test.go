package testserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// subject is a server under test: what it keeps is written and read by hand.
type subject struct {
	*Server
	write func(value string) error
	read  func() (string, error)
	// volatile: it forgets when it ends.
	volatile bool
}

var subjects = []struct {
	name  string
	start func(testing.TB) subject
}{
	{"postgres", func(t testing.TB) subject {
		s := Postgres(t)
		return sqlSubject(s.Server, func(statement string) (string, error) {
			return output(s.superuser, "-qAtX", "-v", "ON_ERROR_STOP=1", s.URL()+"&connect_timeout=2", "-c", statement)
		})
	}},
	{"mariadb", func(t testing.TB) subject {
		s := MariaDB(t)
		return sqlSubject(s.Server, func(statement string) (string, error) {
			return output(s.client, "--no-defaults", "--host=127.0.0.1", "--port="+port(s.Addr), "--user="+account, "--password="+account,
				"--connect-timeout=2", "--skip-column-names", account, "--execute="+statement)
		})
	}},
	{"redis", func(t testing.TB) subject { return redisSubject(Redis(t, RedisOptions{})) }},
	{"redis TLS and ACL", func(t testing.TB) subject {
		return redisSubject(Redis(t, RedisOptions{TLS: true, ACL: true, Durable: true}))
	}},
	{"redis volatile", func(t testing.TB) subject {
		s := redisSubject(Redis(t, RedisOptions{Volatile: true}))
		s.volatile = true
		return s
	}},
	{"memcached", func(t testing.TB) subject {
		s := Memcached(t)
		return subject{s.Server, func(value string) error {
			line, err := s.Do(context.Background(), fmt.Sprintf("set k 0 0 %d\r\n%s\r\n", len(value), value))
			if err == nil && line != "STORED" {
				err = errors.New(line)
			}
			return err
		}, func() (string, error) {
			line, err := s.Do(context.Background(), "get k\r\n")
			if err == nil && line == "END" {
				return "", nil
			}
			return "kept", err
		}, true}
	}},
}

func sqlSubject(s *Server, query func(string) (string, error)) subject {
	return subject{s, func(value string) error {
		_, err := query("CREATE TABLE IF NOT EXISTS t (v varchar(9)); DELETE FROM t; INSERT INTO t VALUES ('" + value + "')")
		return err
	}, func() (string, error) { return query("SELECT v FROM t") }, false}
}

func redisSubject(s *RedisServer) subject {
	return subject{s.Server, func(value string) error {
		_, err := s.Do(context.Background(), "SET", "k", value)
		return err
	}, func() (string, error) {
		v, err := s.Do(context.Background(), "GET", "k")
		text, _ := v.(string)
		return text, err
	}, false}
}

// TestServers lives through everything that can be done to a server.
func TestServers(t *testing.T) {
	for _, server := range subjects {
		t.Run(server.name, func(t *testing.T) {
			begin := time.Now()
			var dir string
			var processes []int
			t.Run("server", func(t *testing.T) {
				s := server.start(t)
				t.Logf("started in %v", time.Since(begin).Round(time.Millisecond))
				dir = s.dir
				live(t, s)
				s.Freeze() // it must end all the same
				processes = append(descendants(s.running.cmd.Process.Pid), s.running.cmd.Process.Pid)
			})
			for _, pid := range processes {
				if !gone(pid) {
					t.Errorf("the process %d is left", pid)
				}
			}
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the folder is left: %v", err)
			}
		})
	}
}

func live(t *testing.T, s subject) {
	holds := func(when, want string) {
		t.Helper()
		if got, err := s.read(); err != nil || got != want {
			t.Errorf("%s: %q, %v, not %q", when, got, err, want)
		}
	}
	down := func(when string) {
		t.Helper()
		if conn, err := net.Dial("tcp", s.Addr); err == nil {
			conn.Close()
			t.Errorf("%s: somebody listens on %s", when, s.Addr)
		}
	}
	write := func() {
		t.Helper()
		if err := s.write("kept"); err != nil {
			t.Error(err)
		}
	}
	kept := "kept"
	if s.volatile {
		kept = ""
	}
	if !strings.HasPrefix(s.Addr, "127.0.0.1:") {
		t.Errorf("it listens on %s", s.Addr)
	}
	addr := s.Addr

	write()
	holds("started", "kept")
	begin := time.Now()
	s.Stop()
	stopped := time.Since(begin)
	down("stopped")
	s.Stop() // does nothing
	begin = time.Now()
	s.Start()
	restarted := time.Since(begin)
	holds("restarted", kept)

	write()
	s.Kill()
	down("killed")
	begin = time.Now()
	s.Start()
	holds("restarted after Kill", kept)
	t.Logf("stop %v, start %v, start after Kill %v", stopped, restarted, time.Since(begin))
	if s.Addr != addr {
		t.Errorf("it moved from %s to %s", addr, s.Addr)
	}

	write()
	s.Freeze()
	if got, err := s.read(); err == nil {
		t.Errorf("frozen, it answered %q", got)
	}
	s.Thaw()
	holds("thawed", "kept")
	s.Freeze()
	s.Stop() // which needs a Thaw
	s.Start()
	holds("stopped while frozen", kept)
}

func gone(pid int) bool {
	for range 100 {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return true
		}
		if stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); strings.Contains(string(stat), ") Z ") {
			return true // dead; whoever adopted it is slow
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

// TestNothingOutlivesTheTestBinary kills a test binary that runs every server.
func TestNothingOutlivesTheTestBinary(t *testing.T) {
	if victim := os.Getenv("TESTSERVER_VICTIM"); victim != "" {
		frozen := victim == "frozen"
		for _, server := range subjects {
			s := server.start(t)
			s.mu.Lock()
			fmt.Println("pid", s.running.cmd.Process.Pid)
			for _, pid := range descendants(s.running.cmd.Process.Pid) {
				fmt.Println("pid", pid)
			}
			fmt.Println("dir", s.dir)
			s.mu.Unlock()
			if frozen {
				s.Freeze()
			}
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	for _, state := range []string{"running", "frozen"} {
		t.Run(state, func(t *testing.T) { killedBinary(t, state) })
	}
}

func killedBinary(t *testing.T, state string) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestNothingOutlivesTheTestBinary$")
	cmd.Env = append(os.Environ(), "TESTSERVER_VICTIM="+state)
	out, err := cmd.Output()
	if err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the binary was not killed: %v\n%s", err, out)
	}
	var pids int
	for line := range strings.Lines(string(out)) {
		switch kind, value, _ := strings.Cut(strings.TrimSpace(line), " "); kind {
		case "pid":
			pids++
			pid, _ := strconv.Atoi(value)
			if !gone(pid) {
				t.Errorf("the process %d is left", pid)
			}
		case "dir":
			if strings.HasPrefix(filepath.Base(value), "keepsake-") {
				os.RemoveAll(value) // which nobody could do
			}
		}
	}
	if pids < len(subjects) {
		t.Errorf("only %d processes ran:\n%s", pids, out)
	}
}
