package engine

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
)

// The tests of this name are the statements of SECURITY.md, by their numbers.

// TestSecurity05_FilesStayInTheirFolder: no key names a file outside of the folder,
// or one in it that is no session's.
func TestSecurity05_FilesStayInTheirFolder(t *testing.T) {
	s, _, dir := reviewFile(t, nil)
	outside := filepath.Join(filepath.Dir(dir), "outside")
	for _, path := range []string{outside, filepath.Join(dir, "inside")} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now()
	for _, key := range []string{
		"/../../outside", "../outside", "/etc/passwd", "..", ".", "", "/", "\x00", strings.Repeat("../", 10) + "\x00", strings.Repeat("/", 32),
		"/../" + strings.Repeat("./", 9) + "../outside", strings.Repeat("a", 31) + "/", strings.Repeat("a", 31) + "\x00", strings.Repeat("a", 1<<20),
	} {
		ctx := t.Context()
		rec := sessions.Record{Data: "x", Expires: time.Now().Add(time.Hour)}
		if _, err := s.Load(ctx, key); err == nil {
			t.Errorf("Load(%.40q) finds something", key)
		}
		if _, err := s.Create(ctx, key, rec); err == nil {
			t.Errorf("Create(%.40q) makes something", key)
		}
		if _, err := s.Replace(ctx, key, rec, rec); err == nil {
			t.Errorf("Replace(%.40q) finds something", key)
		}
		_ = s.Delete(ctx, key)
	}
	for _, path := range []string{outside, filepath.Join(dir, "inside")} {
		if info, err := os.Stat(path); err != nil || info.Size() != 1 || info.ModTime().After(before) {
			t.Errorf("%s was touched: %v", path, err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files in the folder", len(entries))
	}
}

// TestSecurity38_Files: files are their owner's alone and complete, links are not
// followed, a full disk is an error that loses nothing, and a folder in which
// others can exchange files is warned of.
func TestSecurity38_Files(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0)) // which hides nothing
	s, c, dir := reviewFile(t, nil)
	var values sessions.Values
	if err := values.Encode("v", 1); err != nil {
		t.Fatal(err)
	}
	data, err := c.Encode(values)
	if err != nil {
		t.Fatal(err)
	}
	rec := sessions.Record{Data: data, Expires: time.Now().Add(time.Hour)}
	modes := map[fs.FileMode]int{}
	var steps []string
	s.folder.Fault = func(step string) error {
		steps = append(steps, step)
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if info, err := e.Info(); err == nil {
				modes[info.Mode()]++
			}
		}
		return nil
	}
	stored, err := s.Create(t.Context(), fileKey, rec)
	if err == nil {
		_, err = s.Replace(t.Context(), fileKey, stored, sessions.Record{Data: data + " ", Expires: rec.Expires})
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(modes) != 1 || modes[0o600] == 0 {
		t.Errorf("at some time there were files of the modes %v", modes)
	}
	// A file is on the disk before it has its name, and its name before the answer.
	text := strings.Join(steps, " ")
	if !strings.Contains(text, "create write sync rename") || !strings.HasSuffix(text, "sync") && !strings.HasSuffix(text, "sync remove") && !strings.HasSuffix(text, "remove sync") {
		t.Errorf("the steps were %s", text)
	}

	for _, full := range []string{"create", "write", "sync"} {
		s.folder.Fault = func(step string) error {
			if step == full {
				return syscall.ENOSPC
			}
			return nil
		}
		current, err := s.Load(t.Context(), fileKey)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Replace(t.Context(), fileKey, current, rec)
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("a disk that is full at the %s: %v", full, err)
		}
		s.folder.Fault = nil
		if full == "sync" {
			continue // that of the folder may come when all is done
		}
		if again, err := s.Load(t.Context(), fileKey); err != nil || again.Data != data+" " || errors.Is(err, sessions.ErrUnknownOutcome) {
			t.Errorf("after a full disk at the %s: %v", full, err)
		}
	}

	link := strings.Repeat("l", fileKeyLength)
	if err := os.Symlink("sessionid"+fileKey, filepath.Join(dir, "sessionid"+link)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context(), link); !errors.Is(err, sessions.ErrCorrupt) {
		t.Errorf("a symbolic link: %v", err)
	}

	for mode, warned := range map[fs.FileMode]bool{0o700: false, 0o755: false, 0o777: true, 0o777 | fs.ModeSticky: false} {
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		st := sessions.DefaultSettings()
		st.SecretKey, st.Logger = strings.Repeat("abcdefghij", 6), slog.New(slog.NewTextHandler(&log, nil))
		if _, err := File(dir).Open(st); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(log.String(), "every user") != warned {
			t.Errorf("a folder of mode %v: %s", mode, log.String())
		}
	}
}

