package config

import (
	"maps"
	"slices"

	"github.com/keepsake-go/sessions/codec"
)

const serializerPackage = "django.contrib.sessions.serializers."

// serializers are Django's, by the names of their classes.
func serializers() map[string]codec.Serializer {
	return map[string]codec.Serializer{
		"JSONSerializer":   codec.JSONSerializer{},
		"PickleSerializer": codec.PickleSerializer{},
	}
}

// serializer reads SESSION_SERIALIZER.
func (l *loader) serializer(t table, c *Config) {
	name := l.str(t, "SESSION_SERIALIZER", "JSONSerializer")
	known := maps.Clone(l.options.Serializers)
	if known == nil {
		known = map[string]codec.Serializer{}
	}
	for class, s := range serializers() {
		known[serializerPackage+class] = s
		if known[class] == nil {
			known[class] = s
		}
	}
	if c.serializer = known[name]; c.serializer == nil {
		l.wrong(t["SESSION_SERIALIZER"], "unknown SESSION_SERIALIZER %q%s; one of your own is registered in Options.Serializers",
			name, suggest(name, slices.Sorted(maps.Keys(known))))
	}
}
