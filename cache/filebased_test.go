package cache_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/cachetest"
)

func fileBased(t testing.TB, o cache.FileBasedOptions) *cache.FileBased {
	t.Helper()
	c, err := cache.NewFileBased(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFileBased is two processes: each has its own FileBased.
func TestFileBased(t *testing.T) {
	var dir string
	cachetest.Run(t, func(t *testing.T, clock func() time.Time) cache.Cache {
		dir = t.TempDir()
		return fileBased(t, cache.FileBasedOptions{Dir: dir, Clock: clock})
	}, cachetest.Options{
		Round: time.Microsecond,
		Another: func(t *testing.T, clock func() time.Time) cache.Cache {
			return fileBased(t, cache.FileBasedOptions{Dir: dir, Clock: clock})
		},
	})
}

// path is the only file of a cache in dir.
func path(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.djcache"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d files, %v", len(found), err)
	}
	return found[0]
}

// overwrite puts another file in place, as Django does.
func overwrite(t *testing.T, path, content string) {
	t.Helper()
	temporary := filepath.Join(filepath.Dir(path), "tmpdjango")
	if err := os.WriteFile(temporary, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, path); err != nil {
		t.Fatal(err)
	}
}

// TestFileDamaged: a file that can't be read is an error that says so, on which
// Set and Delete work; an empty one has ended, as in Django.
func TestFileDamaged(t *testing.T) {
	dir := t.TempDir()
	c := fileBased(t, cache.FileBasedOptions{Dir: dir})
	set := func() string {
		if err := c.Set(t.Context(), "k", strings.Repeat("value", 100), time.Hour); err != nil {
			t.Fatal(err)
		}
		return path(t, dir)
	}
	good, err := os.ReadFile(set())
	if err != nil {
		t.Fatal(err)
	}
	flipped := []byte(string(good))
	flipped[len(flipped)-1] ^= 1
	for name, content := range map[string]string{
		"cut in the expiry":   string(good[:10]),
		"cut in the value":    string(good[:len(good)-5]),
		"only the expiry":     string(good[:21]),
		"a wrong checksum":    string(flipped),
		"no pickle":           "<html>",
		"an expiry of a text": "\x80\x05\x8c\x01a." + string(good[21:]),
		"no zlib":             string(good[:21]) + "value",
	} {
		overwrite(t, set(), content)
		_, getErr := c.Get(t.Context(), "k")
		_, addErr := c.Add(t.Context(), "k", "new", time.Hour)
		_, swapErr := c.Swap(t.Context(), "k", cache.Item{}, "new", time.Hour)
		for what, err := range map[string]error{"Get": getErr, "Add": addErr, "Swap": swapErr} {
			if !errors.Is(err, cache.ErrCorrupt) || strings.Contains(err.Error(), ".djcache") {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		set()
		if item, err := c.Get(t.Context(), "k"); err != nil || item.Value != strings.Repeat("value", 100) {
			t.Errorf("%s: after Set: %v", name, err)
		}
		overwrite(t, path(t, dir), content)
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Errorf("%s: Delete: %v", name, err)
		}
	}

	overwrite(t, set(), "")
	if _, err := c.Get(t.Context(), "k"); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("an empty file: %v", err)
	}
	overwrite(t, filepath.Join(dir, filepath.Base(set())), "")
	if _, err := c.Add(t.Context(), "k", "new", time.Hour); err != nil {
		t.Errorf("Add over an empty file: %v", err)
	}
}

// TestFileDjangoOvertakes: what a Django wrote after we have read is not lost.
func TestFileDjangoOvertakes(t *testing.T) {
	dir := t.TempDir()
	c := fileBased(t, cache.FileBasedOptions{Dir: dir})
	old, err := c.Add(t.Context(), "k", "ours", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ours := path(t, dir)
	content, err := os.ReadFile(ours)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Set(t.Context(), "k", "Django's", time.Hour); err != nil {
		t.Fatal(err)
	}
	django, err := os.ReadFile(ours)
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, ours, string(content))
	overwrite(t, ours, string(django))
	current, err := c.Swap(t.Context(), "k", old, "late", time.Hour)
	if !errors.Is(err, cache.ErrConflict) || current.Value != "Django's" {
		t.Errorf("Swap: %q, %v", current.Value, err)
	}
	if err := os.Remove(ours); err != nil { // Django's delete
		t.Fatal(err)
	}
	if _, err := c.Swap(t.Context(), "k", current, "late", time.Hour); !errors.Is(err, cache.ErrMiss) {
		t.Errorf("Swap after a delete: %v", err)
	}
}

