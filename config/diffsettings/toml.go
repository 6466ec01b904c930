package diffsettings

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keepsake-go/sessions/config/internal/pyliteral"
)

// Options are the choices of WriteTOML.
type Options struct {
	// SecretFromEnv leaves SECRET_KEY and SECRET_KEY_FALLBACKS out of the file:
	// the environment has them.
	SecretFromEnv bool
}

// WriteTOML writes the file that config.Load reads: what concerns sessions, and
// in comments what could not be carried over. It returns the same as sentences;
// no value is in them.
func (s *Settings) WriteTOML(w io.Writer, o Options) ([]string, error) {
	out := &writer{settings: s}
	out.line("# Made from Django's settings by keepsake import-settings.")
	if !s.all {
		out.note("The output was made without --all: what is Django's default there is missing here, and USE_TZ may differ.")
	}
	out.line("")
	out.secrets(o)
	for _, name := range topLevel {
		out.setting(name)
	}
	out.registered("SESSION_ENGINE", "django.contrib.sessions.backends.", "Engines")
	out.registered("SESSION_SERIALIZER", "django.contrib.sessions.serializers.", "Serializers")
	out.zone()
	out.database()
	out.cache()
	if s.values["DEFAULT_HASHING_ALGORITHM"] == "sha1" {
		out.line("\n[KEEPSAKE]")
		out.line("READ_SHA1 = true # DEFAULT_HASHING_ALGORITHM is sha1; what is written here is SHA-256, which Django 3.1 reads")
	}
	_, err := w.Write(out.Bytes())
	return out.notes, err
}

// topLevel are the settings that are copied as they are.
var topLevel = []string{
	"SESSION_ENGINE", "SESSION_SERIALIZER", "SESSION_COOKIE_NAME", "SESSION_COOKIE_AGE", "SESSION_COOKIE_DOMAIN", "SESSION_COOKIE_PATH",
	"SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE", "SESSION_SAVE_EVERY_REQUEST",
	"SESSION_EXPIRE_AT_BROWSER_CLOSE", "SESSION_FILE_PATH", "SESSION_CACHE_ALIAS",
}

// always are written even where they are Django's default: it is another one in
// Keepsake, or in another Django, or worth seeing.
var always = map[string]bool{"SESSION_ENGINE": true, "SESSION_COOKIE_AGE": true, "SESSION_COOKIE_SECURE": true}

