package interop

import (
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// redisKey is where Django's cache engine keeps a session.
func redisKey(key string) string { return ":1:django.contrib.sessions.cache" + key }

func redisDo(t *testing.T, s *testserver.RedisServer, command ...string) any {
	t.Helper()
	reply, err := s.Do(t.Context(), command...)
	check(t, err)
	return reply
}

// TestDjangoRedis: sessions of a Django whose cache is django-redis, with each of
// its serializers and compressors that are supported, through a real Redis. What
// Go writes Django reads, whatever Go was told of the compressor.
func TestDjangoRedis(t *testing.T) {
	server := testserver.Redis(t, testserver.RedisOptions{Volatile: true})
	const serializers, compressors = "django_redis.serializers.", "django_redis.compressors."
	for name, test := range map[string]struct {
		options map[string]string
		values  string
		makers  []codec.Maker // for writing; each reads it all
		begins  string        // what Django has stored
	}{
		"pickle": {
			nil, "python",
			[]codec.Maker{codec.PickleOptions{Protocol: 4}, codec.PickleOptions{Protocol: 5}},
			"\x80", // then 4, or 5 from Python 3.14 on
		},
		"pickle version 2": {
			map[string]string{"PICKLE_VERSION": "2"},
			"python",
			[]codec.Maker{codec.PickleOptions{Protocol: 4}},
			"\x80\x02",
		},
		"zlib": {
			map[string]string{"COMPRESSOR": compressors + "zlib.ZlibCompressor"},
			"python",
			[]codec.Maker{codec.PickleOptions{Protocol: 4, Zlib: true}, codec.PickleOptions{}},
			"x\x9c",
		},
		"json": {
			map[string]string{"SERIALIZER": serializers + "json.JSONSerializer"},
			"json",
			[]codec.Maker{codec.JSONOptions{Spaces: true}, codec.JSONOptions{}},
			`{"`,
		},
		"json in zlib": {
			map[string]string{"SERIALIZER": serializers + "json.JSONSerializer", "COMPRESSOR": compressors + "zlib.ZlibCompressor"},
			"json",
			[]codec.Maker{codec.JSONOptions{Spaces: true, Zlib: true}, codec.JSONOptions{}},
			"x\x9c",
		},
		// Go leaves uncompressed what it can't compress; Django falls back to that.
		"lzma, written raw": {
			map[string]string{"COMPRESSOR": compressors + "lzma.LzmaCompressor"},
			"",
			[]codec.Maker{codec.PickleOptions{Protocol: 4}},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			django := valuesConfig{Redis: server.URL(), Options: test.options, Values: test.values}
			for _, maker := range test.makers {
				c, err := maker.Make(sessions.Settings{})
				check(t, err)

				// Go's own, and Django's change of it.
				var own sessions.Values
				check(t, own.Encode("cat", "dög"))
				check(t, own.Encode("n", 1))
				check(t, own.Encode("long", strings.Repeat("again and again ", 40)))
				stored, err := c.Encode(own)
				check(t, err)
				key := strings.Repeat("k", 32)
				redisDo(t, server, "SET", redisKey(key), stored, "PX", "60000")
				same(t, nil, django.show(t, key), map[string]string{
					"cat": "str 'dög'", "n": "int 1", "long": "str '" + strings.Repeat("again and again ", 40) + "'",
				})
				django.run(t, "change", key)
				if test.values == "" {
					_, err := c.Decode(redisDo(t, server, "GET", redisKey(key)).(string))
					if err == nil || !strings.Contains(err.Error(), "LzmaCompressor") {
						t.Errorf("%v does not name the compressor", err)
					}
					continue
				}
				values, err := c.Decode(redisDo(t, server, "GET", redisKey(key)).(string))
				check(t, err)
				n := 0
				_, err = values.Decode("n", &n)
				check(t, err)
				equal(t, "n, changed by Django", n, 2)

				// Django's, and Go's change of it.
				key = django.run(t, "create")
				before := django.show(t, key)
				stored = redisDo(t, server, "GET", redisKey(key)).(string)
				if !strings.HasPrefix(stored, test.begins) {
					t.Fatalf("Django stored %.20q", stored)
				}
				values, err = c.Decode(stored)
				check(t, err)
				check(t, values.Encode("go", "was here"))
				stored, err = c.Encode(values)
				check(t, err)
				redisDo(t, server, "SET", redisKey(key), stored, "PX", "60000")
				same(t, before, django.show(t, key), map[string]string{"go": "str 'was here'"})
			}
		})
	}
}

// TestDjangoRedisTails: django-redis reads a pickle with bytes behind it, which
// is what cached_db puts there; compressed with zlib as well.
func TestDjangoRedisTails(t *testing.T) {
	server := testserver.Redis(t, testserver.RedisOptions{Volatile: true})
	zlib := map[string]string{"COMPRESSOR": "django_redis.compressors.zlib.ZlibCompressor"}
	for name, test := range map[string]struct {
		options map[string]string
		maker   codec.Maker
	}{
		"raw":                           {nil, codec.PickleOptions{Protocol: 4}},
		"raw for a Django with zlib":    {zlib, codec.PickleOptions{Protocol: 4}},
		"zlib":                          {zlib, codec.PickleOptions{Protocol: 4, Zlib: true}},
		"raw for a Django with lzma":    {map[string]string{"COMPRESSOR": "django_redis.compressors.lzma.LzmaCompressor"}, codec.PickleOptions{}},
		"no dict: what cached_db hides": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			stored, want := "N.", map[string]string{}
			if test.maker != nil {
				c, err := test.maker.Make(sessions.Settings{})
				check(t, err)
				equal(t, "IgnoresTail", c.(codec.TailTolerant).IgnoresTail(), true)
				var values sessions.Values
				check(t, values.Encode("cat", "dog"))
				check(t, values.Encode("when", time.Unix(0, 0).UTC()))
				stored, err = c.Encode(values)
				check(t, err)
				want = map[string]string{"cat": "str 'dog'", "when": "str '1970-01-01T00:00:00Z'"}
			}
			key := strings.Repeat("t", 32)
			redisDo(t, server, "SET", redisKey(key), stored+"a tail \x00\xff.", "PX", "60000")
			same(t, nil, valuesConfig{Redis: server.URL(), Options: test.options}.show(t, key), want)
		})
	}
}
