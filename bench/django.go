package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startDjango starts a real Django under gunicorn, with a worker process for each
// processor and threads in each: so connections are kept alive.
func (r *run) startDjango(s spec) (*child, error) {
	python, gunicorn, err := r.findDjango()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	l.Close()
	values := map[string]any{}
	eachValue(func(name string, value any) { values[name] = value })
	site := map[string]any{
		"secret": secretKey, "values": values, "engine": "db",
		"gunicorn": map[string]any{
			"bind": addr, "workers": runtime.NumCPU(), "threads": 4, "worker_class": "gthread",
			"worker_connections": 200, "keepalive": 60, "loglevel": "error", "accesslog": nil,
		},
	}
	switch s.On {
	case "redis":
		site["engine"], site["redis"] = "cache", s.URL
	case "cookie":
		site["engine"] = "signed_cookies"
	default:
		if err := djangoDatabase(site, s); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(site)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(python, filepath.Join(root(), "bench", "testdata", "site.py"))
	cmd.Env = append(os.Environ(), "BENCH="+string(text), "BENCH_GUNICORN="+gunicorn)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{addr: addr, end: func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() }}
	c.cpu = func() (time.Duration, error) { return treeTime(cmd.Process.Pid) }
	for range 200 {
		if _, err = get("http://" + addr + opNone); err == nil {
			return c, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.end()
	return nil, fmt.Errorf("Django does not answer: %w", err)
}

// djangoDatabase tells a site of its database.
func djangoDatabase(site map[string]any, s spec) error {
	switch s.On {
	case "sqlite":
		site["sqlite"] = s.URL
	case "postgres":
		u, err := url.Parse(s.URL)
		if err != nil {
			return err
		}
		password, _ := u.User.Password()
		site["postgres"] = map[string]any{
			"NAME": strings.TrimPrefix(u.Path, "/"), "USER": u.User.Username(), "PASSWORD": password,
			"HOST": u.Hostname(), "PORT": u.Port(),
		}
	default:
		return fmt.Errorf("no Django for %s", s)
	}
	return nil
}

// findDjango is the newest Django of scripts/djangos from a stable release, with the
// gunicorn of scripts/benchdeps.
func (r *run) findDjango() (python, gunicorn string, err error) {
	python = filepath.Join(root(), ".build", "django", "5.2", "python")
	if r.django != "" {
		python = r.django
	}
	gunicorn = filepath.Join(root(), ".build", "gunicorn", "usr", "lib", "python3", "dist-packages")
	for _, path := range []string{python, gunicorn} {
		if _, statErr := os.Stat(path); statErr != nil {
			return "", "", errors.New("no Django with gunicorn: run scripts/djangos and scripts/benchdeps")
		}
	}
	return python, gunicorn, nil
}

// root is the folder of the checkout.
func root() string {
	dir, _ := os.Getwd()
	for dir != "/" {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	return "."
}

// treeTime is the processor time of a process and its children, which come and go
// with it.
func treeTime(pid int) (time.Duration, error) {
	pids := []string{strconv.Itoa(pid)}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0, err
	}
	pids = append(pids, strings.Fields(string(text))...)
	var ticks int64
	for _, p := range pids {
		text, err := os.ReadFile("/proc/" + p + "/stat")
		if err != nil {
			return 0, err
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		for _, i := range []int{11, 12} { // utime and stime
			n, err := strconv.ParseInt(fields[i], 10, 64)
			if err != nil {
				return 0, err
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * (time.Second / 100), nil
}
