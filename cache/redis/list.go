package redis

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/keepsake-go/sessions/cache"
)

// List implements cache.Lister with SCAN, on one master after another. It shows
// when values end. It is a walk through all of the server's keys, whatever the
// prefix: for chores, not for requests.
func (c *Cache) List(ctx context.Context, prefix, cursor string, limit int) (page []cache.KeyedItem, next string, err error) {
	client, err := c.client.get(ctx)
	if err != nil {
		return nil, "", failed("list", false, err)
	}
	// A cursor is the node's address, which may have colons, and the node's own.
	addr, position, _ := strings.Cut(cursor, " ")
	nodes := client.Nodes()
	addrs := slices.Sorted(maps.Keys(nodes))
	if i := slices.Index(addrs, addr); i >= 0 {
		addrs = addrs[i:]
	} else if cursor != "" {
		return nil, "", fmt.Errorf("redis: list: the server of the cursor is gone: begin anew")
	}
	for i, addr := range addrs {
		node := nodes[addr]
		master := len(nodes) == 1
		if !master {
			if master, err = isMaster(ctx, node); err != nil {
				return nil, "", failed("list", false, err)
			}
		}
		if master {
			if page, position, err = scan(ctx, node, prefix, position, limit); err != nil {
				return nil, "", failed("list", false, err)
			}
		}
		switch {
		case master && position != "0":
			return page, addr + " " + position, nil
		case master && i+1 < len(addrs):
			return page, addrs[i+1] + " 0", nil
		}
		position = "0"
	}
	return page, "", nil
}

// isMaster reports whether a node is one that others copy.
func isMaster(ctx context.Context, node rueidis.Client) (bool, error) {
	role, err := node.Do(ctx, node.B().Role().Build()).ToArray()
	if err != nil || len(role) == 0 {
		return false, err
	}
	name, err := role[0].ToString()
	return name == "master", err
}

// globs are what SCAN's patterns are made of.
var globs = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `^`, `\^`)

// scan takes one step through a node's keys.
func scan(ctx context.Context, node rueidis.Client, prefix, position string, limit int) ([]cache.KeyedItem, string, error) {
	cursor, _ := strconv.ParseUint(position, 10, 64)
	entry, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match(globs.Replace(prefix)+"*").Count(int64(limit)).Build()).AsScanEntry()
	if err != nil {
		return nil, "", err
	}
	var commands []rueidis.Completed
	for _, key := range entry.Elements {
		commands = append(commands, node.B().Get().Key(key).Build(), node.B().Pttl().Key(key).Build())
	}
	var page []cache.KeyedItem
	if len(commands) > 0 {
		now, replies := time.Now(), node.DoMulti(ctx, commands...)
		for i, key := range entry.Elements {
			value, err := replies[2*i].ToString()
			if refused, ok := rueidis.IsRedisErr(err); ok && (refused.IsNil() || strings.HasPrefix(refused.Error(), "WRONGTYPE")) {
				continue // ended meanwhile, or no value of a cache
			} else if _, ask := redirected(err); ok && ask || strings.HasPrefix(fmt.Sprint(err), "MOVED") {
				continue // it is another node's now, which lists it
			}
			if err != nil {
				return nil, "", err
			}
			item := cache.KeyedItem{Key: key, Item: cache.Item{Value: value}}
			if left, err := replies[2*i+1].AsInt64(); err == nil && left >= 0 {
				item.Ends = now.Add(time.Duration(left) * time.Millisecond)
			}
			page = append(page, item)
		}
	}
	return page, strconv.FormatUint(entry.Cursor, 10), nil
}
