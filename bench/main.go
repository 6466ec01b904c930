package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	var r run
	child := flag.String("child", "", "serve this contestant (for the program itself)")
	only := flag.String("only", "", "workloads, by their letters: A,B,C")
	on := flag.String("on", "", "what to keep sessions on: memory,redis,sqlite,postgres")
	flag.BoolVar(&r.quick, "quick", false, "fewer and shorter rounds")
	flag.IntVar(&r.rounds, "rounds", 0, "how many rounds (0: 9, quick: 5)")
	flag.DurationVar(&r.slice, "slice", 0, "how long a turn is (0: 1s, quick: 400ms)")
	flag.StringVar(&r.django, "django", "", "a Python with Django and gunicorn (\"\": of scripts/benchdeps)")
	docs := flag.String("write", "", "the folder in which benchmarks.md and its plots are written")
	flag.Parse()
	if *child != "" {
		exit(serveChild(*child))
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if r.rounds == 0 {
		r.rounds = 9
		if r.quick {
			r.rounds = 5
		}
	}
	if r.slice == 0 {
		r.slice = time.Second
		if r.quick {
			r.slice = 400 * time.Millisecond
		}
	}
	list := func(text string) []string {
		return strings.FieldsFunc(text, func(c rune) bool { return c == ',' })
	}
	r.only, r.on = list(*only), list(*on)
	var err error
	if r.machine, err = newMachine(); err != nil {
		exit(err)
	}
	r.results = results{}
	started := time.Now()
	r.everything()
	r.machine.end()
	print := func(w io.Writer) { r.report(w) }
	print(os.Stdout)
	fmt.Fprintf(os.Stderr, "bench: took %v\n", time.Since(started).Round(time.Second))
	if *docs != "" {
		err = r.write(*docs)
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run is one run of the program.
type run struct {
	quick    bool
	rounds   int
	slice    time.Duration
	only, on []string
	django   string

	machine *machine
	results results
	losses  []*loss
}

// wants reports whether a workload was asked for.
func (r *run) wants(workload, on string) bool {
	kind, _, _ := strings.Cut(on, "-")
	return (len(r.only) == 0 || slices.Contains(r.only, workload)) &&
		(len(r.on) == 0 || slices.Contains(r.on, on) || slices.Contains(r.on, kind))
}

func (r *run) note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
