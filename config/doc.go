// Package config reads Keepsake's settings from a TOML file and the environment,
// by Django's names and in Django's forms, and opens the sessions that they
// describe:
//
//	cfg, err := config.Load("keepsake.toml", drivers.All())
//	m, closeAll, err := cfg.Open()
//	defer closeAll()
//
// The file of a program that shares its sessions with a Django:
//
//	SECRET_KEY = "…"
//	SESSION_ENGINE = "django.contrib.sessions.backends.cached_db" # or "cached_db"
//	SESSION_COOKIE_SECURE = true
//
//	[DATABASES.default]
//	ENGINE = "django.db.backends.postgresql"
//	NAME = "site"
//	HOST = "db.example.com"
//
//	[CACHES]
//	default = "redis://cache.example.com:6379/1"
//
//	[KEEPSAKE] # what Django has no name for
//	TIMEOUTS = "AAL2"
//
// TOML has no None: leave the setting out. Keys without a table come before the
// first table. `keepsake import-settings` makes the file from a Django.
//
// # The table [KEEPSAKE]
//
// Times are seconds. What is left out, or 0, is as without the setting.
//
//	TIMEOUTS = "AAL2"         # or AAL1, AAL3: Settings.Timeouts by name
//	IDLE_TIMEOUT = 1800       # Timeouts.Idle, above the name's; whole seconds
//	ABSOLUTE_TIMEOUT = 43200  # Timeouts.Absolute, likewise
//	TOUCH_INTERVAL = 60       # Settings.TouchInterval
//	WATCH_INTERVAL = 0.75     # Settings.WatchInterval
//	SAVE_TIMEOUT = 10         # Settings.SaveTimeout
//	WARN_SIZE, MAX_SIZE       # in bytes, as in Settings; WARN_SIZE = -1: never
//	PARTITIONED = true        # Settings.Partitioned
//	DATABASE = "sessions"     # the alias in DATABASES
//	TABLE = "app.sessions"    # DatabaseEngine.Table
//	SALT, READ_SHA1           # codec.SignedOptions
//	HARDENED = true           # engine.Hardened
//	CACHE_KEY_PREFIX          # KeyPrefix of the engines cache and cached_db
//	CACHED_DB_STRICT = true   # CachedDBEngine.Strict
//	CACHED_DB_ENTRY_LIFE = 60 # CachedDBEngine.EntryLife
//	CACHED_DB_TIMEOUT = 0.5   # CachedDBEngine.Timeout
//
// # Environment
//
// A variable of a setting's name stands above the file: SECRET_KEY,
// SECRET_KEY_FALLBACKS, SESSION_*, USE_TZ, TIME_ZONE, and KEEPSAKE_ before the
// names of the table [KEEPSAKE]. DATABASE_URL and CACHE_URL are the default
// database and cache. Lists are written with commas or as JSON, booleans as True,
// False, 1, 0, yes, no, on, off. An empty variable counts as none.
//
// # Errors
//
// Load reports everything that is wrong at once, each with its line or its
// variable, unknown names with the nearest known one. Passwords and keys are in
// no error.
//
// # Drivers
//
// This package imports no driver: a program passes those that it uses, or
// drivers.All() of config/drivers. The in-process, file and database caches are
// built in. Engines, serializers and key functions of one's own are registered in
// Options as well, by the names that the file has for them.
package config
