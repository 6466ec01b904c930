package redis_test

import (
	"fmt"

	"github.com/keepsake-go/sessions/cache/redis"
)

// The LOCATION of a Django that reads from replicas: sessions are read from the
// first server only.
func ExampleParseLocation() {
	o, err := redis.ParseLocation("redis://cache:6379/1?socket_timeout=0.5", "redis://replica:6379/1")
	fmt.Println(o.Addrs, o.DB, o.Timeout, err)

	o, err = redis.ParseLocation("redis+sentinel://a:26379,b:26379/mymaster/0")
	fmt.Println(o.Addrs, o.Master, err)

	_, err = redis.ParseLocation("redis://user:password@cache/0?decode_responses=1")
	fmt.Println(err)
	// Output:
	// [cache:6379] 1 500ms <nil>
	// [a:26379 b:26379] mymaster <nil>
	// redis: the option "decode_responses" is not known
}

// Acknowledged writes survive a failover of this Cluster: a replica has them.
func ExampleOpenOptions() {
	c, closeCache, err := redis.OpenOptions(redis.Options{
		Addrs:        []string{"node1:6379", "node2:6379", "node3:6379"},
		Cluster:      true,
		Username:     "sessions",
		WaitReplicas: 1,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer closeCache()
	_ = c // engine.Cache(c)
	// Output:
}
