// Package redis is a cache on Redis or Valkey: a single server, Sentinel, or
// Cluster. Values lie there as Django's RedisCache and django-redis keep them.
//
//	c, closeCache, err := redis.Open(os.Getenv("REDIS_URL")) // Django's LOCATION
//	…
//	defer closeCache()
//	m, err := sessions.New(st, engine.Cache(c))
//
// Open takes every form that Django's LOCATION has (ParseLocation lists them);
// OpenOptions has more choices; New takes a client of the program's own.
//
// A write is sent once. What a server refuses (OOM, READONLY, LOADING,
// CLUSTERDOWN, NOPERM and the like) was not done, nor was what found no
// connection; what got no answer may have been done, and is
// cache.ErrUnknownOutcome. A read whose connection breaks is sent again, twice at
// most. Each call ends with its context; without a deadline a server that hangs
// is given up after Options.Timeout and a second more.
//
// It is a module of its own, so that only programs that use it link the client
// (github.com/redis/rueidis, which sends the commands of concurrent requests in
// one pipeline).
package redis
