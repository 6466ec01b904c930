package config

import (
	"strings"
)

// readEnvironment puts what the environment says above the file's settings.
func (l *loader) readEnvironment(environ []string, settings table) {
	known := map[string]bool{}
	for _, name := range names(sessionSettings) {
		known[name] = true
	}
	ours := names(keepsakeSettings)
	for _, entry := range environ {
		name, text, found := strings.Cut(entry, "=")
		if !found || text == "" {
			continue
		}
		value := &raw{place: place{source: "$" + name}, value: text, text: true}
		if own, found := strings.CutPrefix(name, "KEEPSAKE_"); found {
			l.set(settings, "KEEPSAKE", own, value, ours)
			continue
		}
		switch {
		case name == "DATABASE_URL":
			l.inner(settings, "DATABASES")["default"] = value
		case name == "CACHE_URL":
			l.inner(settings, "CACHES")["default"] = value
		case name == "DATABASES", name == "CACHES", name == "KEEPSAKE":
			// Too common as names of something else, and no table fits in.
		case known[name]:
			settings[name] = value
		case strings.HasPrefix(name, "SESSION_"), strings.HasPrefix(name, "SECRET_KEY"):
			// SESSION_MANAGER is a desktop's: only what looks like a slip is one.
			if near := nearest(name, names(sessionSettings)); near != "" {
				l.wrong(value, "is no setting; did you mean %s?", near)
			}
		}
	}
}

// set puts a variable of KEEPSAKE_* into its table. Others may have variables of
// that prefix, so only what looks like a slip is an error.
func (l *loader) set(settings table, in, name string, value *raw, known []string) {
	for _, k := range known {
		if k == name {
			l.inner(settings, in)[name] = value
			return
		}
	}
	if near := nearest(name, known); near != "" {
		l.wrong(value, "is no setting; did you mean %s_%s?", in, near)
	}
}

// inner is a table of the settings', made where there is none.
func (l *loader) inner(settings table, name string) table {
	if r := settings[name]; r != nil {
		if t, ok := r.value.(table); ok {
			return t
		}
		return table{} // readers report that it is no table
	}
	t := table{}
	settings[name] = &raw{value: t}
	return t
}
