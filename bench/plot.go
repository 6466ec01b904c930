package main

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// bar is one line of a plot.
type bar struct {
	group, name string
	s           spread // nanoseconds
}

var colours = map[string]string{
	"bare": "#c8ccd0", "limit": "#9aa0a6", "keepsake": "#1a73e8", "store": "#1a73e8", "scs": "#e8710a", "gorilla": "#9334e6", "django": "#188038",
}

// plot draws the times of one workload as an SVG, one bar for each contestant, on a
// logarithmic scale: a step is a factor. The thin line is from the fastest round to
// the slowest.
func plot(title string, bars []bar) string {
	const left, width, line, top = 250, 460, 20, 44
	low, high := math.Inf(1), 0.0
	for _, b := range bars {
		low, high = min(low, b.s.min), max(high, b.s.max)
	}
	low, high = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	x := func(ns float64) float64 {
		return left + width*(math.Log10(ns)-math.Log10(low))/(math.Log10(high)-math.Log10(low))
	}
	height := top + line*len(bars) + 30
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="800" height="%d" viewBox="0 0 800 %d" font-family="sans-serif" font-size="12">`+"\n", height, height)
	fmt.Fprintf(&b, `<rect width="800" height="%d" fill="#ffffff"/>`+"\n", height)
	fmt.Fprintf(&b, `<text x="10" y="20" font-size="14" font-weight="bold">%s</text>`+"\n", html.EscapeString(title))
	for v := low; v <= high*1.01; v *= 10 {
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#e0e0e0"/>`+"\n", x(v), x(v), top-6, height-24)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#5f6368">%s</text>`+"\n", x(v), height-8, duration(v))
	}
	for i, one := range bars {
		y := top + line*i
		kind, _, _ := strings.Cut(one.name, "-")
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s %s</text>`+"\n", left-8, y+11, html.EscapeString(one.group), html.EscapeString(one.name))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="13" fill="%s"/>`+"\n", left, y, max(x(one.s.median)-left, 1), cmp.Or(colours[kind], colours["keepsake"]))
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#202124"/>`+"\n", x(one.s.min), x(one.s.max), y+6, y+6)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" fill="#202124">%s</text>`+"\n", x(one.s.max)+5, y+11, duration(one.s.median))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// titles are what the workloads are.
var titles = []struct{ letter, title string }{
	{"A", "A: the session is not touched"},
	{"B", "B: one value is read"},
	{"C", "C: one value is changed and saved"},
	{"D", "D: a new session"},
	{"E", "E: a session that ends some time after its last use is read"},
	{"F", "F: the session is in the cookie, and is changed"},
	{"G", "G: ten parallel requests of one visitor change different values"},
	{"H", "H: saves beside a clean-up of expired sessions"},
	{"I", "I: the sessions of one user among all"},
}

// barsOf are the results of a workload.
func (r *run) barsOf(letter string) []bar {
	var bars []bar
	for name := range r.results {
		if !strings.HasPrefix(name, letter+" ") {
			continue
		}
		i := strings.LastIndexByte(name, ' ')
		group := strings.Replace(name[2:i], "inside", "in process", 1)
		if !strings.Contains(group, "in process") {
			group += " HTTP"
		}
		if s := r.results.of(name, wall); s.ok() {
			bars = append(bars, bar{group, name[i+1:], s})
		}
	}
	slices.SortFunc(bars, func(a, b bar) int {
		if c := strings.Compare(a.group, b.group); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return bars
}
