package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// The Go that the page shows is the Go that runs.
func TestSnippetsAreTheSource(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	source := ""
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || name == "snippets.go" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source += strings.Join(strings.Fields(string(text)), " ")
	}
	for lesson, code := range snippets() {
		for line := range strings.Lines(code.Go) {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "//") && !strings.Contains(source, line) {
				t.Errorf("%s: not in the source: %s", lesson, line)
			}
		}
	}
}

// Counting passes on what the store can do, and nothing that it can't.
func TestCountingEngine(t *testing.T) {
	m, err := sessions.New(Settings("a secret key for the tests of the demo, long enough to be used", time.Minute), countingEngine{engine.Memory()})
	if err != nil {
		t.Fatal(err)
	}
	if made, err := m.Migrate(t.Context()); made || err != nil {
		t.Error(made, err)
	}
	if n, err := m.ClearExpired(t.Context(), nil); n != 0 || err != nil {
		t.Error(n, err)
	}
	if _, err := New(sessions.Settings{}, engine.Memory()); err == nil {
		t.Error("settings without a secret key are accepted")
	}
}

func TestPeriod(t *testing.T) {
	for seconds, want := range map[int]string{1: "1 second", 20: "20 seconds", 60: "1 minute", 90: "90 seconds", 1800: "30 minutes"} {
		if got := Period(time.Duration(seconds) * time.Second); got != want {
			t.Errorf("%d: %q, want %q", seconds, got, want)
		}
	}
}
