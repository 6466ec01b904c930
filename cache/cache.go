package cache

import (
	"context"
	"errors"
	"time"
)

// Errors of a Cache; test them with errors.Is. Any other error means that the
// cache failed, and that what was asked for was not done.
var (
	// ErrMiss: nothing is stored under the key, or not any more.
	ErrMiss = errors.New("cache: miss")

	// ErrExists: Add found a value under the key.
	ErrExists = errors.New("cache: the key is taken")

	// ErrCorrupt: what is under the key was not written by this kind of cache,
	// or is damaged. Set and Delete work on it.
	ErrCorrupt = errors.New("cache: what is stored can't be read")

	// ErrTooLarge: the value is larger than the cache stores under a key. What was
	// stored is untouched.
	ErrTooLarge = errors.New("cache: the value is larger than the cache stores")

	// ErrConflict: what Swap found is not what it was to replace.
	ErrConflict = errors.New("cache: the value has changed")

	// ErrUnknownOutcome: the answer to a write was lost. It may have been done.
	ErrUnknownOutcome = errors.New("cache: the outcome of the write is unknown")
)

// Item is a value as it is stored.
type Item struct {
	Value string // any bytes

	// Ends is when the value ends; zero when it never does, and where the cache
	// does not say.
	Ends time.Time

	// Token is the cache's own: whatever it needs to recognise this version of
	// the value, or nil where it compares the bytes. Valid in this process only.
	Token any
}

// Cache keeps values under keys until they end, or until it needs the room.
//
// Keys are compared byte for byte, case included; a key that the cache can't keep
// apart from others is refused. Values are any bytes. A ttl is rounded up to what
// the cache can keep, a millisecond or a second; one that is not positive ends the
// value at once, and NoEnd never. A value that has ended is treated as absent
// everywhere. A value that was passed in or returned is never changed afterwards.
//
// All methods are safe for concurrent use, by several processes where they share
// one cache, and linearizable: what a write acknowledged every later call sees. A
// call whose context has ended fails, changes nothing, and never says that
// something is not there, is there, or has changed.
//
// A write that fails with ErrUnknownOutcome may have been done; with any other
// error it was not. A cache, and the client below it, never sends a write twice.
type Cache interface {
	// Get returns what is stored under key, or ErrMiss.
	Get(ctx context.Context, key string) (Item, error)

	// Add stores a value under key, only if there is none: else it changes
	// nothing and returns ErrExists.
	Add(ctx context.Context, key, value string, ttl time.Duration) (Item, error)

	// Swap puts a value in place of old, only while that is what is stored:
	// else it changes nothing and returns what is there with ErrConflict, or
	// ErrMiss. It never creates. An old without a Token is compared by its bytes.
	Swap(ctx context.Context, key string, old Item, value string, ttl time.Duration) (Item, error)

	// Set stores a value under key, whatever is there.
	Set(ctx context.Context, key, value string, ttl time.Duration) error

	// Delete removes what is under key. That nothing is there is no error.
	Delete(ctx context.Context, key string) error
}

// Lister is a Cache that can say what it holds.
type Lister interface {
	// List returns live values whose keys begin with prefix, about limit of them,
	// in no order, and where to go on: next is the cursor of the next call. "" is
	// the beginning, and as next the end; a page may be empty without being the
	// last. What is there all the while comes at least once.
	List(ctx context.Context, prefix, cursor string, limit int) (page []KeyedItem, next string, err error)
}

// KeyedItem is a value and its key.
type KeyedItem struct {
	Key string
	Item
}

// NoEnd as a ttl keeps a value until the cache needs the room: Django's
// timeout=None.
const NoEnd time.Duration = 1<<63 - 1

// Epocher is a Cache whose server can come back with contents of before: from a
// dump, or as a replica that takes over. A coherent reader (the cached_db engine)
// does not trust a value that was stored in another epoch.
type Epocher interface {
	// Epoch names the present run of the server, as every client of it sees it.
	// It asks the server only after a connection was made anew: when Epoch
	// returns the same name before and after a call, the call was answered by
	// that run. "" means that the cache can't tell.
	Epoch(ctx context.Context) (string, error)
}
