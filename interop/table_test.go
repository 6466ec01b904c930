package interop

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
)

var directions = [2]string{"to Go", "to Django"}

// A cell is a scenario in one direction.
type cell struct {
	ran, failed bool
	checks      int
}

// results are all of them, printed when the tests end.
type results struct {
	sync.Mutex
	rows []resultRow
}

type resultRow struct {
	python *python
	stack  *stack
	cells  []([2]cell)
}

var matrix results

// row adds a row. Its cells are written by one test at a time.
func (r *results) row(p *python, s *stack) [][2]cell {
	r.Lock()
	defer r.Unlock()
	cells := make([][2]cell, len(scenarios))
	r.rows = append(r.rows, resultRow{p, s, cells})
	return cells
}

// String is the number of checks, or FAIL.
func (c cell) String() string {
	switch {
	case !c.ran:
		return "-"
	case c.failed:
		return "FAIL"
	}
	return strconv.Itoa(c.checks)
}

// printMatrix writes the table: a row for each Django and stack, a column for each
// scenario, and in it how many checks each direction has passed.
func printMatrix(w io.Writer) {
	matrix.Lock()
	defer matrix.Unlock()
	if len(matrix.rows) == 0 {
		return
	}
	order := func(r resultRow) int {
		return slices.IndexFunc(stacks, func(s stack) bool { return s.name() == r.stack.name() })
	}
	slices.SortFunc(matrix.rows, func(a, b resultRow) int {
		return cmp.Or(slices.Compare(a.python.version[:], b.python.version[:]), cmp.Compare(order(a), order(b)))
	})
	title := []string{"Django", "engine", "on"}
	for _, sc := range scenarios {
		title = append(title, sc.name)
	}
	lines := [][]string{title}
	for _, r := range matrix.rows {
		line := []string{"Django " + r.python.django, r.stack.engine, r.stack.server}
		for _, both := range r.cells {
			text := fmt.Sprintf("%v/%v", both[0], both[1])
			if !both[0].ran && !both[1].ran {
				text = "-"
			}
			line = append(line, text)
		}
		lines = append(lines, line)
	}
	var pythons []*python
	for _, r := range matrix.rows {
		if !slices.Contains(pythons, r.python) {
			pythons = append(pythons, r.python)
			fmt.Fprintf(w, "Django %s on Python %s\n", r.python.django, r.python.runs)
		}
	}
	fmt.Fprintln(w, "Django and Keepsake: the checks passed of what Django wrote/of what Keepsake wrote")
	widths := make([]int, len(title))
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], len(text))
		}
	}
	for _, line := range lines {
		var b strings.Builder
		for i, text := range line {
			fmt.Fprintf(&b, "%-*s  ", widths[i], text)
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
