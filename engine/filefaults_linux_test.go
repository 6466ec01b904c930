package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// TestFileFaults: whatever step of a write fails, once or from then on, what was
// acknowledged is there afterwards: under the old key, or the new one. With a
// Django that writes the file just before one of the steps, too: what it has
// written is in place, or on the disk under another name where that step failed
// that would have put it back.
func TestFileFaults(t *testing.T) {
	const newKey = "543210zyxwvutsrqponmlkjihgfedcba"
	for _, operation := range []string{"replace", "rotate", "touch", "delete"} {
		for _, broken := range []string{"once", "for good"} {
			for _, django := range []int{-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10} { // before which step
				for fault, ended := 0, false; !ended; fault++ {
					name := fmt.Sprintf("%s, %s from step %d, Django before %d", operation, broken, fault, django)
					ctx := t.Context()
					s, c, dir := reviewFile(t, nil)
					path := filepath.Join(dir, "sessionid"+fileKey)
					record := func(v string) sessions.Record {
						var values sessions.Values
						if err := values.Encode("v", v); err != nil {
							t.Fatal(err)
						}
						data, err := c.Encode(values)
						if err != nil {
							t.Fatal(err)
						}
						return sessions.Record{Data: data, Expires: time.Now().Add(time.Hour)}
					}
					value := func(data string) string {
						values, err := c.Decode(data)
						if err != nil {
							return "unreadable"
						}
						var v string
						_, _ = values.Decode("v", &v)
						return v
					}
					old, err := s.Create(ctx, fileKey, record("old"))
					if err != nil {
						t.Fatal(err)
					}
					step, failed, wrote := -1, false, false
					s.folder.Fault = func(what string) error {
						step++
						if step == django {
							wrote = true
							if err := os.WriteFile(path+"_out_x", []byte(record("django").Data), 0o600); err != nil {
								t.Fatal(err)
							}
							if err := os.Rename(path+"_out_x", path); err != nil {
								t.Fatal(err)
							}
						}
						if step == fault || broken == "for good" && step > fault {
							failed = true
							return syscall.EIO
						}
						return nil
					}
					switch operation {
					case "replace":
						_, err = s.Replace(ctx, fileKey, old, record("new"))
					case "touch":
						_, err = s.Replace(ctx, fileKey, old, sessions.Record{Data: old.Data, Expires: time.Now().Add(2 * time.Hour)})
					case "rotate":
						_, err = s.Rotate(ctx, fileKey, newKey, old, record("new"))
					case "delete":
						err = s.Delete(ctx, fileKey)
					}
					s.folder.Fault = nil
					ended = !failed

					load := func(key string) string {
						rec, err := s.Load(ctx, key)
						if errors.Is(err, sessions.ErrRotated) {
							return "rotated"
						}
						if errors.Is(err, sessions.ErrNotFound) {
							return ""
						}
						if err != nil {
							t.Fatal(name, ": ", err)
						}
						return value(rec.Data)
					}
					onDisk := map[string]bool{}
					entries, _ := os.ReadDir(dir)
					for _, e := range entries {
						content, err := os.ReadFile(filepath.Join(dir, e.Name()))
						if err != nil {
							t.Fatal(err)
						}
						onDisk[value(string(content))] = true
					}
					got := fmt.Sprintf("%q %q", load(fileKey), load(newKey))
					unknown := errors.Is(err, sessions.ErrUnknownOutcome)
					var ok bool
					switch {
					case wrote && unknown:
						ok = onDisk["django"] || operation == "delete"
					case wrote && operation == "delete":
						ok = err != nil || got == `"" ""` || got == `"django" ""` // Django was later
					case wrote && err == nil && operation == "replace":
						ok = got == `"new" ""` || got == `"django" ""` // Django was later
					case wrote && err == nil && operation == "rotate":
						ok = got == `"rotated" "new"` || got == `"django" "new"` // Django brings back what was moved
					case wrote:
						ok = got == `"django" ""`
					case unknown && operation == "rotate":
						ok = onDisk["old"] || onDisk["new"]
					case unknown:
						ok = got == `"old" ""` || got == `"new" ""` || operation == "delete"
					case err != nil:
						ok = got == `"old" ""`
					case operation == "replace":
						ok = got == `"new" ""`
					case operation == "rotate":
						ok = got == `"rotated" "new"`
					case operation == "touch":
						ok = got == `"old" ""`
					default:
						ok = got == `"" ""`
					}
					if !ok {
						t.Errorf("%s: %v: there is %s, and on the disk %v", name, err, got, onDisk)
					}
					if err != nil && strings.Contains(err.Error(), fileKey) {
						t.Errorf("%s: the key is in the error: %v", name, err)
					}
				}
			}
		}
	}
}
