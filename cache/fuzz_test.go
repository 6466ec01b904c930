package cache

import (
	"errors"
	"testing"
	"time"
)

// FuzzFile: whatever is in a file, it is a value, one that has ended, or corrupt;
// and a value that is written anew reads as itself.
func FuzzFile(f *testing.F) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, e := range []fileEntry{newFileEntry("value", time.Hour, now), newFileEntry("", NoEnd, now), newFileEntry("N.", -time.Hour, now)} {
		content, err := e.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
		f.Add(content[:len(content)-2])
	}
	for _, content := range []string{"", "\x80\x05N.", "\x80\x05K\x01.", "\x80\x05]q\x00h\x00a.", "\x80\x04cos\nsystem\n.", "\x80\x05G\x7f\xf8\x00\x00\x00\x00\x00\x00.x"} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content string) {
		e, err := decodeFile(content, now)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		if e.ended(now) {
			return
		}
		again, err := e.encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decodeFile(again, now); err != nil || back.value != e.value || !back.ends.Equal(e.ends) {
			t.Errorf("%q is written anew as %+v, %v", content, back, err)
		}
	})
}
