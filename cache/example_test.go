package cache_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/keepsake-go/sessions/cache"
)

// CACHES = {"default": {…, "KEY_PREFIX": "shop", "VERSION": 2}}
func ExampleKeys() {
	fmt.Println(cache.Keys{}.Make("key"))
	fmt.Println(cache.Keys{Prefix: "shop", Version: 2}.Make("key"))
	// Output:
	// :1:key
	// shop:2:key
}

// CACHES = {"default": {…, "KEY_FUNCTION": "site.hashed"}}, where site.py has
//
//	def hashed(key, key_prefix, version):
//	    return f"{key_prefix}/{version}/{hashlib.sha256(key.encode()).hexdigest()[:12]}"
func ExampleKeys_function() {
	keys := cache.Keys{Prefix: "shop", Function: func(key, prefix string, version int) string {
		sum := sha256.Sum256([]byte(key))
		return prefix + "/" + strconv.Itoa(version) + "/" + hex.EncodeToString(sum[:])[:12]
	}}
	fmt.Println(keys.Make("key"))
	// Output:
	// shop/1/2c70e12b7a06
}

// An update that loses nothing: what another has stored meanwhile comes with the
// conflict.
func ExampleFileBased() {
	dir, err := os.MkdirTemp("", "cache")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	c, err := cache.NewFileBased(cache.FileBasedOptions{Dir: dir})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	item, err := c.Add(ctx, "visits", "1", time.Hour)
	if err != nil {
		panic(err)
	}
	if err := c.Set(ctx, "visits", "41", time.Hour); err != nil { // another process
		panic(err)
	}
	for {
		n, _ := strconv.Atoi(item.Value)
		item, err = c.Swap(ctx, "visits", item, strconv.Itoa(n+1), time.Hour)
		if !errors.Is(err, cache.ErrConflict) {
			break
		}
	}
	fmt.Println(item.Value, err)
	// Output:
	// 42 <nil>
}
