package stress

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every mutation still fits the code, names the test that is to catch it, and is in
// the documentation.
func TestMutations(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("KEEPSAKE_STRICT") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	docs, err := os.ReadFile("../docs/stress.md")
	if err != nil {
		t.Fatal(err)
	}
	patches, err := filepath.Glob("mutations/*.patch")
	if err != nil || len(patches) == 0 {
		t.Fatalf("no patches: %v", err)
	}
	for _, path := range patches {
		name := strings.TrimSuffix(filepath.Base(path), ".patch")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		what, rest, _ := strings.Cut(string(text), "\n")
		if !strings.Contains(rest, "Run: ") || !strings.Contains(string(docs), "| "+name+" | "+what) {
			t.Errorf("%s: docs/stress.md does not say %q, or the patch names no test", name, what)
		}
		check := exec.CommandContext(t.Context(), "git", "apply", "--check", "stress/"+path)
		check.Dir = ".."
		if said, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s does not fit any more: %v\n%s", name, err, said)
		}
	}
}
