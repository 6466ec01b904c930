// Package drivers has a driver for each database and cache of Django's, for
// config.Options:
//
//	cfg, err := config.Load("keepsake.toml", drivers.All())
//
// A program that knows its database imports less:
//
//	o := config.Options{Databases: map[string]config.OpenDatabase{"postgresql": drivers.PostgreSQL}}
//
// does not, since the package imports every driver; it writes those lines with a
// config.OpenDatabase of its own.
//
// What a setting's OPTIONS mean is the Python driver's affair in Django. What has
// a meaning here is honoured, what changes nothing for sessions is ignored, and
// the rest is refused by name.
package drivers