type writer struct {
	bytes.Buffer
	settings *Settings
	notes    []string
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// note says what was not carried over.
func (w *writer) note(format string, args ...any) {
	text := strings.Map(func(c rune) rune { // a name may hold what ends a comment
		if c < ' ' || c == 0x7f || c == utf8.RuneError {
			return '?'
		}
		return c
	}, fmt.Sprintf(format, args...))
	w.notes = append(w.notes, text)
	w.line("# %s", text)
}

func (w *writer) secrets(o Options) {
	if o.SecretFromEnv {
		w.line("# SECRET_KEY comes from the environment.")
		if list, _ := w.settings.values["SECRET_KEY_FALLBACKS"].([]any); len(list) > 0 {
			w.line("# So does SECRET_KEY_FALLBACKS, a list with commas.")
		}
		return
	}
	w.setting("SECRET_KEY")
	if list, _ := w.settings.values["SECRET_KEY_FALLBACKS"].([]any); len(list) > 0 {
		w.setting("SECRET_KEY_FALLBACKS")
	}
}

// setting writes one line.
func (w *writer) setting(name string) {
	value, found := w.settings.values[name]
	switch {
	case w.settings.unknown[name] && w.settings.own[name]:
		w.note("%s could not be read: set it by hand.", name)
		return
	case !found || value == nil || !w.settings.own[name] && !always[name]:
		return
	}
	w.pair(name, name, value)
}

// pair writes a value, or says that it can't be.
func (w *writer) pair(name, path string, value any) {
	text, ok := literal(value)
	if !ok {
		w.note("%s is %s of Python's that could not be carried over: set it by hand.", path, kind(value))
		return
	}
	w.line("%s = %s", key(name), text)
}

func kind(value any) string {
	if _, ok := value.(pyliteral.Unknown); ok {
		return "an object"
	}
	return "a value"
}

// registered says what a program has to register.
func (w *writer) registered(name, django, where string) {
	if own, _ := w.settings.values[name].(string); own != "" && !strings.HasPrefix(own, django) {
		w.note("%s is the project's own: register one of Go in config.Options.%s.", name, where)
	}
}

// zone writes what decides how dates are stored: its defaults are not the same in
// every Django.
func (w *writer) zone() {
	for _, name := range []string{"USE_TZ", "TIME_ZONE"} {
		if value, found := w.settings.values[name]; found && value != nil {
			w.pair(name, name, value)
		}
	}
}

// engine is the short name of the session engine.
func (w *writer) engine() string {
	name, _ := w.settings.values["SESSION_ENGINE"].(string)
	return strings.TrimPrefix(name, "django.contrib.sessions.backends.")
}

// uses reports whether the engine needs a database or a cache; one of the
// project's own may need both.
func (w *writer) uses() (database, cache bool) {
	switch w.engine() {
	case "", "db":
		return true, false
	case "cache":
		return false, true
	case "file", "signed_cookies":
		return false, false
	}
	return true, true
}

var engineName = regexp.MustCompile(`(^|\.)(sqlite3|postgresql|postgis|mysql|spatialite)$`)

// realEngine is the database behind a wrapper of Django's ENGINE.
var realEngine = map[string]string{
	"sqlite3": "sqlite3", "spatialite": "sqlite3", "postgresql": "postgresql", "postgis": "postgresql", "mysql": "mysql",
}

func (w *writer) database() {
	all, _ := w.settings.values["DATABASES"].(pyliteral.Dict)
	uses, usesCache := w.uses()
	if usesCache && !uses {
		_, entry := w.cacheEntry()
		backend, _ := entry.Get("BACKEND")
		uses = backend == "django.core.cache.backends.db.DatabaseCache"
	}
	if !uses {
		return
	}
	if routers, _ := w.settings.values["DATABASE_ROUTERS"].([]any); len(routers) > 0 {
		w.note("DATABASE_ROUTERS may keep sessions in another database than default: name it in [KEEPSAKE] as DATABASE.")
	}
	if len(all) > 1 {
		w.note("DATABASES has %d entries; only default is here.", len(all))
	}
	value, _ := all.Get("default")
	entry, _ := value.(pyliteral.Dict)
	if len(entry) == 0 {
		w.note("DATABASES has no entry default that could be read.")
		return
	}
	w.line("\n[DATABASES.default]")
	for _, item := range entry {
		name, isName := named(item)
		if !isName {
			continue
		}
		switch name {
		case "ENGINE":
			w.databaseEngine(item.Value)
		case "TEST", "ATOMIC_REQUESTS", "AUTOCOMMIT", "CONN_HEALTH_CHECKS":
			// Nothing to do with sessions.
		case "CONN_MAX_AGE":
			if item.Value != int64(0) && item.Value != nil {
				w.pair(name, "DATABASES.default."+name, item.Value)
			}
		case "OPTIONS":
			w.options("DATABASES.default", item.Value)
		default:
			if item.Value != nil && item.Value != "" && item.Value != false {
				w.pair(name, "DATABASES.default."+name, item.Value)
			}
		}
	}
}

func (w *writer) databaseEngine(value any) {
	name, _ := value.(string)
	if match := engineName.FindStringSubmatch(name); match != nil {
		real := "django.db.backends." + realEngine[match[2]]
		if real != name {
			w.note("ENGINE was %s.", name)
		}
		value = real
	}
	w.pair("ENGINE", "DATABASES.default.ENGINE", value)
}

// cacheEntry is the cache that sessions use.
func (w *writer) cacheEntry() (alias string, entry pyliteral.Dict) {
	alias, _ = w.settings.values["SESSION_CACHE_ALIAS"].(string)
	if alias == "" {
		alias = "default"
	}
	all, _ := w.settings.values["CACHES"].(pyliteral.Dict)
	value, _ := all.Get(alias)
	entry, _ = value.(pyliteral.Dict)
	return alias, entry
}

func (w *writer) cache() {
	if _, uses := w.uses(); !uses {
		return
	}
	alias, entry := w.cacheEntry()
	if _, ok := quote(alias); !ok || len(entry) == 0 {
		w.note("CACHES has no entry %s that could be read.", alias)
		return
	}
	path := "CACHES." + alias
	w.line("\n[CACHES.%s]", key(alias))
	for _, item := range entry {
		name, isName := named(item)
		if !isName {
			continue
		}
		switch name {
		case "TIMEOUT", "REVERSE_KEY_FUNCTION":
			// Sessions say how long they live, and keys are not read back.
		case "OPTIONS":
			w.options(path, item.Value)
		case "KEY_FUNCTION":
			w.pair(name, path+"."+name, item.Value)
			w.note("KEY_FUNCTION is the project's own: register one of Go in config.Options.KeyFunctions.")
		default:
			if item.Value != nil && item.Value != "" {
				w.pair(name, path+"."+name, item.Value)
			}
		}
	}
}

// options writes OPTIONS, one table with what could be carried over.
func (w *writer) options(path string, value any) {
	all, _ := value.(pyliteral.Dict)
	var members []string
	for _, item := range all {
		name, isName := named(item)
		text, ok := literal(item.Value)
		if !ok || !isName {
			w.note("%s.OPTIONS.%s is %s of Python's that could not be carried over: set it by hand.", path, name, kind(item.Value))
			continue
		}
		members = append(members, key(name)+" = "+text)
	}
	if len(members) > 0 {
		w.line("OPTIONS = { %s }", strings.Join(members, ", "))
	}
}

// named is the name of a member, false when TOML can't have it.
func named(item pyliteral.Item) (name string, ok bool) {
	if name, ok = item.Key.(string); !ok {
		return "", false
	}
	_, ok = quote(name)
	return name, ok
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func key(name string) string {
	if bareKey.MatchString(name) {
		return name
	}
	text, _ := quote(name)
	return text
}

// literal is a value in TOML, on one line. None inside of another value is the
// word, which config.Load knows.
func literal(value any) (string, bool) {
	switch value := value.(type) {
	case nil:
		return `"None"`, true
	case bool:
		return strconv.FormatBool(value), true
	case int64:
		return strconv.FormatInt(value, 10), true
	case float64:
		if math.IsInf(value, 0) || math.IsNaN(value) {
			return "", false
		}
		text := strconv.FormatFloat(value, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text, true
	case time.Duration:
		return strconv.FormatInt(int64(value/time.Second), 10), value%time.Second == 0
	case string:
		return quote(value)
	case pyliteral.Bytes:
		return quote(string(value))
	case []any:
		texts := make([]string, len(value))
		for i, item := range value {
			var ok bool
			if texts[i], ok = literal(item); !ok {
				return "", false
			}
		}
		return "[" + strings.Join(texts, ", ") + "]", true
	case pyliteral.Dict:
		texts := make([]string, len(value))
		for i, item := range value {
			name, isName := named(item)
			text, ok := literal(item.Value)
			if !ok || !isName {
				return "", false
			}
			texts[i] = key(name) + " = " + text
		}
		return "{ " + strings.Join(texts, ", ") + " }", true
	}
	return "", false
}

// quote writes a basic string of TOML. What is no UTF-8 has no form there, nor
// has a lone surrogate, which was read as U+FFFD.
func quote(text string) (string, bool) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) {
		return "", false
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String(), true
}
