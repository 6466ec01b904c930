package drivers

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/config"
)

// Redis opens Redis or Valkey for Django's RedisCache. LOCATION is what
// redis.ParseLocation takes; OPTIONS may have the same options as its URLs, which
// come first, and two of Keepsake's: wait_replicas, the number of replicas that
// must have a write, and client_caching, in seconds, with which reads are not
// exact (redis.Options.ClientCaching).
func Redis(c config.Cache) (config.OpenedCache, error) {
	o := readOptions(c, c.Options)
	if s := o.text("serializer"); s != "" && s != "django.core.cache.backends.redis.RedisSerializer" {
		o.wrong("serializer", "can't be honoured: it is Python's code; there is django.core.cache.backends.redis.RedisSerializer")
	}
	o.ignore("parser_class", "pool_class")
	replicas := o.integer("wait_replicas", 0)
	copies := o.seconds("client_caching", 0)
	client := redisOptions(o, o.others())
	client.WaitReplicas, client.ClientCaching = replicas, copies
	return openRedis(o, client, nil)
}

// redisOptions reads LOCATION, and redis-py's options that are not in its URL.
func redisOptions(o *optionReader, kwargs map[string]any) redis.Options {
	c := o.entry.(config.Cache)
	client, err := redis.ParseLocation(c.Location...)
	if err != nil {
		o.errs = append(o.errs, c.Errorf("LOCATION", "can't be used: %v", withoutPrefix(err)))
		return client
	}
	scheme, query := "redis", url.Values{}
	if client.TLS != nil {
		scheme = "rediss"
	}
	for name, value := range kwargs {
		if value != "None" {
			query.Set(name, fmt.Sprint(value))
		}
	}
	more, err := redis.ParseLocation(scheme + "://localhost?" + query.Encode())
	if err != nil {
		o.errs = append(o.errs, c.Errorf("OPTIONS", "can't be used: %v", withoutPrefix(err)))
	}
	client.DB = cmp.Or(client.DB, more.DB)
	client.Username = cmp.Or(client.Username, more.Username)
	client.Password = cmp.Or(client.Password, more.Password)
	client.ClientName = cmp.Or(client.ClientName, more.ClientName)
	client.ConnectTimeout = cmp.Or(client.ConnectTimeout, more.ConnectTimeout)
	client.Timeout = cmp.Or(client.Timeout, more.Timeout)
	client.RESP2 = client.RESP2 || more.RESP2
	for name := range kwargs {
		if strings.HasPrefix(name, "ssl_") {
			client.TLS = more.TLS
		}
	}
	return client
}

// withoutPrefix leaves out which package says it.
func withoutPrefix(err error) string { return strings.TrimPrefix(err.Error(), "redis: ") }

// DjangoRedis opens Redis or Valkey for django-redis. Its DefaultClient and
// SentinelClient are there, its serializers pickle and JSON, and the compressors
// whose values can be read; see the package codec.
func DjangoRedis(c config.Cache) (config.OpenedCache, error) {
	o := readOptions(c, c.Options)
	maker := djangoRedisCodec(o)
	client := redisOptions(o, djangoRedisKwargs(o))
	djangoRedisClient(o, &client)
	client.WaitReplicas = o.integer("wait_replicas", 0)
	client.ClientCaching = o.seconds("client_caching", 0)
	o.ignore("IGNORE_EXCEPTIONS", "LOG_IGNORED_EXCEPTIONS", "CLOSE_CONNECTION", "PARSER_CLASS", "CONNECTION_POOL_CLASS",
		"CONNECTION_POOL_CLASS_KWARGS", "REDIS_CLIENT_CLASS", "REDIS_CLIENT_KWARGS", "MAX_ENTRIES", "CULL_FREQUENCY")
	return openRedis(o, client, maker)
}

// djangoRedisKwargs are the options of redis-py that django-redis has under names
// of its own.
func djangoRedisKwargs(o *optionReader) map[string]any {
	kwargs := map[string]any{}
	maps.Copy(kwargs, o.table("CONNECTION_POOL_KWARGS"))
	for own, name := range map[string]string{
		"USERNAME": "username", "PASSWORD": "password", "DB": "db",
		"SOCKET_TIMEOUT": "socket_timeout", "SOCKET_CONNECT_TIMEOUT": "socket_connect_timeout",
	} {
		if value, found := o.value(own); found {
			kwargs[name] = value
		}
	}
	return kwargs
}

