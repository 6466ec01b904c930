package sessions_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// statements is how many there are in the table of SECURITY.md.
const statements = 48

// TestSecurityTable: the table has every statement once, with a test of its
// number; every test that it names is where it says; and every test of a number
// is in it.
func TestSecurityTable(t *testing.T) {
	text, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| (\d+) \| ([^|]+) \| ([^|]+) \|$`)
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)` \\(([\\w/.]+_test\\.go)\\)")
	listed := map[string]bool{}
	next := 1
	for _, match := range row.FindAllStringSubmatch(string(text), -1) {
		number, _ := strconv.Atoi(match[1])
		if number != next {
			t.Errorf("statement %d comes where %d should be", number, next)
		}
		next = number + 1
		own := false
		for _, test := range named.FindAllStringSubmatch(match[3], -1) {
			name, file := test[1], test[2]
			listed[name+" "+file] = true
			own = own || strings.HasPrefix(name, fmt.Sprintf("TestSecurity%02d_", number))
			source, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(source), "\nfunc "+name+"(t *testing.T)") {
				t.Errorf("statement %d: there is no %s in %s", number, name, file)
			}
		}
		if !own {
			t.Errorf("statement %d has no test of its number", number)
		}
		if strings.Count(match[3], "`Test") != len(named.FindAllString(match[3], -1)) {
			t.Errorf("statement %d names a test without its file", number)
		}
	}
	if next != statements+1 {
		t.Errorf("the table ends at %d", next-1)
	}

	of := regexp.MustCompile(`(?m)^func (TestSecurity\d\d_\w+)\(`)
	err = filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != "." {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		for _, match := range of.FindAllStringSubmatch(string(source), -1) {
			if !listed[match[1]+" "+filepath.ToSlash(path)] {
				t.Errorf("%s of %s is not in the table", match[1], path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
