package main

import (
	"os/exec"
	"strings"
	"testing"
)

// A program has no driver in its module graph that it does not ask for.
func TestModuleGraphs(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "../../scripts/modulecount", "--list").CombinedOutput()
	if err != nil {
		t.Fatalf("scripts/modulecount: %v\n%s", err, out)
	}
	for _, program := range []string{"Memory", "Database, pgx", "Cache, cache/redis", "Cache, cache/memcached", "config "} {
		if !strings.Contains(string(out), "\n"+program) {
			t.Errorf("nothing about %s:\n%s", program, out)
		}
	}
	t.Logf("\n%s", out)
}
