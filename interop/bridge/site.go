package main

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/config"
)

// site is what Django's settings mean here.
type site struct {
	settings   sessions.Settings // without what belongs to one Manager
	engine     string            // SESSION_ENGINE, short
	serializer codec.Serializer  // nil: none that is known
	readSHA1   bool              // the Django to imitate is older than 4.0
	filePath   string
	cacheAlias string
	caches     map[string]cacheEntry
	database   databaseEntry

	managers map[home]*manager
}

// An entry of CACHES or DATABASES, with its text, by which an open one is found
// again.
type cacheEntry struct {
	config.Cache
	text string
}

type databaseEntry struct {
	config.Database
	text string
}

const enginePackage = "django.contrib.sessions.backends."

func readSite(r *request) (*site, error) {
	s := &request{fields: r.object("settings")}
	st := sessions.DefaultSettings()
	st.SecretKey = secretKey(s.any("SECRET_KEY"))
	if fallbacks, _ := s.any("SECRET_KEY_FALLBACKS").([]any); fallbacks != nil {
		for _, key := range fallbacks {
			st.SecretKeyFallbacks = append(st.SecretKeyFallbacks, secretKey(key))
		}
	}
	st.CookieAge = time.Duration(orDefault(s, "SESSION_COOKIE_AGE", int64(1209600))) * time.Second
	st.ExpireAtBrowserClose = orDefault(s, "SESSION_EXPIRE_AT_BROWSER_CLOSE", false)
	st.SaveEveryRequest = orDefault(s, "SESSION_SAVE_EVERY_REQUEST", false)
	st.CookieName = orDefault(s, "SESSION_COOKIE_NAME", st.CookieName)
	st.CookieDomain = orDefault(s, "SESSION_COOKIE_DOMAIN", "")
	st.CookiePath = orDefault(s, "SESSION_COOKIE_PATH", st.CookiePath)
	st.CookieSecure = orDefault(s, "SESSION_COOKIE_SECURE", false)
	st.CookieHTTPOnly = orDefault(s, "SESSION_COOKIE_HTTPONLY", true)
	st.CookieSameSite = "Lax"
	if m, found := s.fields.Get("SESSION_COOKIE_SAMESITE"); found {
		st.CookieSameSite = ""
		if m.JSON != "false" && m.JSON != null {
			st.CookieSameSite = s.text("SESSION_COOKIE_SAMESITE")
		}
	}
	version, _, _ := strings.Cut(orDefault(s, "DJANGO_VERSION", "5.2"), ".")
	major, _ := strconv.Atoi(version)
	st.UseTZ = orDefault(s, "USE_TZ", major >= 5)
	zone, err := time.LoadLocation(orDefault(s, "TIME_ZONE", "America/Chicago"))
	if err != nil {
		return nil, wrong("ValueError", "Incorrect timezone setting: "+s.text("TIME_ZONE"))
	}
	st.TimeZone = zone
	st.WarnSize = -1

	made := &site{
		settings:   st,
		engine:     strings.TrimPrefix(orDefault(s, "SESSION_ENGINE", "db"), enginePackage),
		readSHA1:   major < 4,
		filePath:   orDefault(s, "SESSION_FILE_PATH", ""),
		cacheAlias: orDefault(s, "SESSION_CACHE_ALIAS", "default"),
		caches:     map[string]cacheEntry{},
		managers:   map[home]*manager{},
	}
	switch name := orDefault(s, "SESSION_SERIALIZER", "JSONSerializer"); name[strings.LastIndex(name, ".")+1:] {
	case "JSONSerializer":
		made.serializer = codec.JSONSerializer{}
	case "PickleSerializer":
		made.serializer = codec.PickleSerializer{}
	}
	if !s.null("CACHES") {
		for m := range s.entries("CACHES") {
			made.caches[m.Name] = readCache(m)
		}
	}
	if !s.null("DATABASES") {
		for m := range s.entries("DATABASES") {
			if m.Name == "default" {
				made.database = readDatabase(m)
			}
		}
	}
	return made, nil
}

// any is a field of any type, nil where it is absent.
func (r *request) any(name string) (value any) {
	if !r.null(name) {
		r.decode(name, &value, "JSON")
	}
	return value
}

// orDefault is a field, or def where it is absent or null.
func orDefault[T any](r *request, name string, def T) T {
	if !r.null(name) {
		r.decode(name, &def, "of another type")
	}
	return def
}

// entries are the members of a field that is an object.
func (r *request) entries(name string) func(yield func(sessions.Member) bool) {
	v := r.object(name)
	return v.All()
}

// secretKey is a string, or bytes as {"b64": …}.
func secretKey(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case map[string]any:
		text, _ := value["b64"].(string)
		return fromBase64("SECRET_KEY", text)
	}
	return ""
}

func readCache(m sessions.Member) cacheEntry {
	fields, err := parseObject(m.JSON)
	if err != nil {
		panic(bad("CACHES", "an object of objects"))
	}
	r := &request{fields: fields}
	c := config.Cache{
		Alias: m.Name, Backend: orDefault(r, "BACKEND", ""),
		Keys: cache.Keys{Prefix: orDefault(r, "KEY_PREFIX", ""), Version: int(orDefault(r, "VERSION", int64(1)))},
	}
	switch location := r.any("LOCATION").(type) {
	case string:
		if location != "" {
			c.Location = []string{location}
		}
	case []any:
		c.Location = r.texts("LOCATION")
	}
	c.Options, _ = r.any("OPTIONS").(map[string]any)
	return cacheEntry{c, m.JSON}
}

func readDatabase(m sessions.Member) databaseEntry {
	fields, err := parseObject(m.JSON)
	if err != nil {
		panic(bad("DATABASES", "an object of objects"))
	}
	r := &request{fields: fields}
	d := config.Database{
		Alias: m.Name, Engine: orDefault(r, "ENGINE", ""), Name: orDefault(r, "NAME", ""),
		Host: orDefault(r, "HOST", ""), User: orDefault(r, "USER", ""), Password: orDefault(r, "PASSWORD", ""),
	}
	switch port := r.any("PORT").(type) {
	case int64:
		d.Port = int(port)
	case string:
		d.Port, _ = strconv.Atoi(port)
	}
	d.Options, _ = r.any("OPTIONS").(map[string]any)
	return databaseEntry{d, m.JSON}
}

// logger has Keepsake's lines translated.
func (b *bridge) logger(engine string) *slog.Logger { return slog.New(logHandler{&b.logs, engine}) }
