package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// report prints both tables: the targets with this run's results beside them, and
// everything measured.
func (r *run) report(w io.Writer) {
	fmt.Fprintln(w, "| what | at least | aim | median | min to max | |\n|---|---|---|---|---|---|")
	for _, t := range targets {
		s := t.value(r.results)
		result, around := "not measured", ""
		if s.ok() {
			result, around = number(s.median), number(s.min)+" to "+number(s.max)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", t.what, t.least, t.aim, result, around, t.verdict(s))
	}
	r.reportLosses(w)
	fmt.Fprintln(w, "\n| workload | contestant | time each | min to max | CPU each | allocations | p99 |\n|---|---|---|---|---|---|---|")
	for _, name := range slices.Sorted(maps.Keys(r.results)) {
		s := r.results.of(name, wall)
		if !s.ok() {
			continue
		}
		i := strings.LastIndexByte(name, ' ')
		allocs, slow := "", ""
		if strings.Contains(name, "inside") {
			allocs = fmt.Sprintf("%.0f", r.results.of(name, allocations).median)
		}
		if p := r.results.of(name, p99); p.ok() {
			slow = duration(p.median)
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s to %s | %s | %s | %s |\n", name[:i], name[i+1:],
			duration(s.median), duration(s.min), duration(s.max), duration(r.results.of(name, cpu).median), allocs, slow)
	}
}

// reportLosses prints what was acknowledged and is not there.
func (r *run) reportLosses(w io.Writer) {
	if len(r.losses) == 0 {
		return
	}
	fmt.Fprintln(w, "\n| writes to one session | acknowledged | kept | lost | failed |\n|---|---|---|---|---|")
	for _, l := range r.losses {
		fmt.Fprintf(w, "| %s | %d | %d | %d | %d |\n", l.name, l.acknowledged, l.kept, l.acknowledged-l.kept, l.failed)
	}
}

// number has three digits that count.
func number(f float64) string {
	if f >= 100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.3g", f)
}

// duration has three digits that count.
func duration(ns float64) string {
	switch d := time.Duration(ns); {
	case d >= time.Second:
		return fmt.Sprintf("%.3g s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	case d >= time.Microsecond:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	}
	return fmt.Sprintf("%.3g ns", ns)
}
