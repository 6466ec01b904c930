package sessions

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestSaveContext: it ends as context.WithDeadline's does, whether or not somebody
// asked for Done before.
func TestSaveContext(t *testing.T) {
	type key struct{}
	m := &Manager{settings: &Settings{SaveTimeout: time.Second}}
	for _, asked := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			parent, hangUp := context.WithCancel(context.WithValue(context.Background(), key{}, "value"))
			ctx, own := m.saveContext(parent)
			defer own.cancel()
			if asked {
				ctx.Done()
			}
			hangUp()
			child, cancelChild := context.WithCancel(ctx)
			defer cancelChild()
			time.Sleep(time.Second - 1)
			synctest.Wait()
			if ctx.Err() != nil || child.Err() != nil || context.Cause(ctx) != nil {
				t.Errorf("asked %v: ended early: %v, %v", asked, ctx.Err(), child.Err())
			}
			if ctx.Value(key{}) != "value" || ctx.Value(requestKey{}) != nil {
				t.Errorf("asked %v: its values are not the request's", asked)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if ctx.Err() != context.DeadlineExceeded || child.Err() != context.DeadlineExceeded {
				t.Errorf("asked %v: at its end: %v, %v", asked, ctx.Err(), child.Err())
			}
		})
	}
	ctx, own := m.saveContext(context.Background())
	own.cancel()
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("canceled: %v", ctx.Err())
	}
	select {
	case <-ctx.Done():
	default:
		t.Error("canceled, but not done")
	}
	sooner, cancelSooner := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancelSooner()
	ctx, own = m.saveContext(sooner)
	defer own.cancel()
	end, _ := ctx.Deadline()
	if limit, _ := sooner.Deadline(); !end.Equal(limit) {
		t.Error("it does not keep to the caller's deadline")
	}
	again, inner := m.saveContext(ctx)
	inner.cancel()
	if again != ctx || ctx.Err() != nil {
		t.Error("a save within a save has another end")
	}
}
