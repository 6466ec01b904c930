package testserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// missing ends a test for want of something: skipped, or failed where
// everything has to be tested.
func missing(t testing.TB, what, packages string) {
	t.Helper()
	if os.Getenv("KEEPSAKE_STRICT") == "1" {
		t.Fatalf("NO SERVER: %s is missing: install the package %s (scripts/servers does)", what, packages)
	}
	t.Skipf("NO SERVER: %s is missing: install the package %s (scripts/servers does)", what, packages)
}

// find returns the path of a server's program, which need not be on PATH.
func find(t testing.TB, program, packages string) string {
	t.Helper()
	if !supported {
		t.Skip("testserver starts servers on Linux only")
	}
	if path := lookUp(program); path != "" {
		return path
	}
	missing(t, program, packages)
	return ""
}

func lookUp(program string) string {
	// Before PATH, which on Debian has no initdb, and may have a wrapper of psql.
	best, newest := "", 0
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + program)
	for _, path := range found {
		version, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		if version > newest {
			best, newest = path, version
		}
	}
	if best != "" {
		return best
	}
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	path, _ := exec.LookPath(filepath.Join("/usr/sbin", program))
	return path
}
