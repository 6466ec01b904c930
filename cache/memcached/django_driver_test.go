package memcached_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// python returns a Python that can import those modules, or ends the test: it
// fails where nothing may be missing.
func python(t *testing.T, modules string) string {
	t.Helper()
	candidates := []string{"python3", "/usr/bin/python3"}
	own := os.Getenv("KEEPSAKE_PYTHON")
	if own != "" {
		candidates = []string{own}
	}
	for _, name := range candidates {
		if exec.CommandContext(t.Context(), name, "-c", "import "+modules).Run() == nil {
			return name
		}
	}
	message := fmt.Sprintf("no Python with %s among %s (scripts/testdeps installs one)", modules, strings.Join(candidates, ", "))
	if os.Getenv("KEEPSAKE_STRICT") == "1" {
		t.Fatal("KEEPSAKE_STRICT: " + message)
	}
	t.Skip(message)
	return ""
}

// django is a Django process: testdata/django_driver.py.
type django struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
}

type args map[string]any

func startDjango(t *testing.T, config args) *django {
	t.Helper()
	library := map[any]string{"PyMemcacheCache": "pymemcache", "PyLibMCCache": "pylibmc"}[config["backend"]]
	name := python(t, "django, "+library)
	config["secret_key"] = "secret"
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, "-W", "ignore", "testdata/django_driver.py", string(text))
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stderr = os.Stderr
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	d := &django{t, in, bufio.NewReader(out)}
	t.Cleanup(func() {
		_ = in.Close() // ends it
		if err := cmd.Wait(); err != nil {
			t.Errorf("Django: %v", err)
		}
	})
	var version string
	d.must("hello", nil, &version)
	t.Logf("Django %s, %s", version, library)
	return d
}

// call asks Django for op; the error is the name of the exception.
func (d *django) call(op string, with args, result any) error {
	d.t.Helper()
	request := args{"op": op}
	for name, value := range with {
		request[name] = value
	}
	line, err := json.Marshal(request)
	if err == nil {
		_, err = d.in.Write(append(line, '\n'))
	}
	if err != nil {
		d.t.Fatalf("Django, %s: %v", op, err)
	}
	reply, err := d.out.ReadBytes('\n')
	if err != nil {
		d.t.Fatalf("Django, %s: %v", op, err)
	}
	var answer struct {
		OK        json.RawMessage
		Err, Text string
	}
	if err := json.Unmarshal(reply, &answer); err != nil {
		d.t.Fatalf("Django, %s: %v in %q", op, err, reply)
	}
	if answer.Err != "" {
		d.t.Logf("Django, %s: %s: %.200s", op, answer.Err, answer.Text)
		return errors.New(answer.Err)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.OK, result)
}

func (d *django) must(op string, with args, result any) {
	d.t.Helper()
	if err := d.call(op, with, result); err != nil {
		d.t.Fatalf("Django, %s: %v", op, err)
	}
}

// value is a value of a session as Django sees it.
func (d *django) value(key, name string) any {
	d.t.Helper()
	var values map[string]any
	d.must("load", args{"key": key}, &values)
	return values[name]
}
