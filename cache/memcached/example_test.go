package memcached_test

import (
	"fmt"
	"log"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache/memcached"
	"github.com/keepsake-go/sessions/engine"
)

// Sessions beside a Django whose CACHES are
//
//	{"default": {
//	    "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
//	    "LOCATION": "10.0.0.1:11211;10.0.0.2:11211",
//	}}
func ExampleOpen() {
	c, err := memcached.Open(memcached.Options{Servers: memcached.SplitLocation("10.0.0.1:11211;10.0.0.2:11211")})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	settings := sessions.DefaultSettings()
	settings.SecretKey = "the site's SECRET_KEY, as Django has it in its settings"
	manager, err := sessions.New(settings, engine.Cache(c))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(manager.EngineName())
	// Output: cache
}
