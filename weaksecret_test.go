package sessions_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// The warning of Django's W009 says what is weak, and never the key.
func TestSecurity37_WeakSecretKeysAreWarnedOf(t *testing.T) {
	long := strings.Repeat("abcdefghij", 5)
	for key, want := range map[string]string{
		"django-insecure-" + long:  "it begins with django-insecure-",
		long[1:]:                   "it has fewer than 50 characters",
		strings.Repeat("abcd", 20): "it has fewer than 5 different characters",
		long:                       "",
	} {
		var log bytes.Buffer
		st := sessions.DefaultSettings()
		st.SecretKey, st.Logger = key, slog.New(slog.NewTextHandler(&log, nil))
		if _, err := sessions.New(st, engine.Memory()); err != nil {
			t.Fatal(err)
		}
		if got := log.String(); !strings.Contains(got, want) || (want == "") != (got == "") || strings.Contains(got, key) {
			t.Errorf("%.16s…: %q, want %q", key, got, want)
		}
	}
}
