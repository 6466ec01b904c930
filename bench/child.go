package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// child is a contestant's server, a process of its own: so its processor time is
// its own, too.
type child struct {
	addr string
	cpu  func() (time.Duration, error)
	end  func()
}

// serveChild is the child process: it serves until its standard input ends.
func serveChild(text string) error {
	var s spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	sub, err := open(s)
	if err != nil {
		return err
	}
	defer sub.close()
	sub.ops["/cpu"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, strconv.FormatInt(int64(processorTime()), 10))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(0) }()
	return http.Serve(l, sub)
}

// startChild starts it.
func startChild(s spec) (*child, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "-child", string(text))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{end: func() { _ = in.Close(); _ = cmd.Wait() }}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		c.end()
		return nil, fmt.Errorf("%s did not start: %w", s, err)
	}
	c.addr = strings.TrimSpace(line)
	c.cpu = func() (time.Duration, error) {
		text, err := get("http://" + c.addr + "/cpu")
		if err != nil {
			return 0, err
		}
		n, err := strconv.ParseInt(text, 10, 64)
		return time.Duration(n), err
	}
	return c, nil
}

func get(url string) (string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}
