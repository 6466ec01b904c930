package interop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
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

// findPython looks for a Python that has Django, once.
var findPython = sync.OnceValues(func() (string, error) {
	candidates := []string{"python3", "/usr/bin/python3"}
	if own := os.Getenv("KEEPSAKE_PYTHON"); own != "" {
		candidates = []string{own}
	}
	for _, python := range candidates {
		out, err := exec.Command(python, "-c",
			"import sys, django; print(django.get_version(), 'on Python', sys.version.split()[0])").Output()
		if err == nil {
			fmt.Printf("Django %s", out)
			return python, nil
		}
	}
	return "", fmt.Errorf("no Django in %s (Debian: apt-get install python3-django)", strings.Join(candidates, " or "))
})

// djangoConfig are the settings that a Django of a test differs in.
type djangoConfig struct {
	Database     string   `json:"database"`
	Engine       string   `json:"engine"` // "": db
	FilePath     string   `json:"file_path"`
	SecretKey    string   `json:"secret_key"`
	Fallbacks    []string `json:"secret_key_fallbacks"`
	UseTZ        bool     `json:"use_tz"`
	TimeZone     string   `json:"time_zone"`
	CookieAge    int      `json:"cookie_age"`
	BrowserClose bool     `json:"browser_close"`
}

// django is a Django process: testdata/django_driver.py.
type django struct {
	t       testing.TB
	in      io.WriteCloser
	out     *bufio.Reader
	now     string // where its clock stands; "": it runs
	version [2]int
}

func startDjango(t testing.TB, config djangoConfig) *django {
	t.Helper()
	python, err := findPython()
	if err != nil {
		if os.Getenv("KEEPSAKE_PYTHON") != "" {
			t.Fatal(err)
		}
		missing(t, "%v", err)
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-W", "ignore", "testdata/django_driver.py", string(text))
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stderr = os.Stderr
	d := &django{t: t}
	if d.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.out = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.in.Close() // ends it
		if err := cmd.Wait(); err != nil {
			t.Errorf("Django: %v", err)
		}
	})
	var hello struct{ Django string }
	d.must("hello", nil, &hello)
	if _, err := fmt.Sscanf(hello.Django, "%d.%d", &d.version[0], &d.version[1]); err != nil {
		t.Fatalf("Django's version %q: %v", hello.Django, err)
	}
	return d
}

// before reports whether this Django is older than major.minor.
func (d *django) before(major, minor int) bool {
	return d.version[0] < major || d.version[0] == major && d.version[1] < minor
}

// freeze lets Django's clock stand at now.
func (d *django) freeze(now time.Time) { d.now = epochText(now) }

func epochText(t time.Time) string {
	micro := t.UnixMicro()
	return strconv.FormatInt(micro/1e6, 10) + fmt.Sprintf(".%06d", micro%1e6)
}

type args map[string]any

// pythonError is an exception, by the name of its class.
type pythonError string

func (e pythonError) Error() string { return string(e) }

// call asks Django for op; an exception is a pythonError.
func (d *django) call(op string, with args, result any) error {
	d.t.Helper()
	request := args{"op": op}
	if d.now != "" {
		request["now"] = d.now
	}
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
		d.t.Logf("Django, %s: %s: %s", op, answer.Err, answer.Text)
		return pythonError(answer.Err)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.OK, result)
}

// must is a call that succeeds.
func (d *django) must(op string, with args, result any) {
	d.t.Helper()
	if err := d.call(op, with, result); err != nil {
		d.t.Fatalf("Django, %s: %v", op, err)
	}
}

// fails is a call that raises that exception.
func (d *django) fails(exception, op string, with args) {
	d.t.Helper()
	if err := d.call(op, with, nil); !errors.Is(err, pythonError(exception)) {
		d.t.Errorf("Django, %s: %v, want %s", op, err, exception)
	}
}

// text is a call whose result is a text.
func (d *django) text(op string, with args) string {
	d.t.Helper()
	var text string
	d.must(op, with, &text)
	return text
}

// djangoSession is what Django sees in a session.
type djangoSession struct {
	Key          string // "": none
	Data         string // as json.dumps writes it
	Age          string // of get_expiry_age, likewise
	Date         int64  // of get_expiry_date, microseconds since the epoch
	BrowserClose bool   `json:"browser_close"`
}

func (d *django) load(key string) djangoSession {
	d.t.Helper()
	var s djangoSession
	d.must("load", args{"key": key}, &s)
	return s
}

// djangoRow is a row as it lies in the table.
type djangoRow struct {
	Data     string
	Expires  string `json:"expire_date"`
	DataType string `json:"data_type"`
	DateType string `json:"date_type"`
}

func (d *django) row(key string) *djangoRow {
	d.t.Helper()
	var row *djangoRow
	d.must("row", args{"key": key}, &row)
	return row
}

func (d *django) keys() []string {
	d.t.Helper()
	var keys []string
	d.must("keys", nil, &keys)
	return keys
}
