// Package redis is a cache on Redis or Valkey: a single server, Sentinel, or
// Cluster. Values lie there as Django's RedisCache and django-redis keep them.
//
// It is a module of its own, so that only programs that use it link the client
// (github.com/redis/rueidis, which sends the commands of concurrent requests in
// one pipeline).
package redis
