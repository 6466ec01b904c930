package stress

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// row is the account of one fault or race on one engine.
type row struct {
	what, engine string
	tried        int64 // operations
	acknowledged int64 // of them, writes that the application was told are done
	lost         int64 // acknowledged, and not there
	stale        int64 // reads of less than was acknowledged before they began
	resurrected  int64 // a key that worked after its end was acknowledged
	twice        int64 // writes that were done more often than they were asked for
	notes        []string
}

// rows are what the tests of this binary have found.
type rows struct {
	mu  sync.Mutex
	all []row
}

var table rows

// note adds what the columns don't say.
func (r *row) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// report enters the row, and fails the test unless the last columns are zeros.
func (r *row) report(t *testing.T) {
	t.Helper()
	table.mu.Lock()
	table.all = append(table.all, *r)
	table.mu.Unlock()
	if r.lost+r.stale+r.resurrected+r.twice != 0 {
		t.Errorf("%s on %s: %d lost, %d stale, %d resurrected, %d done twice", r.what, r.engine, r.lost, r.stale, r.resurrected, r.twice)
	}
	if r.tried == 0 || r.acknowledged == 0 {
		t.Errorf("%s on %s: nothing was tried, or nothing acknowledged", r.what, r.engine)
	}
}

// print prints the table, and writes it to the file that KEEPSAKE_STRESS_TABLE
// names.
func (rs *rows) print() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if len(rs.all) == 0 {
		return
	}
	slices.SortStableFunc(rs.all, func(a, b row) int { return strings.Compare(a.what, b.what) })
	cells := [][]string{{"fault or race", "engine", "tried", "acknowledged", "lost", "stale", "resurrected", "twice", "beside it"}, nil}
	var sum row
	line := func(r row) []string {
		cell := []string{r.what, r.engine}
		for _, n := range []int64{r.tried, r.acknowledged, r.lost, r.stale, r.resurrected, r.twice} {
			cell = append(cell, fmt.Sprint(n))
		}
		return append(cell, strings.Join(r.notes, "; "))
	}
	for _, r := range rs.all {
		cells = append(cells, line(r))
		sum.tried += r.tried
		sum.acknowledged += r.acknowledged
		sum.lost += r.lost
		sum.stale += r.stale
		sum.resurrected += r.resurrected
		sum.twice += r.twice
	}
	sum.what = "all"
	cells = append(cells, line(sum))
	widths := make([]int, len(cells[0]))
	for _, cell := range cells {
		for i, text := range cell {
			widths[i] = max(widths[i], len([]rune(text)), 3)
		}
	}
	var b strings.Builder
	for _, cell := range cells {
		if cell == nil {
			for i := range widths {
				fmt.Fprintf(&b, "| %s%s ", strings.Repeat("-", widths[i]-1), map[bool]string{true: ":", false: "-"}[i >= 2 && i < 8])
			}
			b.WriteString("|\n")
			continue
		}
		for i, text := range cell {
			if i >= 2 && i < 8 {
				fmt.Fprintf(&b, "| %*s ", widths[i], text)
			} else {
				fmt.Fprintf(&b, "| %-*s ", widths[i], text)
			}
		}
		b.WriteString("|\n")
	}
	fmt.Print("\n", b.String())
	if path := os.Getenv("KEEPSAKE_STRESS_TABLE"); path != "" {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}
