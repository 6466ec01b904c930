package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/keepsake-go/sessions/cache"
)

// notSent is an error before anything was sent: nothing can have been done.
type notSent struct{ err error }

func (e notSent) Error() string { return e.err.Error() }
func (e notSent) Unwrap() error { return e.err }

// failed says what an error means. A server's error is a refusal: of Redis's
// commands that are used here none fails half-way. Without an answer nobody
// knows whether a write was done.
func failed(what string, write bool, err error) error {
	if err == nil {
		return nil
	}
	var refused *rueidis.RedisError
	var before notSent
	switch {
	case errors.As(err, &refused) && isWrongType(refused):
		return fmt.Errorf("redis: %s: %w: %w", what, cache.ErrCorrupt, plain(err))
	case errors.Is(err, rueidis.ErrNoCache):
		return fmt.Errorf("redis: %s: %w", what, errNoTracking)
	case errors.As(err, &refused), errors.As(err, &before), errors.Is(err, rueidis.ErrNoSlot), !write:
		return fmt.Errorf("redis: %s: %w", what, plain(err))
	}
	return fmt.Errorf("redis: %s: %w: %w", what, cache.ErrUnknownOutcome, err)
}

// errNoTracking: nothing was sent, for each connection begins with it.
var errNoTracking = errors.New("ClientCaching can't be had: it needs RESP3 and CLIENT TRACKING (Redis 6 or Valkey), which the server, a proxy before it or the account's rights refuse")

// plain is err without what must not be told: a server that does not know a
// command quotes its arguments, the key and the value.
func plain(err error) error {
	if errors.Is(err, rueidis.ErrNoCache) {
		return errNoTracking
	}
	if refused, ok := rueidis.IsRedisErr(err); ok {
		text, _, _ := strings.Cut(refused.Error(), ", with args beginning with")
		return errors.New(text)
	}
	return err
}

// foreign hides that a context has ended while a connection was made: others, whose
// contexts have not, wait for the same connection.
func foreign(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return errors.New(err.Error())
	}
	return err
}

// isWrongType: what is under the key is a list, a hash or the like, which no
// cache has written. Redis before 7 says so of a script in other words.
func isWrongType(refused *rueidis.RedisError) bool {
	return strings.HasPrefix(refused.Error(), "WRONGTYPE") ||
		strings.HasPrefix(refused.Error(), "ERR Error running script") && strings.Contains(refused.Error(), "WRONGTYPE")
}

// isReadOnly: the server is a replica now.
func isReadOnly(refused *rueidis.RedisError) bool {
	return strings.HasPrefix(refused.Error(), "READONLY") || strings.HasPrefix(refused.Error(), "MASTERDOWN")
}
