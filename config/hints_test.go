package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What newcomers write gets an answer that helps.
func TestHints(t *testing.T) {
	for text, want := range map[string]string{
		"SESSION_COOKIE_SECURE = True":        "file.toml:1: ",
		"SESSION_COOKIE_SECURE = True # yes":  "; TOML writes true",
		"SESSION_COOKIE_SECURE = False":       "; TOML writes false",
		"SESSION_COOKIE_DOMAIN = None":        "; where Python has None, leave the setting out",
		"DATABASES = {\n    'default': {}\n}": "; this is Python: see keepsake import-settings",
		"TABLE = 'visits'":                    "file.toml:1: TABLE belongs into the table [KEEPSAKE]",
		"CACHES.default = '127.0.0.1:6379'":   "CACHES.default: a cache is a URL, for instance redis://127.0.0.1:6379/0",
		"DATABASES.default = 'foo:5432'":      "DATABASES.default: a database is a URL, for instance postgres://",
	} {
		file := filepath.Join(t.TempDir(), "file.toml")
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(file, Options{Environ: []string{"SECRET_KEY=x"}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