// TestSecurity40_CacheValuesOfOthers: under another prefix, or for another session
// key prefix, there is nothing to see; and what somebody else has put under a
// session's key opens no session, is not changed, and is logged.
func TestSecurity40_CacheValuesOfOthers(t *testing.T) {
	shared := cache.NewLocal(cache.LocalOptions{})
	var log bytes.Buffer
	site := func(keys cache.Keys, prefix string) *sessions.Manager {
		st := sessions.DefaultSettings()
		st.SecretKey = strings.Repeat("abcdefghij", 6)
		st.Logger = slog.New(slog.NewTextHandler(&log, nil))
		m, err := sessions.New(st, CacheEngine{Cache: shared, Keys: keys, KeyPrefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	mine := site(cache.Keys{Prefix: "mine", Version: 1}, "")
	s := mine.Open("")
	s.Set("a", 1)
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	for what, other := range map[string]*sessions.Manager{
		"another prefix": site(cache.Keys{Prefix: "yours", Version: 1}, ""), "another version": site(cache.Keys{Prefix: "mine", Version: 2}, ""),
		"another key prefix": site(cache.Keys{Prefix: "mine", Version: 1}, "other"),
	} {
		if found, err := other.Exists(t.Context(), s.Key()); found || err != nil {
			t.Errorf("%s: %v, %v", what, found, err)
		}
		if err := other.Delete(t.Context(), s.Key()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if found, err := mine.Exists(t.Context(), s.Key()); !found || err != nil {
		t.Errorf("it is gone: %v", err)
	}

	keys := cache.Keys{Prefix: "mine", Version: 1}
	cacheKey := keys.Make("django.contrib.sessions.cache" + s.Key())
	if _, err := shared.Get(t.Context(), cacheKey); err != nil {
		t.Fatal(err)
	}
	for i, value := range []string{
		"", "x", "42", `{"a":1}`, "null", "true", `[1]`, `"text"`, "\x80\x04K*.", "\x80\x04]q\x00.", "\x80\x04\x8c\x01x.",
		"\x80\x04cos\nsystem\n(S'true'\ntR.", strings.Repeat("{", 100_000), "\x80\x04}", "\xff\xfe",
	} {
		log.Reset()
		if err := shared.Set(t.Context(), cacheKey, value, time.Hour); err != nil {
			t.Fatal(err)
		}
		session := mine.Open(s.Key())
		if err := session.Load(t.Context()); err != nil || session.Key() != "" || session.Len() != 0 {
			t.Errorf("%d, %.20q: it has %d values, %v", i, value, session.Len(), err)
		}
		if !strings.Contains(log.String(), "Session data corrupted") || strings.Contains(log.String(), s.Key()) {
			t.Errorf("%d, %.20q: the log: %s", i, value, log.String())
		}
		if item, err := shared.Get(t.Context(), cacheKey); err != nil || item.Value != value {
			t.Errorf("%d, %.20q: it was changed: %v", i, value, err)
		}
	}
}
