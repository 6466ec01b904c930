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
