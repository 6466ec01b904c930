package main

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// BenchmarkInside is the workloads in this process, for profiles:
//
//	go test -run - -bench 'Inside/memory/read' -cpuprofile cpu.out ./bench
func BenchmarkInside(b *testing.B) {
	m, err := newMachine()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(m.end)
	for _, on := range []string{"memory", "cookie", "cookie-plain", "sqlite", "redis", "redis-tracking", "postgres"} {
		b.Run(on, func(b *testing.B) { benchmarkOn(b, m, on) })
	}
}

func benchmarkOn(b *testing.B, m *machine, on string) {
	on, as, _ := strings.Cut(on, "-")
	url, err := m.url(on)
	if err != nil {
		b.Fatal(err)
	}
	sub, err := open(spec{Lib: "keepsake", As: as, On: on, URL: url})
	if err != nil {
		b.Fatal(err)
	}
	cookies, err := visitors(sub.ops[opNew], 256)
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"nobody", opNone[1:], opRead[1:], opSave[1:], opNew[1:]} {
		b.Run(name, func(b *testing.B) {
			op := "/" + name
			if name == "nobody" {
				op = opNone
			}
			var requests []*http.Request
			for _, cookie := range cookies {
				if name == "nobody" || op == opNew {
					cookie = ""
				}
				requests = append(requests, request(op, cookie))
			}
			b.ReportAllocs()
			var next atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				w := &discard{header: http.Header{}}
				var r http.Request
				for pb.Next() {
					clear(w.header)
					r = *requests[next.Add(1)%int64(len(requests))]
					sub.ops[op].ServeHTTP(w, &r)
				}
			})
		})
	}
}
