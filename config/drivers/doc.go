// Package drivers has a driver for each database and cache of Django's, for
// config.Options:
//
//	cfg, err := config.Load("keepsake.toml", drivers.All())
//
// Whoever imports it links them all: modernc.org/sqlite, jackc/pgx,
// go-sql-driver/mysql, cache/redis and cache/memcached. A program that wants only
// one passes a config.OpenDatabase or a config.OpenCache of its own instead; the
// example of config.OpenDatabase has one in two lines.
//
// What OPTIONS mean is in Django the Python driver's affair. Here what has a
// meaning is honoured, what changes nothing for sessions is ignored, and the rest
// is refused by name.
package drivers
