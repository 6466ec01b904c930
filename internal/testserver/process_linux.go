package testserver

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

const (
	supported = true

	sigStop = syscall.SIGSTOP
	sigCont = syscall.SIGCONT
)

// process is a server's process, and those that it has started.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended

	guard *guard // while it is frozen
}

// startProcess starts a program that the kernel kills when this process ends,
// however it ends. "This process" is for the kernel the thread that started it,
// so a goroutine stays on that thread until the program has ended.
func startProcess(program string, args []string, account, logPath string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &process{cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.cmd.Dir = filepath.Dir(logPath)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	credential, err := credentialOf(account)
	if err != nil {
		return nil, err
	}
	// In a process group of its own, it doesn't get the Ctrl-C of a terminal.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended is in its log
			close(p.done)
		}
	}()
	return p, <-started
}

// run runs a program to its end, as that account.
func run(account string, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	credential, err := credentialOf(account)
	if err != nil {
		return err
	}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("testserver: %s: %w:\n%s", filepath.Base(program), err, bytes.TrimSpace(out))
	}
	return nil
}

// credentialOf is nil for our own account, which it always is except for root's.
func credentialOf(account string) (*syscall.Credential, error) {
	if account == "" || os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(account)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// own gives a file to an account.
func own(path, account string) error {
	c, err := credentialOf(account)
	if err != nil || c == nil {
		return err
	}
	return os.Chown(path, int(c.Uid), int(c.Gid))
}

// signal signals the server's first process.
func (p *process) signal(sig os.Signal) { _ = p.cmd.Process.Signal(sig) }

// signalAll signals the server's processes, the first one first.
func (p *process) signalAll(sig syscall.Signal) {
	select {
	case <-p.done:
		return
	default:
	}
	all := descendants(p.cmd.Process.Pid)
	p.signal(sig)
	if sig == sigStop { // now it starts no more
		all = descendants(p.cmd.Process.Pid)
	}
	for _, pid := range all {
		_ = syscall.Kill(pid, sig)
	}
}

// freeze stops the processes. A process that was started by a server of ours and
// not by us would stay, frozen, when we are killed: a guard sees to it.
func (p *process) freeze() error {
	p.signalAll(sigStop)
	all := descendants(p.cmd.Process.Pid)
	if p.guard != nil || len(all) == 0 {
		return nil
	}
	var err error
	p.guard, err = startGuard(all)
	return err
}

// thaw lets the processes go on. It is also called before they are to end.
func (p *process) thaw() {
	if p.guard != nil {
		p.guard.end()
		p.guard = nil
	}
	p.signalAll(sigCont)
}

// exists reports whether a process is there.
func exists(pid int) bool { return syscall.Kill(pid, 0) != syscall.ESRCH }

// descendants are the processes that a process has started, and theirs.
func descendants(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state parent …, where the name may contain anything
		_, rest, _ := strings.Cut(string(text[bytes.LastIndexByte(text, ')'):]), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 2 {
			continue
		}
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent, _ := strconv.Atoi(fields[1])
		children[parent] = append(children[parent], child)
	}
	var all []int
	for next := []int{pid}; len(next) > 0; {
		of := children[next[0]]
		all = slices.Concat(all, of)
		next = slices.Concat(next[1:], of)
	}
	return all
}
