package stress

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestKill kills the application, now one process and now the other, in the middle
// of its requests. What it has acknowledged, it has said over a pipe before it
// answered; the pipe outlives it.
func TestKill(t *testing.T) {
	for _, b := range backends {
		if b.name != "database, SQLite" && b.name != "file" {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			c := config{SaveTimeout: 10 * time.Second}
			b.start(t, &c)
			l := newLedger(t, runAll(t, c, 2), 40)
			kills := size(200, 4)
			l.run(8, 2*time.Millisecond, func() {
				for i := range kills {
					time.Sleep(20*time.Millisecond + rand.N(100*time.Millisecond))
					p := l.ps[i%2].Load()
					p.kill()
					l.heard(p)
					l.ps[i%2].Store(run(t, c))
				}
			})
			for i := range l.ps {
				p := l.ps[i].Load()
				p.kill()
				l.heard(p)
			}
			r := row{what: "kill -9 of the application", engine: b.name}
			l.audit(run(t, c), &r)
			r.note("%d kills", kills)
			r.report(t)
		})
	}
}
