package interop

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/keepsake-go/sessions/internal/testserver"
)

// strict is CI's mode: what is missing fails, instead of being skipped.
var strict = os.Getenv("KEEPSAKE_STRICT") == "1"

// missing skips the test, or fails it where nothing may be missing.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if strict {
		t.Fatalf("KEEPSAKE_STRICT: "+format, args...)
	}
	t.Skipf(format, args...)
}

// series are the Djangos that scripts/djangos provides, oldest first.
var series = []string{"3.2", "4.2", "5.2", "6.1"}

// passing are those from releases of Debian that are not stable: they may be gone
// tomorrow, and are named then.
var passing = []string{"5.2", "6.1"}

// A python is an interpreter that has a Django: a process of
// testdata/django_server.py, started when it is needed first and kept until the
// tests end.
type python struct {
	program string
	django  string   // its version
	version [2]int   // the same
	runs    string   // the Python's version
	clients []string // of servers: Python's modules

	start  func() error
	socket string
	stdin  io.Closer
	end    func() error
}

func newPython(program string) *python {
	p := &python{program: program}
	p.start = sync.OnceValue(p.serve)
	return p
}

// before reports whether this Django is older than major.minor.
func (p *python) before(major, minor int) bool {
	return p.version[0] < major || p.version[0] == major && p.version[1] < minor
}

func (p *python) serve() error {
	folder, err := os.MkdirTemp("", "keepsake-django")
	if err != nil {
		return err
	}
	p.socket = filepath.Join(folder, "socket")
	cmd := exec.Command(p.program, "-W", "ignore", "testdata/django_server.py", p.socket)
	var trouble strings.Builder
	cmd.Stderr = &trouble
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	hello, err := bufio.NewReader(stdout).ReadString('\n')
	if words := strings.Fields(hello); err == nil && len(words) >= 2 {
		p.django, p.runs, p.clients = words[0], words[1], words[2:]
		_, err = fmt.Sscanf(p.django, "%d.%d", &p.version[0], &p.version[1])
	}
	if err != nil {
		err = errors.Join(err, stdin.Close(), cmd.Wait(), os.RemoveAll(folder))
		return fmt.Errorf("%s: %w\n%s", p.program, err, strings.TrimSpace(trouble.String()))
	}
	p.stdin = stdin
	p.end = func() error {
		err := errors.Join(stdin.Close(), cmd.Wait(), os.RemoveAll(folder))
		if text := strings.TrimSpace(trouble.String()); text != "" {
			err = errors.Join(err, fmt.Errorf("Django %s said:\n%s", p.django, text))
		}
		return err
	}
	return nil
}

// run starts a script of testdata with Django; its standard input and output are
// the connection, and it ends with the test.
func (p *python) run(t testing.TB, script string, arguments ...string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", p.socket)
	check(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	line, err := json.Marshal(append([]string{script}, arguments...))
	check(t, err)
	_, err = conn.Write(append(line, '\n'))
	check(t, err)
	return conn
}

// output is what such a script prints.
func (p *python) output(t testing.TB, script string, arguments ...string) string {
	t.Helper()
	text, err := io.ReadAll(p.run(t, script, arguments...))
	check(t, err)
	return strings.TrimSpace(string(text))
}

// allPythons are $KEEPSAKE_PYTHON alone, or else those of scripts/djangos, or
// else the first of the machine's that has a Django. They may be none.
var allPythons = sync.OnceValues(func() ([]*python, error) {
	if own := os.Getenv("KEEPSAKE_PYTHON"); own != "" {
		p := newPython(own)
		return []*python{p}, p.start()
	}
	var all []*python
	for _, version := range series {
		program, err := filepath.Abs(filepath.Join("../.build/django", version, "python"))
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(program); err == nil {
			all = append(all, newPython(program))
		}
	}
	if len(all) > 0 {
		var starting sync.WaitGroup
		errs := make([]error, len(all))
		for i, p := range all {
			starting.Go(func() { errs[i] = p.start() })
		}
		starting.Wait()
		return all, errors.Join(errs...)
	}
	for _, program := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(program, "-c", "import django").Run() == nil {
			p := newPython(program)
			return []*python{p}, p.start()
		}
	}
	return nil, nil
})

// newest is the Django of the tests that want one.
func newest(t testing.TB) *python {
	t.Helper()
	all, err := allPythons()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		missing(t, "no Django: scripts/djangos gets some on Debian; else install python3-django")
	}
	return all[len(all)-1]
}

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		// The matrix mostly waits for servers.
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(testserver.Main(closing{m}).Run())
}

// closing ends what the tests share, and prints the matrix.
type closing struct{ m *testing.M }

func (c closing) Run() int {
	code := c.m.Run()
	printMatrix(os.Stdout)
	differs.print(os.Stdout)
	all, _ := allPythons()
	for _, p := range all {
		if p.end == nil {
			continue
		}
		if err := p.end(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	return code
}
