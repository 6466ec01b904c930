package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// machine starts the servers that contestants share, each when it is first needed.
// It is what a test is to testserver.
type machine struct {
	testing.TB // nil: what it does not implement is not called
	dir        string
	urls       map[string]string
	cleanups   []func()
}

func newMachine() (*machine, error) {
	dir, err := os.MkdirTemp("", "keepsake-bench-")
	return &machine{dir: dir, urls: map[string]string{}}, err
}

// absent is a panic: a server can't be had.
type absent struct{ why string }

func (m *machine) Helper()                           {}
func (m *machine) Failed() bool                      { return false }
func (m *machine) Log(args ...any)                   { fmt.Fprintln(os.Stderr, args...) }
func (m *machine) Logf(format string, args ...any)   { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (m *machine) Errorf(format string, args ...any) { m.Logf(format, args...) }
func (m *machine) Fatal(args ...any)                 { panic(absent{fmt.Sprint(args...)}) }
func (m *machine) Fatalf(format string, args ...any) { panic(absent{fmt.Sprintf(format, args...)}) }
func (m *machine) Skip(args ...any)                  { panic(absent{fmt.Sprint(args...)}) }
func (m *machine) Skipf(format string, args ...any)  { panic(absent{fmt.Sprintf(format, args...)}) }
func (m *machine) Cleanup(f func())                  { m.cleanups = append(m.cleanups, f) }

func (m *machine) end() {
	for _, f := range slices.Backward(m.cleanups) {
		f()
	}
	_ = os.RemoveAll(m.dir)
}

// url is that of the server for what sessions are kept on, with everybody's tables.
// What comes after a dash has a server, or a file, of its own.
func (m *machine) url(on string) (url string, err error) {
	defer func() {
		if p := recover(); p != nil {
			a, ok := p.(absent)
			if !ok {
				panic(p)
			}
			err = fmt.Errorf("%s", a.why)
		}
	}()
	kind, _, _ := strings.Cut(on, "-")
	if url, found := m.urls[on]; found {
		return url, nil
	}
	switch kind {
	case "redis":
		url = testserver.Redis(m, testserver.RedisOptions{}).URL()
	case "postgres":
		url = testserver.Postgres(m, testserver.SQLOptions{Durable: true}).URL()
	case "sqlite":
		url = filepath.Join(m.dir, on+".db")
	default:
		return "", nil
	}
	m.urls[on] = url
	if kind == "redis" {
		return url, nil
	}
	return url, makeTables(spec{On: on, URL: url}, kind)
}

// makeTables makes the table of each contestant.
func makeTables(s spec, kind string) error {
	s.Lib = "keepsake"
	e, closed, err := keepsakeEngine(s)
	if err != nil {
		return err
	}
	defer closed()
	manager, err := sessions.New(settings(), e)
	if err != nil {
		return err
	}
	if _, err := manager.Migrate(context.Background()); err != nil {
		return err
	}
	db, err := openSQL(s)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, text := range append(scsTables[kind], limitTable[kind]...) {
		if _, err := db.Exec(text); err != nil {
			return err
		}
	}
	return nil
}
