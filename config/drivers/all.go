package drivers

import (
	"github.com/keepsake-go/sessions/config"
)

// All are the drivers for SQLite, PostgreSQL, MySQL and MariaDB, Redis and
// Memcached. Add engines, serializers and key functions to it as you like: each
// call returns new maps.
func All() config.Options {
	return config.Options{
		Databases: map[string]config.OpenDatabase{
			"django.db.backends.sqlite3":    SQLite,
			"django.db.backends.postgresql": PostgreSQL,
			"django.db.backends.mysql":      MySQL,
		},
		Caches: map[string]config.OpenCache{
			"django.core.cache.backends.redis.RedisCache":          Redis,
			"django_redis.cache.RedisCache":                        DjangoRedis,
			"django.core.cache.backends.memcached.PyMemcacheCache": PyMemcache,
			"django.core.cache.backends.memcached.PyLibMCCache":    PyLibMC,
		},
	}
}
