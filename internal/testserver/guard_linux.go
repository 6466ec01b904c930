package testserver

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// guard is a shell that waits for the other end of a pipe to be closed, which
// happens when this process ends, and then kills.
type guard struct {
	cmd  *exec.Cmd
	pipe *os.File
}

func startGuard(pids []int) (*guard, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	g := &guard{exec.Command("/bin/sh", "-c", `read _; kill -KILL "$@"`, "sh"), w}
	for _, pid := range pids {
		g.cmd.Args = append(g.cmd.Args, strconv.Itoa(pid))
	}
	g.cmd.Stdin = r
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := g.cmd.Start(); err != nil {
		w.Close()
		return nil, err
	}
	return g, nil
}

func (g *guard) end() {
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait()
	_ = g.pipe.Close() // after it is dead
}
