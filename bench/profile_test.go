package main

import (
	"net/http"
	"testing"
)

// BenchmarkInside is the workloads in this process, for profiles:
//
//	go test -run - -bench 'Inside/memory/read' -cpuprofile cpu.out ./bench
func BenchmarkInside(b *testing.B) {
	for _, on := range []string{"memory", "cookie", "cookie-plain"} {
		sub, err := open(spec{Lib: "keepsake", On: on})
		if err != nil {
			b.Fatal(err)
		}
		cookies, err := visitors(sub.ops[opNew], 256)
		if err != nil {
			b.Fatal(err)
		}
		for _, op := range []string{opNone, opRead, opSave, opNew} {
			b.Run(on+op, func(b *testing.B) {
				var requests []*http.Request
				for _, cookie := range cookies {
					if op == opNew {
						cookie = ""
					}
					requests = append(requests, request(op, cookie))
				}
				w := &discard{header: http.Header{}}
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					clear(w.header)
					sub.ops[op].ServeHTTP(w, requests[n%len(requests)])
					n++
				}
			})
		}
	}
}
