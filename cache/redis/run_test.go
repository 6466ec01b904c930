package redis

import (
	"errors"
	"net"
	"testing"
	"time"
)

// TestRuns: connections of one run only, and no name once two were at one address
// by turns.
func TestRuns(t *testing.T) {
	var r runs
	name := func() string {
		if name := r.name.Load(); name != nil {
			return *name
		}
		return "none"
	}
	type step struct {
		run    string
		begun  string // what was the present run when it was dialled
		want   string
		closed bool // its connection is, at the end
		err    error
	}
	var conns []*runConn
	steps := []step{
		{"A", "none", "A", true, nil},
		{"A", "none", "A", true, nil},
		{"B", "A", "B", true, nil},
		{"A", "A", "B", true, errRun}, // begun before the restart
		{"B", "A", "B", true, nil},
		{"C", "B", "C", true, nil},
		{"A", "C", "", false, nil}, // it has never gone away
		{"D", "", "", false, nil},
	}
	named := map[string]*string{"none": nil}
	for i, s := range steps {
		one, two := net.Pipe()
		t.Cleanup(func() { two.Close() })
		c := &runConn{one, &r}
		err := r.add(c, s.run, named[s.begun])
		if !errors.Is(err, s.err) || name() != s.want {
			t.Errorf("step %d: %v, and the run is %q", i, err, name())
		}
		if err != nil {
			c.Close()
		}
		named[name()] = r.name.Load()
		conns = append(conns, c)
	}
	for i, c := range conns {
		if err := c.SetDeadline(time.Time{}); (err != nil) != steps[i].closed {
			t.Errorf("the connection of step %d: %v", i, err)
		}
	}
	if r.open.Load() != 2 {
		t.Errorf("%d connections are open", r.open.Load())
	}
}
