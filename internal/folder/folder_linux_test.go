package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func openFolder(t *testing.T) (d *Folder, dir string) {
	dir = t.TempDir()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, dir
}

func putFile(t testing.TB, dir, name, content string) {
	tmp := filepath.Join(dir, "x"+content)
	if err := os.WriteFile(tmp, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// two writes of a Django during one Exchange: the newer one is thrown away, the
// older one put back.
func TestExchangeLosesNewest(t *testing.T) {
	d, dir := openFolder(t)
	lost := 0
	const rounds = 2000
	for i := range rounds {
		putFile(t, dir, "n", "F")
		f, err := d.Root.Open("n")
		if err != nil {
			t.Fatal(err)
		}
		tmp, err := d.writeTemporaryFast("ours")
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []string{"D1", "D2"} { // a Django's temporary files, ready
			_ = os.WriteFile(filepath.Join(dir, "x"+v), []byte(v), 0o600)
		}
		_ = os.Rename(filepath.Join(dir, "xD1"), filepath.Join(dir, "n"))
		var go1 atomic.Bool
		done := make(chan struct{})
		go func() {
			for !go1.Load() {
			}
			for range i % 40 * 20 {
				go1.Load()
			}
			_ = syscall.Rename(filepath.Join(dir, "xD2"), filepath.Join(dir, "n"))
			close(done)
		}()
		go1.Store(true)
		err = d.Exchange(tmp, "n", f)
		<-done
		f.Close()
		_ = d.Root.Remove(tmp)
		b, _ := os.ReadFile(filepath.Join(dir, "n"))
		if string(b) == "D1" {
			lost++
		}
		if string(b) != "D2" && string(b) != "D1" {
			t.Logf("round %d: %q err %v", i, b, err)
		}
	}
	if lost > 0 {
		t.Errorf("Django wrote D1, then D2: D1 is in place in %d of %d rounds", lost, rounds)
	}
}

func (d *Folder) writeTemporaryFast(content string) (string, error) {
	name := temporaryName()
	f, err := d.Root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, _ = f.WriteString(content)
	return name, f.Close()
}

// TakeAway moves a live file aside; a Remove meanwhile is acknowledged, and
// undone by the way back.
func TestTakeAwayResurrects(t *testing.T) {
	d, dir := openFolder(t)
	undone := 0
	const rounds = 2000
	for i := range rounds {
		putFile(t, dir, "sessionid", "F")
		f, _ := d.Root.Open("sessionid")
		putFile(t, dir, "sessionid", "D") // a Django has saved since f was read
		var go1 atomic.Bool
		done := make(chan error)
		go func() {
			for !go1.Load() {
			}
			for range i % 40 * 20 {
				go1.Load()
			}
			done <- d.Remove("sessionid")
		}()
		go1.Store(true)
		_ = d.TakeAway("sessionid", f, false)
		err := <-done
		f.Close()
		if _, statErr := os.Stat(filepath.Join(dir, "sessionid")); err == nil && statErr == nil {
			undone++
		} else if statErr != nil && !errors.Is(statErr, fs.ErrNotExist) {
			t.Fatal(statErr)
		}
	}
	if undone > 0 {
		t.Errorf("Remove was acknowledged, and the file there afterwards, in %d of %d rounds", undone, rounds)
	}
}

// While TakeAway has a file aside that it will bring back, the file is not gone for
// those who look: in another process neither.
func TestTakeAwayIsNotSeen(t *testing.T) {
	d, dir := openFolder(t)
	other, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	putFile(t, dir, "n", "F")
	f, err := d.Open("n")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	opened := make(chan error, 1)
	aside := false
	d.Fault = func(step string) error {
		switch {
		case step == "rename" && !aside: // it has just looked: a Django writes now
			putFile(t, dir, "n", "D")
			aside = true
		case step == "stat" && aside:
			d.Fault = nil
			go func() {
				f, err := other.Open("n")
				if err == nil {
					f.Close()
				}
				opened <- err
			}()
			time.Sleep(20 * time.Millisecond)
		}
		return nil
	}
	if err := d.TakeAway("n", f, false); !errors.Is(err, ErrOvertaken) {
		t.Errorf("TakeAway: %v", err)
	}
	if err := <-opened; err != nil {
		t.Errorf("Open meanwhile: %v", err)
	}
}

// What a Django has written before TakeAway looks never leaves its name.
func TestTakeAwayLeavesOthersAlone(t *testing.T) {
	d, dir := openFolder(t)
	putFile(t, dir, "n", "F")
	f, err := d.Open("n")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	putFile(t, dir, "n", "D")
	d.Fault = func(step string) error {
		if step == "rename" {
			t.Error("it is renamed")
		}
		return nil
	}
	if err := d.TakeAway("n", f, true); !errors.Is(err, ErrOvertaken) {
		t.Errorf("TakeAway: %v", err)
	}
}

// A write needs no file descriptor to see what it has displaced.
func TestExchangeWithoutDescriptors(t *testing.T) {
	d, dir := openFolder(t)
	putFile(t, dir, "n", "F")
	f, err := d.Open("n")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, django := range []bool{false, true} {
		temporary, err := d.WriteTemporary("ours", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		opens := 0
		d.Fault = func(step string) error {
			if step == "rename" && django && opens == 1 {
				putFile(t, dir, "n", "D")
			}
			if step == "open" {
				if opens++; opens > 1 { // the first is before anything is done
					return syscall.EMFILE
				}
			}
			return nil
		}
		err = d.Exchange(temporary, "n", f)
		d.Fault = nil
		content, _ := os.ReadFile(filepath.Join(dir, "n"))
		entries, _ := os.ReadDir(dir)
		want, wantErr := "ours", error(nil)
		if django {
			want, wantErr = "D", ErrOvertaken
		}
		if string(content) != want || !errors.Is(err, wantErr) || len(entries) != 1 {
			t.Errorf("Django meanwhile: %v: %q, %v, %d files", django, content, err, len(entries))
		}
	}
}

// TestHugeFile: a file is not read further than one of ours can be long.
func TestHugeFile(t *testing.T) {
	d, dir := openFolder(t)
	putFile(t, dir, "n", "F")
	if err := os.Truncate(filepath.Join(dir, "n"), 1<<33); err != nil { // it has holes
		t.Fatal(err)
	}
	f, err := d.Open("n")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := Read(f); !errors.Is(err, ErrForeign) {
		t.Errorf("Read: %v", err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 10*maxFile {
		t.Errorf("%d bytes were allocated for it", used)
	}
}
