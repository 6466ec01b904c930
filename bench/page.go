package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

//go:embed testdata/method.md
var method string

// write writes the page, with this run's tables, and its plots.
func (r *run) write(dir string) error {
	plots := filepath.Join(dir, "benchmarks")
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return err
	}
	var page bytes.Buffer
	page.WriteString(method)
	fmt.Fprintf(&page, "\n## The latest run\n\n%s, %s\n\n", time.Now().UTC().Format("2 January 2006"), machineText())
	fmt.Fprintf(&page, "%d rounds, turns of %v.\n\n", r.rounds, r.slice)
	r.report(&page)
	page.WriteString("\n## Plots\n")
	for _, t := range titles {
		bars := r.barsOf(t.letter)
		if len(bars) == 0 {
			continue
		}
		name := t.letter + ".svg"
		if err := os.WriteFile(filepath.Join(plots, name), []byte(plot(t.title, bars)), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&page, "\n![%s](benchmarks/%s)\n", t.title, name)
	}
	return os.WriteFile(filepath.Join(dir, "benchmarks.md"), page.Bytes(), 0o644)
}

// machineText is what it ran on.
func machineText() string {
	text := fmt.Sprintf("%d processors", runtime.NumCPU())
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, found := strings.Cut(string(info), "model name"); found {
			name, _, _ := strings.Cut(rest, "\n")
			text += " (" + strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(name), ":")) + ")"
		}
	}
	text += ", " + runtime.Version()
	for _, program := range [][]string{{"redis-server", "--version"}, {"psql", "--version"}} {
		if out, err := exec.Command(program[0], program[1:]...).Output(); err == nil {
			words := strings.Fields(string(out))
			if len(words) > 2 {
				text += ", " + strings.TrimPrefix(strings.Join(words[:3], " "), "Redis server ")
			}
		}
	}
	return text
}
