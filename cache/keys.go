package cache

import (
	"strconv"
)

// Keys says how keys are written in the cache that several programs share:
// Django's KEY_PREFIX, VERSION and KEY_FUNCTION. The zero value is Django's
// default, ":1:key".
type Keys struct {
	Prefix  string // KEY_PREFIX
	Version int    // VERSION; 0 is Django's default, 1

	// Function is KEY_FUNCTION; nil is Django's default_key_func,
	// prefix:version:key. It must be pure and safe for concurrent use.
	Function func(key, prefix string, version int) string
}

// Make returns the key as it is stored: Django's make_key.
func (k Keys) Make(key string) string {
	version := k.Version
	if version == 0 {
		version = 1
	}
	if k.Function != nil {
		return k.Function(key, k.Prefix, version)
	}
	return k.Prefix + ":" + strconv.Itoa(version) + ":" + key
}
