package auth_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions/auth"
)

// Whatever next holds, a browser stays on the site. Browsers trim and drop white
// space and control characters, and take a backslash for a slash.
func FuzzSafeRedirect(f *testing.F) {
	for _, target := range []string{
		"/account/?x=y#z", "http://example.com/", "https://example.com:80/", "//evil.example", "/\\evil.example",
		"/\t/evil.example", "http:evil.example", "javascript:alert(1)", "http://evil.example\\@example.com/", "\x01//evil.example",
		"https://example.com\\.evil.example/", "HTTP://example.com/", "/%2F/evil.example", "http://example.com#@evil.example/",
	} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		got := auth.SafeRedirect(httptest.NewRequest("GET", "http://example.com/login/", nil), target, "")
		if got == "" {
			return
		}
		if got != target {
			t.Fatalf("neither the target nor the fallback: %q", got)
		}
		asBrowser := strings.NewReplacer("\t", "", "\r", "", "\n", "", "\\", "/").Replace(strings.TrimLeftFunc(got, func(r rune) bool { return r <= ' ' }))
		base := &url.URL{Scheme: "http", Host: "example.com", Path: "/login/"}
		to, err := base.Parse(asBrowser)
		if strings.HasPrefix(asBrowser, "/") && !strings.HasPrefix(asBrowser, "//") {
			return // a path, however it goes on
		}
		if err != nil || to.Host != "example.com" || to.User != nil || to.Scheme != "http" && to.Scheme != "https" {
			t.Errorf("%q leads to %v, %v", got, to, err)
		}
	})
}
