// Package memcached is a cache on one or several memcached servers. Values lie
// there as Django's PyMemcacheCache and PyLibMCCache keep them, under the same
// keys and on the same servers.
//
// The client is part of the package: six commands of the classic text protocol
// (gets, add, replace, cas, delete and their answers), which every memcached and
// every proxy speaks. It sends no write twice, tells a write that was not done
// from one whose answer was lost, and ends with its context.
//
// memcached forgets when it restarts, and when it needs the room. One that is told
// to remember (its option -e) must not be the cache of the cached_db engine.
package memcached
