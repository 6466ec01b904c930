package config

// advise warns of what works but is rarely meant. The numbers are those of
// Django's deployment checks, for a project with the sessions' app and
// middleware; W009, a weak secret key, is logged by sessions.New.
func (l *loader) advise(t table, c *Config) {
	if !c.settings.CookieSecure {
		why := "SESSION_COOKIE_SECURE is not set to True."
		if t["SESSION_COOKIE_SECURE"] == nil {
			why = "SESSION_COOKIE_SECURE is not set: False, as in Django."
		}
		l.warn("(security.W012) %s Using a secure-only session cookie makes it more difficult for network traffic sniffers to hijack user sessions.", why)
	}
	if !c.settings.CookieHTTPOnly {
		l.warn("(security.W015) SESSION_COOKIE_HTTPONLY is not set to True. Using an HttpOnly session cookie makes it more difficult for cross-site scripting attacks to hijack user sessions.")
	}
	if db, ok := c.Database(); ok && t["USE_TZ"] == nil && !keepsInstants(db) {
		l.warn("USE_TZ is not set: stored dates are UTC, as with Django 5.0 and later. A Django before 5.0 that shares the table and has no USE_TZ stores local times: set USE_TZ = false here then.")
	}
	if !c.settings.UseTZ && t["TIME_ZONE"] == nil {
		l.warn("USE_TZ is off and TIME_ZONE is not set: dates are local times of %s, Django's default.", djangoTimeZone)
	}
	l.adviseTimeouts(c)
	if cache, ok := c.Cache(); ok {
		l.adviseCache(c, cache)
	}
}

// keepsInstants reports whether dates are stored as instants, for which zones
// don't matter.
func keepsInstants(db Database) bool { return hasSuffixWord(db.Engine, "postgresql") }

func hasSuffixWord(s, word string) bool {
	return s == word || len(s) > len(word) && s[len(s)-len(word)-1:] == "."+word
}

// adviseCache warns of a cache that makes room by logging visitors out. What
// else a cache forgets the engine says.
func (l *loader) adviseCache(c *Config, cache Cache) {
	_, backend, _ := l.findCache(cache.Backend)
	if _, set := cache.Options["MAX_ENTRIES"]; !set && c.kind == "cache" && culls[backend] {
		l.warn("CACHES.%s has no OPTIONS.MAX_ENTRIES: with Django's default of 300, the next session makes the cache drop a third of them. 0 is no limit.", cache.Alias)
	}
}

// culls are the caches that make room by themselves.
var culls = map[string]bool{locMem: true, fileBased: true, databaseCache: true}
