package sessions_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/keepsake-go/sessions"
)

// fuzzKey is the one visitor's, so that the fuzzer can hit it.
const fuzzKey = "k0k1k2k3k4k5k6k7k8k9kakbkckdkekf"

// FuzzCookie sends any Cookie header through the middleware, to a handler that
// reads.
func FuzzCookie(f *testing.F) {
	lazy, every := newFuzzSite(f), newFuzzSite(f, saveEveryRequest)
	f.Fuzz(func(t *testing.T, header string) {
		checkCookieHeader(t, lazy, header)
		checkCookieHeader(t, every, header)
	})
}

func newFuzzSite(f *testing.F, changes ...func(*sessions.Settings)) *site {
	s := newSite(f, changes...)
	var values sessions.Values
	values.Set(sessions.Member{Name: "secret", JSON: "42"})
	data, err := s.Encode(values)
	if err != nil {
		f.Fatal(err)
	}
	record := sessions.Record{Data: data, Expires: siteNow.Add(14 * 24 * time.Hour)}
	if _, err := s.store.Create(f.Context(), fuzzKey, record); err != nil {
		f.Fatal(err)
	}
	return s
}

func checkCookieHeader(t *testing.T, s *site, header string) {
	s.store.reset()
	s.log.Reset()
	var before, body string
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Cookie"] = []string{header}
	w := httptest.NewRecorder()
	s.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before = s.Session(r.Context()).Key()
		session, err := sessions.FromContext(r.Context())
		if err != nil {
			t.Fatal(err)
		}
		body = sessionText(session)
		_, _ = io.WriteString(w, body)
	})).ServeHTTP(w, r)

	if calls := s.store.calls(); strings.Contains(calls, "create") || strings.Contains(calls, "replace") {
		t.Errorf("a reading handler makes the store %s", calls)
	}
	equal(t, "stored", strings.Join(s.store.live(), " "), fuzzKey)
	equal(t, "status", w.Code, 200)
	if strings.Contains(s.log.String(), fuzzKey) {
		t.Errorf("the log has the key: %s", s.log)
	}
	if len(w.Header()["Set-Cookie"]) > 1 {
		t.Errorf("Set-Cookie: %q", w.Header()["Set-Cookie"])
	}

	if !utf8.ValidString(header) || strings.ContainsFunc(header, func(c rune) bool { return c != '\t' && c < ' ' || c == 0x7f }) {
		// net/http refuses control characters, and Python sees U+FFFD for what
		// isn't UTF-8: no session either way.
		return
	}
	values := djangoCookies(header, "sessionid")
	keys := possibleKeys(values)
	key := ""
	if len(keys) > 0 {
		key = keys[0]
	}
	equal(t, "the key in the cookie", before, key)
	known := slices.Contains(keys, fuzzKey)
	want := "{}"
	if known {
		want = `{"secret":42}`
	}
	equal(t, "the session", body, want)
	deleted := strings.HasPrefix(w.Header().Get("Set-Cookie"), `sessionid="";`)
	equal(t, "the cookie is deleted", deleted, len(values) > 0 && !known)
}

// possibleKeys are the last values that can be keys, at most four, the last first.
func possibleKeys(values []string) []string {
	var keys []string
	for _, value := range slices.Backward(values) {
		if utf8.RuneCountInString(value) >= 8 && !slices.Contains(keys, value) && len(keys) < 4 {
			keys = append(keys, value)
		}
	}
	return keys
}

// djangoCookies are the values that django.http.cookie.parse_cookie(header) comes
// across under the name, as it stands there: the last one is its result.
func djangoCookies(header, name string) []string {
	var values []string
	for _, chunk := range strings.Split(header, ";") {
		key, value := "", chunk
		if strings.Contains(chunk, "=") {
			parts := strings.SplitN(chunk, "=", 2)
			key, value = parts[0], parts[1]
		}
		key, value = strings.TrimFunc(key, unicode.IsSpace), strings.TrimFunc(value, unicode.IsSpace)
		if key == name {
			values = append(values, pythonUnquote(value))
		}
	}
	return values
}

var pythonEscape = regexp.MustCompile(`\\(?:([0-3][0-7][0-7])|(.))`)

// pythonUnquote is http.cookies._unquote.
func pythonUnquote(s string) string {
	if len(s) < 2 || !strings.HasPrefix(s, `"`) || !strings.HasSuffix(s, `"`) {
		return s
	}
	return pythonEscape.ReplaceAllStringFunc(s[1:len(s)-1], func(match string) string {
		if len(match) == 4 && match[1] <= '9' && !strings.ContainsFunc(match[1:], func(c rune) bool { return c > '7' }) {
			code, _ := strconv.ParseInt(match[1:], 8, 32)
			return string(rune(code))
		}
		return match[1:]
	})
}

// The reference is held against what Python says.
func TestDjangoCookieReference(t *testing.T) {
	for _, row := range []struct {
		header, value string
		found         bool
	}{
		{"", "", false},
		{"a=b; sessionid=c", "c", true},
		{"sessionid=c; sessionid=d", "d", true},
		{`sessionid="a\"b"`, `a"b`, true},
		{`sessionid="\101\377\477\08"`, "A\u00ff47708", true},
		{`sessionid="\"`, `\`, true},
		{`sessionid="`, `"`, true},
		{`sessionid=""`, ``, true},
		{"sessionid\u00a0=\u2003c\u00a0", "c", true},
		{"sessionid", "", false},
		{"=sessionid", "", false},
		{"sessionid=a=b", "a=b", true},
	} {
		value, values := "", djangoCookies(row.header, "sessionid")
		if len(values) > 0 {
			value = values[len(values)-1]
		}
		equal(t, row.header, value, row.value)
		equal(t, row.header, len(values) > 0, row.found)
	}
}

// The corpora are there: a fuzz test without one would test next to nothing.
func TestFuzzCookieCorpus(t *testing.T) {
	files, err := os.ReadDir("testdata/fuzz/FuzzCookie")
	if err != nil {
		t.Fatal(err)
	}
	hits := slices.ContainsFunc(files, func(f os.DirEntry) bool {
		text, err := os.ReadFile("testdata/fuzz/FuzzCookie/" + f.Name())
		return err == nil && strings.Contains(string(text), fuzzKey)
	})
	if len(files) < 20 || !hits {
		t.Errorf("%d entries, one with the visitor's key: %v", len(files), hits)
	}
}
