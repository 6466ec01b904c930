package config

import (
	"fmt"
	"strings"
	"testing"
)

// FuzzConfig: whatever stands in a file or a variable, it is settings or an error
// that quotes no secret.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		"SECRET_KEY = 'hunter2'\nSESSION_ENGINE = 'cached_db'\n[DATABASES.default]\nENGINE = 'sqlite3'\nOPTIONS = { a = [1, { b = 2 }] }\n[CACHES]\ndefault = 'redis://:hunter2@h'",
		"[[DATABASES]]\n[KEEPSAKE]\nSAVE_TIMEOUT = 1e300\n", "DATABASES.default = 'postgres://u:hunter2@h,h2/n?ssl-ca=x&host=/y'",
		"a.b.c = 1\n[a.b]\nd = 2\n", "SESSION_COOKIE_SAMESITE = nan\nTIME_ZONE = '../../etc/passwd'", "CACHES = { x = { OPTIONS = { y = 1979-05-27 } } }",
	} {
		f.Add(text, "SESSION_COOKIE_AGE=5", "DATABASE_URL=sqlite:///a?timeout=1")
	}
	f.Fuzz(func(t *testing.T, text, first, second string) {
		settings, err := parseTOML("f.toml", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "config: f.toml:") {
				t.Fatal(err)
			}
			return
		}
		l := &loader{options: Options{Environ: []string{}}}
		l.only(settings, "", names(sessionSettings+otherSettings))
		const password = "zq-hunter2-zq"
		l.readEnvironment([]string{first, second, "SECRET_KEY=" + password, "DATABASE_URL=" + password}, settings)
		c, err := l.config(settings)
		shown := fmt.Sprintf("%v %+v", err, c)
		if strings.Contains(shown, password) {
			t.Fatal("a secret is shown")
		}
		if (c == nil) == (err == nil) {
			t.Fatalf("%v with %v", c, err)
		}
	})
}