// djangoRedisClient reads which servers there are.
func djangoRedisClient(o *optionReader, client *redis.Options) {
	class := o.text("CLIENT_CLASS")
	name := class[strings.LastIndex(class, ".")+1:]
	factory := o.text("CONNECTION_FACTORY")
	sentinel := name == "SentinelClient" || strings.HasSuffix(factory, ".SentinelConnectionFactory")
	switch name {
	case "", "DefaultClient", "SentinelClient":
	default:
		o.wrong("CLIENT_CLASS", "can't be honoured: %s; there is DefaultClient and SentinelClient", name)
	}
	addresses := sentinels(o)
	if !sentinel {
		return
	}
	if len(addresses) == 0 || len(client.Addrs) == 0 {
		o.wrong("SENTINELS", "must be a list of hosts and ports, [[\"host\", 26379]]")
		return
	}
	// LOCATION's host is the name under which the Sentinels know the servers.
	client.Master, _, _ = net.SplitHostPort(client.Addrs[0])
	client.Addrs = addresses
	kwargs := readOptions(o.entry, o.table("SENTINEL_KWARGS"))
	client.SentinelUsername, client.SentinelPassword = kwargs.text("username"), kwargs.text("password")
	kwargs.ignore("socket_timeout", "socket_connect_timeout")
	if err := kwargs.err(); err != nil {
		o.errs = append(o.errs, err)
	}
}

func sentinels(o *optionReader) (addresses []string) {
	value, _ := o.value("SENTINELS")
	list, _ := value.([]any)
	for _, item := range list {
		pair, _ := item.([]any)
		if len(pair) != 2 {
			return nil
		}
		host, isText := pair[0].(string)
		port, isNumber := config.Integer(pair[1])
		if !isText || !isNumber {
			return nil
		}
		addresses = append(addresses, net.JoinHostPort(host, strconv.Itoa(port)))
	}
	return addresses
}

// djangoRedisCodec reads how values are written.
func djangoRedisCodec(o *optionReader) codec.Maker {
	zlib := false
	switch compressor := lastPart(o.text("COMPRESSOR")); compressor {
	case "", "IdentityCompressor":
	case "ZlibCompressor":
		zlib = true
	case "GzipCompressor", "ZStdCompressor":
		// django-redis reads what is not compressed, so nothing is.
	default:
		o.wrong("COMPRESSOR", "can't be honoured: %s; its values can't be read here", compressor)
	}
	protocol := 4 // pickle.DEFAULT_PROTOCOL up to Python 3.13; every one is read
	if value, found := o.value("PICKLE_VERSION"); found {
		switch n, ok := config.Integer(value); {
		case !ok || n < -1 || n > 5:
			o.wrong("PICKLE_VERSION", "must be a number from 0 to 5, or -1 for the highest")
		case n == 5 || n == -1:
			protocol = 5
		}
	}
	switch serializer := lastPart(o.text("SERIALIZER")); serializer {
	case "", "PickleSerializer":
		return codec.PickleOptions{Protocol: protocol, Zlib: zlib}
	case "JSONSerializer":
		return codec.JSONOptions{Spaces: true, Zlib: zlib}
	default:
		o.wrong("SERIALIZER", "can't be honoured: %s; there is PickleSerializer and JSONSerializer", serializer)
		return nil
	}
}

// lastPart is the class of a dotted path.
func lastPart(path string) string { return path[strings.LastIndex(path, ".")+1:] }

// openRedis opens a cache that connects at its first use.
func openRedis(o *optionReader, client redis.Options, maker codec.Maker) (config.OpenedCache, error) {
	if err := o.err(); err != nil {
		return config.OpenedCache{}, err
	}
	opened, end, err := redis.OpenOptions(client)
	if err != nil {
		return config.OpenedCache{}, o.entry.Errorf("LOCATION", "can't be used: %v", withoutPrefix(err))
	}
	return config.OpenedCache{Cache: opened, Codec: maker, Close: func() error { end(); return nil }}, nil
}