// TestFileFolderGone: the folder can be removed at any time, and made again by
// somebody else.
func TestFileFolderGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	one, two := fileBased(t, cache.FileBasedOptions{Dir: dir}), fileBased(t, cache.FileBasedOptions{Dir: dir})
	for round := range 3 {
		value := strings.Repeat("v", round)
		if err := one.Set(t.Context(), "k", value, time.Hour); err != nil {
			t.Fatal(err)
		}
		if item, err := two.Get(t.Context(), "k"); err != nil || item.Value != value {
			t.Errorf("round %d: the other process reads %q, %v", round, item.Value, err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		for _, c := range []*cache.FileBased{one, two} {
			if _, err := c.Get(t.Context(), "k"); !errors.Is(err, cache.ErrMiss) {
				t.Errorf("without the folder: Get: %v", err)
			}
			if _, err := c.Swap(t.Context(), "k", cache.Item{}, "", time.Hour); !errors.Is(err, cache.ErrMiss) {
				t.Errorf("without the folder: Swap: %v", err)
			}
			if err := c.Delete(t.Context(), "k"); err != nil {
				t.Errorf("without the folder: Delete: %v", err)
			}
		}
	}
}

// TestFileCull: as Django's, when there are as many files as allowed a part of
// them goes, and the live ones are counted.
func TestFileCull(t *testing.T) {
	for _, test := range []struct{ frequency, left int }{{0, 7}, {2, 6}, {-1, 1}} {
		now := time.Now()
		culled := 0
		dir := t.TempDir()
		c := fileBased(t, cache.FileBasedOptions{
			Dir: dir, MaxEntries: 9, CullFrequency: test.frequency,
			Clock: func() time.Time { return now }, OnCull: func(live int) { culled += live },
		})
		notified := 0
		c.NotifyCull(func(live int) { notified += live })
		for i := range 9 {
			if _, err := c.Add(t.Context(), fmt.Sprint(i), "value", time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		if culled != 0 {
			t.Errorf("%d values were culled too early", culled)
		}
		if _, err := c.Add(t.Context(), "ten", "value", time.Hour); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(files) != test.left || culled != 10-test.left || notified != culled {
			t.Errorf("frequency %d: %d are left and %d were culled (%d), %v", test.frequency, len(files), culled, notified, err)
		}

		now = now.Add(2 * time.Hour) // they have ended: nobody loses anything
		culled = 0
		for i := len(files); i <= 9; i++ {
			if err := c.Set(t.Context(), fmt.Sprint("later ", i), "value", time.Nanosecond); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Second)
		}
		if culled != 0 {
			t.Errorf("frequency %d: %d ended values count as lost", test.frequency, culled)
		}
	}
}

// TestFileClearExpired removes what has ended, and what killed processes have
// left, and nothing else.
func TestFileClearExpired(t *testing.T) {
	now := time.Now()
	dir := t.TempDir()
	c := fileBased(t, cache.FileBasedOptions{Dir: dir, Clock: func() time.Time { return now }})
	for i := range 5 {
		if err := c.Set(t.Context(), fmt.Sprint(i), "value", time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Set(t.Context(), "live", "value", 3*time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"notes.txt", ".keepsake-tmp-old", "00000000000000000000000000000000.djcache"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("?"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(2 * time.Hour)
	for _, want := range []int{3, 2, 0} {
		if n, err := c.ClearExpired(t.Context(), 3); n != want || err != nil {
			t.Errorf("ClearExpired: %d, %v, want %d", n, err, want)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 { // the notes, what can't be read, and the live one
		t.Errorf("%v are left, %v", entries, err)
	}
}

func TestFileBasedRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []cache.FileBasedOptions{{}, {Dir: file}, {Dir: t.TempDir(), MaxEntries: -1}} {
		if _, err := cache.NewFileBased(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
