package engine_test

import (
	"os"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
)

func TestFile(t *testing.T) {
	var dir string
	names := func(t *testing.T) []string {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	enginetest.Run(t, func(t *testing.T, _ sessions.Settings) sessions.Engine {
		dir = t.TempDir()
		return engine.File(dir)
	}, enginetest.Options{
		Name:    "file",
		Another: func(*testing.T, sessions.Settings) sessions.Engine { return engine.File(dir) },
		Names:   names,
	})
}

// TestFilePath: where a session's file is, and that no key leads out of the folder.
func TestFilePath(t *testing.T) {
	st := vectorSettings()
	dir := t.TempDir()
	m, err := sessions.New(st, engine.File(dir))
	if err != nil {
		t.Fatal(err)
	}
	s := m.Open("")
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	path, err := engine.File(dir).Path(st, s.Key())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	for _, key := range []string{"", "a/b", `a\b`, "..", "ABC", "a b", "\x00", "ä"} {
		if path, err := engine.File(dir).Path(st, key); err == nil {
			t.Errorf("%q: %s", key, path)
		}
	}
}
