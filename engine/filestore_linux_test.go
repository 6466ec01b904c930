package engine

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

const fileKey = "abcdefghijklmnopqrstuvwxyz012345"

func reviewFile(t *testing.T, clock func() time.Time) (*fileStore, sessions.Codec, string) {
	st := sessions.DefaultSettings()
	st.SecretKey = strings.Repeat("abcdefghij", 6)
	st.Clock = clock
	dir := t.TempDir()
	b, err := File(dir).Open(st)
	if err != nil {
		t.Fatal(err)
	}
	return b.Store.(*fileStore), b.Codec, dir
}

// two Creates on an expired record both succeed.
func TestFileCreateTwice(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var hook func()
	clock := func() time.Time {
		if h := hook; h != nil {
			hook = nil
			h()
		}
		return now
	}
	s, c, _ := reviewFile(t, clock)
	ctx := context.Background()
	enc := func(v string) sessions.Record {
		var vs sessions.Values
		_ = vs.Encode("v", v)
		d, _ := c.Encode(vs)
		return sessions.Record{Data: d, Expires: now.Add(14 * 24 * time.Hour)}
	}
	if _, err := s.Create(ctx, fileKey, enc("old")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(20 * 24 * time.Hour)
	b := enc("B")
	a := enc("A")
	var errB error
	calls := 0
	s.now = func() time.Time { // A's Create: modified (2 calls: s.modified), then Load's check
		calls++
		if calls == 2 {
			s.now = func() time.Time { return now }
			_, errB = s.Create(ctx, fileKey, b)
		}
		return now
	}
	_, errA := s.Create(ctx, fileKey, a)
	if errA == nil && errB == nil {
		rec, _ := s.Load(ctx, fileKey)
		t.Errorf("both Creates were acknowledged; A's in place: %v, B's: %v", rec.Data == a.Data, rec.Data == b.Data)
	}
	t.Log(errA, errB)
}

// a FIFO hangs Load and ClearExpired; F4: a symlink spins.
func TestFileFifo(t *testing.T) {
	s, _, dir := reviewFile(t, nil)
	_ = syscall.Mkfifo(filepath.Join(dir, "sessionid"+fileKey), 0o600)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	for name, f := range map[string]func(){
		"Load":         func() { _, _ = s.Load(ctx, fileKey) },
		"ClearExpired": func() { _, _ = s.ClearExpired(ctx, 200) },
	} {
		done := make(chan struct{})
		go func() { f(); close(done) }()
		select {
		case <-done:
		case <-time.After(time.Second):
			t.Error(name, "hangs past its deadline on a FIFO")
		}
	}
}

func TestFileSymlink(t *testing.T) {
	s, c, dir := reviewFile(t, nil)
	ctx := context.Background()
	d, _ := c.Encode(sessions.Values{})
	other := strings.Repeat("z", 32)
	rec, err := s.Create(ctx, other, sessions.Record{Data: d, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	_ = os.Symlink("sessionid"+other, filepath.Join(dir, "sessionid"+fileKey))
	if _, err := s.Load(ctx, fileKey); err == nil {
		t.Error("a symlink is followed to another session")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	_, err = s.Replace(ctx, fileKey, rec, rec)
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	cpu := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	t.Logf("Replace: %v", err)
	if cpu > 500*time.Millisecond {
		t.Errorf("Replace on a symlink spent %v CPU until its deadline, holding one of 16 turns", cpu)
	}
}

// ClearExpired takes away a session whose renewal is acknowledged.
func TestFileClearVersusTouch(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s, c, _ := reviewFile(t, func() time.Time { return now })
	ctx := context.Background()
	d, _ := c.Encode(sessions.Values{})
	old, err := s.Create(ctx, fileKey, sessions.Record{Data: d, Expires: now.Add(14 * 24 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(14*24*time.Hour - time.Microsecond)
	calls := 0
	s.now = func() time.Time {
		calls++
		if calls == 2 { // Replace holds the lock and has seen that the session lives
			now = now.Add(2 * time.Microsecond)
			s.now = func() time.Time { return now }
			n, err := s.ClearExpired(ctx, 200)
			t.Log("cleared", n, err)
		}
		return now
	}
	_, err = s.Replace(ctx, fileKey, old, sessions.Record{Data: d, Expires: now.Add(14 * 24 * time.Hour)})
	_, loadErr := s.Load(ctx, fileKey)
	if err == nil && loadErr != nil {
		t.Errorf("renewal acknowledged, then %v", loadErr)
	}
}
