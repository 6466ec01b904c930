package drivers

import (
	"github.com/keepsake-go/sessions/cache/memcached"
	"github.com/keepsake-go/sessions/config"
)

// PyMemcache opens Memcached for Django's PyMemcacheCache, which shares keys out
// to several servers as pymemcache does. LOCATION is host:port or unix:/path. Of
// pymemcache's options timeout, connect_timeout and max_pool_size are honoured.
func PyMemcache(c config.Cache) (config.OpenedCache, error) {
	return openMemcached(c, memcached.Rendezvous)
}

// PyLibMC is PyMemcache for Django's PyLibMCCache, which shares keys out as
// libmemcached does.
func PyLibMC(c config.Cache) (config.OpenedCache, error) {
	return openMemcached(c, memcached.Modula)
}

func openMemcached(c config.Cache, distribution memcached.Distribution) (config.OpenedCache, error) {
	o := readOptions(c, c.Options)
	settings := memcached.Options{
		Distribution: distribution,
		Timeout:      max(o.seconds("timeout", 0), o.seconds("connect_timeout", 0)),
		MaxIdle:      o.integer("max_pool_size", 0),
	}
	for _, location := range c.Location {
		settings.Servers = append(settings.Servers, memcached.SplitLocation(location)...)
	}
	if len(settings.Servers) == 0 {
		o.errs = append(o.errs, c.Errorf("LOCATION", "is empty: it takes host:port or unix:/path"))
	}
	o.ignore("no_delay", "use_pooling", "ignore_exc", "default_noreply", "encoding", "pool_idle_timeout", "lock_generator",
		"allow_unicode_keys", "binary", "retry_attempts", "retry_timeout", "dead_timeout", "MAX_ENTRIES", "CULL_FREQUENCY")
	o.refuse(map[string]string{
		"serde": "it is Python's code", "serializer": "it is Python's code", "deserializer": "it is Python's code",
		"hasher": "it is Python's code", "key_prefix": "use KEY_PREFIX", "tls_context": "it is an object of Python's",
		"username": "the binary protocol's logins are not there", "password": "the binary protocol's logins are not there",
		"behaviors": "libmemcached's behaviours are not there; the distribution is its default, modula",
	})
	if err := o.err(); err != nil {
		return config.OpenedCache{}, err
	}
	opened, err := memcached.Open(settings)
	if err != nil {
		return config.OpenedCache{}, c.Errorf("LOCATION", "can't be used: %v", err)
	}
	return config.OpenedCache{Cache: opened, Close: opened.Close}, nil
}
