package redis

import (
	"context"
	"errors"

	"github.com/redis/rueidis"
)

// Publish sends a message to who has subscribed to a channel: it implements
// sessions.Notifier. The account needs Redis's PUBLISH, and for Subscribe its
// SUBSCRIBE, on the channel. With Sentinels and in a Cluster every node tells the
// others.
func (c *Cache) Publish(ctx context.Context, channel, message string) error {
	client, err := c.client.get(ctx)
	if err == nil {
		err = client.Do(ctx, client.B().Publish().Channel(channel).Message(message).Build()).Error()
	}
	return failed("publish", false, err) // not a write: nothing is lost that counts
}

// Subscribe implements sessions.Notifier, on a connection of its own.
func (c *Cache) Subscribe(ctx context.Context, channel string, ready func(), receive func(message string)) error {
	client, err := c.client.get(ctx)
	if err != nil {
		return failed("subscribe", false, err)
	}
	own, release := client.Dedicate()
	defer release()
	lost := own.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) {
			if m.Channel == channel {
				receive(m.Message)
			}
		},
	})
	if err := own.Do(ctx, own.B().Subscribe().Channel(channel).Build()).Error(); err != nil {
		return failed("subscribe", false, err)
	}
	ready()
	select {
	case err = <-lost:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err == nil {
		err = errors.New("the connection was closed")
	}
	return failed("subscribe", false, err)
}
