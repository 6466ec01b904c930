// Package cache is Django's cache framework as far as sessions need it: a place
// for values under keys, each with an end, that may forget them earlier.
//
// A Cache stores what it is given, byte for byte. What Django adds around it, the
// prefix and the version of keys, is in Keys; how values are written (pickle,
// for instance) is a codec's affair.
//
//   - Local keeps values in this process.
//   - FileBased keeps them in files, and Database in a table, where a Django with
//     the same LOCATION has them.
//   - Dummy keeps none.
//   - Redis or Valkey is a module of its own, cache/redis, so that a program links
//     only what it uses.
package cache
