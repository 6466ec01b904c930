package cache_test

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache"
)

// A vector is what a real Django has put into a cache.
type vector struct {
	ID string
	In struct {
		Prefix  string `json:"KEY_PREFIX"`
		Version int    `json:"VERSION"`
	}
	Out struct {
		CacheKey     string `json:"cache_key"`
		FullKey      string `json:"full_key"`
		Age          int
		FileName     string `json:"file_name"`
		Mode         string
		ExpiryLength int    `json:"expiry_prefix_len"`
		ExpiryStart  string `json:"expiry_prefix_first_bytes_hex"`
		ZlibHeader   string `json:"zlib_header_hex"`
		Pickle       string `json:"pickle_hex"`
		RowKey       string `json:"row_key"`
		Base64       string `json:"value_base64"`
	}
}

// vectors are those of one kind of cache, at least n; of all for "".
func vectors(t *testing.T, kind string, n int) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []vector }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var found []vector
	for _, v := range file.Cases {
		if strings.HasPrefix(v.ID, "cache/"+kind) {
			found = append(found, v)
		}
	}
	if len(found) < n {
		t.Fatalf("%d vectors of %q, want %d", len(found), kind, n)
	}
	return found
}

func (v vector) keys() cache.Keys { return cache.Keys{Prefix: v.In.Prefix, Version: v.In.Version} }

func TestKeyVectors(t *testing.T) {
	for _, v := range vectors(t, "", 30) {
		if got := v.keys().Make(v.Out.CacheKey); got != v.Out.FullKey {
			t.Errorf("%s: %q, Django has %q", v.ID, got, v.Out.FullKey)
		}
	}
}

// TestFileVectors: files have Django's names, modes and contents, and what
// Django wrote is read.
func TestFileVectors(t *testing.T) {
	for _, v := range vectors(t, "filebased/", 14) {
		t.Run(v.ID, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "new", "folder")
			c := fileBased(t, cache.FileBasedOptions{Dir: dir})
			value, err := hex.DecodeString(v.Out.Pickle)
			if err != nil {
				t.Fatal(err)
			}
			key := v.keys().Make(v.Out.CacheKey)
			age := time.Duration(v.Out.Age) * time.Second
			before := time.Now()
			if err := c.Set(t.Context(), key, string(value), age); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, v.Out.FileName)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if mode := fmt.Sprintf("0o%o", info.Mode().Perm()); mode != v.Out.Mode {
				t.Errorf("mode %s, Django's is %s", mode, v.Out.Mode)
			}
			if got := hex.EncodeToString(content[:3]); got != v.Out.ExpiryStart {
				t.Errorf("it begins with %s, Django's with %s", got, v.Out.ExpiryStart)
			}
			rest := content[v.Out.ExpiryLength:]
			if got := hex.EncodeToString(rest[:2]); got != v.Out.ZlibHeader {
				t.Errorf("after the expiry comes %s, with Django %s", got, v.Out.ZlibHeader)
			}
			if r, err := zlib.NewReader(bytes.NewReader(rest)); err != nil {
				t.Error(err)
			} else if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, value) {
				t.Errorf("it holds %x, %v", got, err)
			}

			// As Django would have written it.
			var django bytes.Buffer
			django.Write(content[:v.Out.ExpiryLength])
			w := zlib.NewWriter(&django)
			_, _ = w.Write(value)
			_ = w.Close()
			if err := os.WriteFile(path, django.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			item, err := c.Get(t.Context(), key)
			if err != nil || item.Value != string(value) {
				t.Errorf("Get: %x, %v", item.Value, err)
			}
			if left := item.Ends.Sub(before); left < age || left > age+time.Minute {
				t.Errorf("it ends after %v, not %v", left, age)
			}
		})
	}
}

func TestFolderMode(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outer", "inner")
	fileBased(t, cache.FileBasedOptions{Dir: dir})
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if info, err := os.Stat(d); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the folder's mode is %v, %v", info.Mode(), err)
		}
	}
}
