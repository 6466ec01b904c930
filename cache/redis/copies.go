package redis

import (
	"context"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/keepsake-go/sessions/cache"
)

// copies are values that were read a moment ago. Each is used until the server
// says that its key has changed (CLIENT TRACKING), the connection breaks, this
// process writes the key, or it is life old, counted from before it was asked
// for. What has become too old goes by itself: two maps take turns.
//
// A key is entered before the value is asked for, and gets the value only while
// it is still there: so a value never comes after the message that it is over.
type copies struct {
	life time.Duration

	mu         sync.Mutex // guards what follows
	young, old map[string]*copied
	turned     time.Time // when young was empty
}

type copied struct {
	asked time.Time
	life  time.Duration // 0: no answer yet
	item  cache.Item
}

// get returns a copy. Its age is told by two clocks: one of them stands still
// while a machine sleeps, the other one can be set.
func (c *copies) get(key string) (cache.Item, bool) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	e, found := c.young[key]
	if !found {
		e, found = c.old[key]
	}
	if !found {
		return cache.Item{}, false
	}
	wall := now.Round(0).Sub(e.asked.Round(0))
	return e.item, now.Sub(e.asked) < e.life && 0 <= wall && wall < e.life
}

// ask enters a key whose value is about to be asked for.
func (c *copies) ask(key string) *copied {
	e := &copied{asked: time.Now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.asked.Sub(c.turned) >= c.life {
		c.old, c.young, c.turned = c.young, make(map[string]*copied, len(c.young)), e.asked
	}
	delete(c.old, key)
	c.young[key] = e
	return e
}

// answer keeps what was asked for, unless it has changed meanwhile. The value
// has left left to live.
func (c *copies) answer(key string, e *copied, item cache.Item, left time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young[key] == e || c.old[key] == e {
		e.item, e.life = item, min(c.life, left)
	}
}

// drop forgets a key; c may be nil.
func (c *copies) drop(key string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.young, key)
	delete(c.old, key)
}

// invalidate forgets what the server says has changed; nil is everything. The
// client calls it between the answers, in the order in which both came, and with
// nil when a connection has ended.
func (c *copies) invalidate(keys []rueidis.RedisMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if keys == nil {
		clear(c.young)
		clear(c.old)
		return
	}
	for _, k := range keys {
		if key, err := k.ToString(); err == nil {
			delete(c.young, key)
			delete(c.old, key)
		}
	}
}

// CopyLife implements cache.Copier: it is Options.ClientCaching.
func (c *Cache) CopyLife() time.Duration {
	if c.copies == nil {
		return 0
	}
	return c.copies.life
}

// GetCopy implements cache.Copier. Without Options.ClientCaching it is Get.
func (c *Cache) GetCopy(ctx context.Context, key string) (cache.Item, error) {
	if c.copies == nil {
		return c.Get(ctx, key)
	}
	if err := ctx.Err(); err != nil {
		return cache.Item{}, failed("get", false, err)
	}
	if item, found := c.copies.get(key); found {
		return item, nil
	}
	client, err := c.client.get(ctx)
	if err != nil {
		return cache.Item{}, failed("get", false, err)
	}
	entry := c.copies.ask(key)
	replies := client.DoMulti(ctx, client.B().Get().Key(key).Build(), client.B().Pttl().Key(key).Build())
	value, err := replies[0].ToString()
	if err != nil {
		c.copies.drop(key)
	}
	if rueidis.IsRedisNil(err) {
		return cache.Item{}, cache.ErrMiss
	}
	if err != nil {
		return cache.Item{}, failed("get", false, err)
	}
	item, err := found("get", value)
	if err != nil {
		return item, err
	}
	switch left, err := replies[1].AsInt64(); {
	case err == nil && left == -1:
		c.copies.answer(key, entry, item, cache.NoEnd)
	case err == nil && left > 0:
		c.copies.answer(key, entry, item, time.Duration(left)*time.Millisecond)
	}
	return item, nil
}
