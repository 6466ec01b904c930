// Package diffsettings makes a configuration file of the output of Django's
// `manage.py diffsettings --all`: what `keepsake import-settings` does.
package diffsettings
