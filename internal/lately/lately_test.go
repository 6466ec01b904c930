package lately

import (
	"fmt"
	"testing"
	"time"
)

// What a process remembers is bounded, and it forgets nothing too soon.
func TestKeys(t *testing.T) {
	var k Keys
	now := time.Now()
	if !k.Due("a", now, time.Minute) || k.Due("a", now.Add(59*time.Second), time.Minute) || !k.Due("a", now.Add(time.Minute), time.Minute) {
		t.Error("due is not as the interval says")
	}
	if !k.Due("a", now.Add(-time.Hour), time.Minute) {
		t.Error("not due after the clock has jumped back")
	}
	if k.Over("c", now, time.Minute) || k.Over("c", now.Add(59*time.Second), time.Minute) || !k.Over("c", now.Add(time.Minute), time.Minute) || k.Over("c", now.Add(time.Minute), time.Minute) {
		t.Error("over is not as the interval says")
	}
	if !k.First("b", now).Equal(now) || !k.First("b", now.Add(time.Second)).Equal(now) {
		t.Error("the first time is not kept")
	}
	for i := range most + 10 {
		k.Due(fmt.Sprint(i), now, time.Minute)
	}
	if len(k.last) > most {
		t.Errorf("%d are remembered", len(k.last))
	}
}
