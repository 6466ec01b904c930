package testserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startTimeout is generous: the machine may be busy with other tests.
const startTimeout = time.Minute

// Server is one server process, with its data and its port, which outlive the
// process. Its methods fail the test when they fail, so call them on the test's
// own goroutine.
type Server struct {
	// Addr is host:port, on the loopback interface.
	Addr string

	t       testing.TB
	bus     string // another address, for those that need two
	name    string // in messages
	dir     string // has everything of this server, also its log
	user    string // whom it runs as where the tests run as root; "" is root
	command func() (program string, args []string)
	ready   func(ctx context.Context) error // talks to it; an error means not yet

	halt os.Signal // ends it in good order
	quit os.Signal // ends it at once, for the last time

	mu      sync.Mutex
	running *process // nil when it was stopped or killed
}

// newServer makes the folder of a server. In the end it is removed, and with it
// the process.
func newServer(t testing.TB, name string) *Server {
	t.Helper()
	sweep()
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%s-%d-", prefix, name, os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, name: name, dir: dir, halt: syscall.SIGTERM, quit: syscall.SIGKILL}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of %s on %s ends:\n%s", s.name, s.Addr, s.log(0))
		}
		s.end()
	})
	// Not secret, and other accounts must get at what is theirs below it.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return s
}

// prefix of the names of our folders, which go on with the kind of the server and
// the test binary's process.
const prefix = "keepsake-"

// sweep removes, once, what test binaries left that were killed: folders of
// processes that are gone, and an hour old because /tmp may be another
// container's, too.
var sweep = sync.OnceFunc(func() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*-*-*"))
	for _, dir := range dirs {
		parts := strings.Split(filepath.Base(dir), "-")
		pid, err := strconv.Atoi(parts[len(parts)-2])
		info, statErr := os.Stat(dir)
		if err == nil && statErr == nil && !exists(pid) && time.Since(info.ModTime()) > time.Hour {
			_ = os.RemoveAll(dir) // as far as it is ours
		}
	}
})

// folder makes a folder that the server's account owns.
func (s *Server) folder(name string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.Mkdir(path, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := own(path, s.user); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// file writes a file that the server's account can read.
func (s *Server) file(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := own(path, s.user); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// begin starts the server for the first time, on a free port.
func (s *Server) begin() {
	s.t.Helper()
	if err := s.start(true); err != nil {
		s.t.Fatal(err)
	}
}

// Start starts the server again after Stop or Kill: the same data, as far as it
// keeps any, and the same port. It returns when the server answers.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.start(false); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) start(choosePort bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return fmt.Errorf("testserver: %s runs already", s.name)
	}
	deadline := time.Now().Add(startTimeout)
	for {
		if choosePort {
			var err error
			if s.Addr, s.bus, err = freeAddrs(); err != nil {
				return err
			}
		}
		logged := s.logSize()
		err := s.launch(deadline)
		switch {
		case err == nil:
			return nil
		// The port was taken in the meantime, or what a killed process held is
		// not free yet.
		case errors.Is(err, errExited) && strings.Contains(s.log(logged), "in use") && time.Now().Before(deadline):
			time.Sleep(50 * time.Millisecond)
		default:
			return fmt.Errorf("testserver: %s on %s: %w; its log:\n%s", s.name, s.Addr, err, s.log(logged))
		}
	}
}

var errExited = errors.New("the server ended")

// launch starts the process and waits until it answers.
func (s *Server) launch(deadline time.Time) error {
	program, args := s.command()
	p, err := startProcess(program, args, s.user, s.logPath())
	if err != nil {
		return err
	}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := s.ready(ctx)
		cancel()
		select {
		case <-p.done:
			return errExited // whoever answered, it was another one
		default:
		}
		if err == nil {
			s.running = p
			return nil
		}
		if time.Now().After(deadline) {
			p.signalAll(syscall.SIGKILL)
			<-p.done
			return fmt.Errorf("no answer in %v: %w", startTimeout, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Stop ends the server in good order, as an administrator does.
func (s *Server) Stop() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		return
	}
	s.running.thaw() // a frozen server can't end
	deadline := time.After(startTimeout)
	for {
		s.running.signal(s.halt) // again: Redis refuses at times, while it rewrites its file
		select {
		case <-s.running.done:
			s.running = nil
			return
		case <-time.After(time.Second):
		case <-deadline:
			s.running.signalAll(syscall.SIGKILL)
			<-s.running.done
			s.running = nil
			s.t.Errorf("testserver: %s did not stop in %v and was killed", s.name, startTimeout)
			return
		}
	}
}

// Kill ends the server with SIGKILL.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		s.running.signalAll(syscall.SIGKILL)
		<-s.running.done
		s.running.thaw() // nothing is left to be thawed
		s.running = nil
	}
}

// Freeze stops the server's processes where they are: connections stay open and
// nothing answers, as when a machine or network hangs.
func (s *Server) Freeze() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		if err := s.running.freeze(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		s.running.thaw()
	}
}

// alive reports whether the server was started and neither stopped nor killed.
func (s *Server) alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running != nil
}

// end leaves nothing of the server.
func (s *Server) end() {
	s.mu.Lock()
	if p := s.running; p != nil {
		p.thaw()
		p.signal(s.quit)
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			p.signalAll(syscall.SIGKILL)
			<-p.done
		}
		s.running = nil
	}
	s.mu.Unlock()
	if err := os.RemoveAll(s.dir); err != nil {
		s.t.Errorf("testserver: %v", err)
	}
}

func (s *Server) logPath() string { return filepath.Join(s.dir, "log") }

func (s *Server) logSize() int {
	info, err := os.Stat(s.logPath())
	if err != nil {
		return 0
	}
	return int(info.Size())
}

// log is the end of what the server has logged after the first so many bytes.
func (s *Server) log(after int) string {
	text, err := os.ReadFile(s.logPath())
	if err != nil {
		return "no log: " + err.Error()
	}
	text = text[min(after, len(text)):]
	return strings.TrimSpace(string(text[max(0, len(text)-1200):]))
}

// freeAddrs are two addresses that nobody listened on a moment ago.
func freeAddrs() (first, second string, err error) {
	a, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer a.Close()
	b, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer b.Close()
	return a.Addr().String(), b.Addr().String(), nil
}

// port is the port of an address.
func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}
