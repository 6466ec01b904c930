package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/config"
	"github.com/keepsake-go/sessions/config/drivers"
	"github.com/keepsake-go/sessions/engine"
)

// TestScripts runs the transcripts: each is a terminal, in a folder of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			jar, err := cookiejar.New(nil)
			env.Values[visitorKey{}] = &http.Client{
				Jar:       jar,
				Transport: &http.Transport{DisableKeepAlives: true}, // an idle connection is a goroutine
				Timeout:   10 * time.Second,
			}
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":        exits,
			"freeport":     freePort,
			"http":         visit,
			"put-sessions": putSessions,
			"mode":         checkMode,
		},
	})
}

type visitorKey struct{}

// exits is "exits CODE COMMAND …": an exec that ends with that exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// freePort sets $ADDR to an address that nobody serves.
func freePort(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("ADDR", l.Addr().String())
	ts.Check(l.Close())
}

// visit is "http METHOD URL [FORM]": it prints the response, after redirects,
// and keeps the script's cookies. It waits for a server that has only begun.
func visit(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: http METHOD URL [FORM]")
	}
	client := ts.Value(visitorKey{}).(*http.Client)
	form := ""
	if len(args) == 3 {
		form = args[2]
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		r, err := http.NewRequest(args[0], args[1], strings.NewReader(form))
		ts.Check(err)
		if form != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		response, err := client.Do(r)
		if errors.Is(err, syscall.ECONNREFUSED) && time.Now().Before(end) {
			continue
		}
		ts.Check(err)
		body, err := io.ReadAll(response.Body)
		ts.Check(errors.Join(err, response.Body.Close()))
		if failed := response.StatusCode >= 400; failed != neg {
			ts.Fatalf("http %s %s: %s", args[0], args[1], response.Status)
		}
		fmt.Fprintln(ts.Stdout(), response.Status)
		for i, line := range response.Header["Set-Cookie"] { // what the suite prints has no keys in it
			name, value, _ := strings.Cut(line, "=")
			_, attributes, _ := strings.Cut(value, ";")
			response.Header["Set-Cookie"][i] = name + "=…;" + attributes
		}
		_ = response.Header.Write(ts.Stdout())
		fmt.Fprintf(ts.Stdout(), "\n%s\n", body)
		return
	}
}

// putSessions is "put-sessions FILE LIVE EXPIRED": so many sessions of each kind.
func putSessions(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	db := openFile(ts.MkAbs(args[0]))
	defer db.Close()
	st := sessions.DefaultSettings()
	st.SecretKey = noSecret
	m, err := sessions.New(st, engine.Database(db))
	ts.Check(err)
	_, err = m.Migrate(ctx)
	ts.Check(err)
	for i, age := range []string{"+1 day", "-1 day"} {
		n, err := strconv.Atoi(args[1+i])
		ts.Check(err)
		_, err = db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
			INSERT INTO django_session SELECT printf('%s%030d', ?2, i), 'x', strftime('%Y-%m-%d %H:%M:%S', 'now', ?3)
			FROM n WHERE ?1 > 0`, n, []string{"li", "ex"}[i], age)
		ts.Check(err)
	}
}

// openFile opens a SQLite file without care for power cuts.
func openFile(file string) *sql.DB {
	db, err := drivers.SQLite(config.Database{
		Engine: "sqlite3", Name: file, Options: map[string]any{"init_command": "PRAGMA synchronous=OFF"},
	})
	if err != nil {
		panic(err)
	}
	return db
}

func must(db config.Database, ok bool) config.Database {
	if !ok {
		panic("no database")
	}
	return db
}

// checkMode is "mode FILE MODE".
func checkMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("mode of %s: %s, want %s", args[0], got, args[1])
	}
}

// Whatever a file is called, that file is opened and no other.
func TestOddFileNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"plain.db", "with space.db", "a?mode=memory.db", "50%.db", "%41.db", "a#b.db", "a&_pragma=x.db",
		"file:x.db", ":memory:", "ünïcode.db", "a+b;c.db", `quo"te'.db`, "-dash",
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, name)
			if code := run(t.Context(), []string{"migrate", "--database=" + file}, nil, io.Discard, t.Output()); code != exitOK {
				t.Fatalf("exit code %d", code)
			}
			if info, err := os.Stat(file); err != nil || info.Size() == 0 {
				t.Fatalf("the file is not there: %v", err)
			}
		})
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 13 {
		t.Errorf("%d files, want 13: %v (%v)", len(entries), entries, err)
	}
}

// The demo reads while it writes, and an acknowledged write survives a power cut.
func TestPragmas(t *testing.T) {
	t.Chdir(t.TempDir())
	o := demoOptions{engine: "db", database: "a.db"}
	cfg, err := o.config()
	if err != nil {
		t.Fatal(err)
	}
	db, err := drivers.SQLite(must(cfg.Database()))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000"} {
		var got string
		if err := db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", pragma, got, err, want)
		}
	}
}

func TestSiteURL(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:8000": "http://127.0.0.1:8000/",
		"0.0.0.0:80":     "http://localhost:80/",
		"[::]:8000":      "http://localhost:8000/",
		"[::1]:8000":     "http://[::1]:8000/",
	} {
		a, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		got := siteURL(a)
		if _, err := url.Parse(got); err != nil || got != want {
			t.Errorf("%s: %q, want %q (%v)", addr, got, want, err)
		}
	}
}

// A signal lets the request in hand finish.
func TestServeFinishesRequests(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		stop()
		time.Sleep(50 * time.Millisecond)
		fmt.Fprint(w, "done")
	})
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l, handler) }()

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "done" {
		t.Errorf("%q, %v", body, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Progress is for terminals: a file, a pipe or a log gets none.
func TestProgressOnlyOnTerminals(t *testing.T) {
	var stderr bytes.Buffer
	p := &program{stderr: &stderr}
	if count, done := p.progress(); count != nil {
		t.Error("progress without a terminal")
	} else if done(); stderr.Len() > 0 {
		t.Errorf("stderr: %q", &stderr)
	}
}
