package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"

	"github.com/keepsake-go/sessions/cache"
)

// swapScript replaces a value, or removes it, only while it is the old one. It
// answers 1, or 0 and what it found: nothing, or a value.
const swapScript = `local found = redis.call('GET', KEYS[1])
if found ~= ARGV[1] then return {0, found} end
if ARGV[3] == '0' then redis.call('DEL', KEYS[1])
elseif ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return {1}`

// swapSHA1 is the script's, by which a server that has seen it knows it.
const swapSHA1 = "27ebd7c2793349189aadff86043d6629e1381722"

// Swap implements cache.Cache, in one round trip.
func (c *Cache) Swap(ctx context.Context, key string, old cache.Item, value string, ttl time.Duration) (cache.Item, error) {
	if err := checkSize("swap", value); err != nil {
		return cache.Item{}, err
	}
	args := []string{old.Value, value, expiry(ttl)}
	reply, confirmed := c.do(ctx, key, func(b rueidis.Builder) rueidis.Completed {
		return b.Evalsha().Sha1(swapSHA1).Numkeys(1).Key(key).Arg(args...).Build()
	})
	if refused, ok := rueidis.IsRedisErr(reply.Error()); ok && refused.IsNoScript() { // nothing was done
		reply, confirmed = c.do(ctx, key, func(b rueidis.Builder) rueidis.Completed {
			return b.Eval().Script(swapScript).Numkeys(1).Key(key).Arg(args...).Build()
		})
	}
	values, err := reply.ToArray()
	if err != nil {
		return cache.Item{}, c.failed("swap", err)
	}
	if len(values) == 1 {
		return cache.Item{Value: value}, confirmed
	}
	if len(values) != 2 || values[1].IsNil() {
		return cache.Item{}, cache.ErrMiss
	}
	current, err := values[1].ToString()
	if err != nil {
		return cache.Item{}, failed("swap", true, err)
	}
	item, err := found("swap", current)
	if err == nil {
		err = cache.ErrConflict
	}
	return item, err
}

// errNil is nil as an answer: a SET NX that found something.
var errNil = errors.New("nil")

// write does a command that writes.
func (c *Cache) write(ctx context.Context, what, key string, build func(rueidis.Builder) rueidis.Completed) error {
	reply, confirmed := c.do(ctx, key, build)
	switch err := reply.Error(); {
	case rueidis.IsRedisNil(err):
		return errNil
	case err != nil:
		return c.failed(what, err)
	}
	return confirmed
}

// failed is what the error of a write means.
func (c *Cache) failed(what string, err error) error {
	if refused, ok := rueidis.IsRedisErr(err); ok && c.runs != nil && isReadOnly(refused) {
		c.runs.drop() // the master is elsewhere now, perhaps behind the same address
	}
	return failed(what, true, err)
}

// waitMargin is what is kept of the time for WAIT to answer: an idle Redis looks
// at the clock every 100 ms.
const waitMargin = 250 * time.Millisecond

// do sends a command about one key, once. Where replicas are to confirm it,
// confirmed is an error when too few did, and means something only when the
// command has written.
func (c *Cache) do(ctx context.Context, key string, build func(rueidis.Builder) rueidis.Completed) (reply rueidis.RedisResult, confirmed error) {
	c.copies.drop(key)
	defer c.copies.drop(key) // what was read in between may be older than the write
	client, err := c.client.get(ctx)
	if err != nil {
		return rueidis.NewErrorResult(err), nil
	}
	if c.replicas == 0 {
		return client.Do(ctx, build(client.B())), nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout+waitMargin)
	defer cancel()
	wait := func(b rueidis.Builder) rueidis.Completed {
		end, _ := ctx.Deadline()
		left := time.Until(end)
		left = max(left/2, left-waitMargin, time.Millisecond) // 0 would be for ever
		return b.Wait().Numreplicas(int64(c.replicas)).Timeout(left.Milliseconds()).Build()
	}
	// On a connection that nobody else uses: WAIT is about what its own has
	// written, and all that comes behind it has to wait, too.
	dedicated, release := client.Dedicate()
	replies := dedicated.DoMulti(ctx, build(dedicated.B()), wait(dedicated.B()))
	release()
	// rueidis would send what a Cluster redirects without its WAIT.
	for range maxRedirects {
		addr, ask := redirected(replies[0].Error())
		node := client.Nodes()[addr]
		switch {
		case node == nil:
		case ask:
			replies = node.DoMulti(ctx, node.B().Asking().Build(), build(node.B()), wait(node.B()))[1:]
			continue
		default:
			replies = node.DoMulti(ctx, build(node.B()), wait(node.B()))
			continue
		}
		break
	}
	n, err := replies[1].AsInt64()
	switch {
	case err != nil:
		confirmed = fmt.Errorf("redis: wait: %w: %w", cache.ErrUnknownOutcome, plain(err))
	case n < int64(c.replicas):
		confirmed = fmt.Errorf("redis: wait: %w: %d of %d replicas have it", cache.ErrUnknownOutcome, n, c.replicas)
	}
	return replies[0], confirmed
}

// redirected is where a node of a Cluster sends the caller; "" is nowhere.
func redirected(err error) (addr string, ask bool) {
	refused, ok := rueidis.IsRedisErr(err)
	if !ok {
		return "", false
	}
	if addr, ok = refused.IsAsk(); ok {
		return addr, true
	}
	addr, _ = refused.IsMoved()
	return addr, false
}
