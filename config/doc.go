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
//	SAVE_TIMEOUT = 5
//
// TOML has no None: leave the setting out. Keys without a table come before the
// first table. `keepsake import-settings` makes the file from a Django.
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
