package main

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// sample is what one contestant did in one round, for each operation.
type sample struct {
	ns     float64 // time; with several workers, time by the number that were done
	cpu    float64 // nanoseconds of the server's processor, user and system
	allocs float64 // heap allocations; in process only
	p99    float64 // nanoseconds that the slowest hundredth waited at least
}

// contestant is somebody whose turn it is.
type contestant struct {
	name string
	run  func(d time.Duration) (sample, error)
}

// results are the samples of every contestant of every workload, by
// "workload on/library"; those of one round have the same index.
type results map[string][]sample

// contest lets everybody have a turn in each round, in an order that changes, and
// keeps the samples under prefix+name. A contestant that fails is out.
func (rs results) contest(prefix string, rounds int, slice time.Duration, contestants []contestant) {
	for _, c := range contestants { // warm
		if _, err := c.run(slice / 4); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s%s: %v\n", prefix, c.name, err)
		}
	}
	for round := range rounds {
		for i := range contestants {
			c := contestants[(i+round)%len(contestants)]
			s, err := c.run(slice)
			if err != nil {
				fmt.Fprintf(os.Stderr, "bench: %s%s: %v\n", prefix, c.name, err)
			}
			rs[prefix+c.name] = append(rs[prefix+c.name], s)
		}
	}
}

// spread is the median, the smallest and the largest of something.
type spread struct{ median, min, max float64 }

func (s spread) ok() bool { return s.median != 0 }

func spreadOf(values []float64) spread {
	values = slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return v != v || v-v != 0 })
	if len(values) == 0 {
		return spread{}
	}
	slices.Sort(values)
	n := len(values)
	return spread{(values[(n-1)/2] + values[n/2]) / 2, values[0], values[n-1]}
}

// of is the spread of one thing measured.
func (rs results) of(name string, metric func(sample) float64) spread {
	var values []float64
	for _, s := range rs[name] {
		if s.ns > 0 {
			values = append(values, metric(s))
		}
	}
	return spreadOf(values)
}

// ratio is a's measure by b's, round by round, of each less than base's unless
// that is "".
func (rs results) ratio(a, b, base string, metric func(sample) float64) spread {
	var values []float64
	for i := range min(len(rs[a]), len(rs[b])) {
		if rs[a][i].ns == 0 || rs[b][i].ns == 0 {
			continue
		}
		less := 0.0
		if base != "" {
			if i >= len(rs[base]) {
				break
			}
			less = metric(rs[base][i])
		}
		values = append(values, (metric(rs[a][i])-less)/(metric(rs[b][i])-less))
	}
	return spreadOf(values)
}

func wall(s sample) float64 { return s.ns }
func cpu(s sample) float64  { return s.cpu }
func p99(s sample) float64  { return s.p99 }
