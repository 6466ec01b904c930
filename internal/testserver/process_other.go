//go:build !linux

package testserver

import (
	"errors"
	"os"
	"syscall"
)

// Only Linux ends a server with the process that has started it.
const supported = false

type process struct{ done chan struct{} }

var errUnsupported = errors.New("testserver starts servers on Linux only")

func startProcess(string, []string, string, string) (*process, error) { return nil, errUnsupported }

func run(string, string, ...string) error { return errUnsupported }

func own(string, string) error { return errUnsupported }

func (p *process) signal(os.Signal) {}

func (p *process) signalAll(syscall.Signal) {}

func (p *process) freeze() error { return errUnsupported }

func (p *process) thaw() {}

func exists(int) bool { return true }
