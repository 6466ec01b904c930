package sessions

import (
	"context"
	"time"
)

// Engine says where and how sessions are kept: Django's SESSION_ENGINE. The
// package engine has Django's and more.
type Engine interface {
	// Open gives the backend that keeps sessions under these settings. It
	// reports every wrong setting at once and sends nothing over a network:
	// servers are reached at the first use.
	Open(Settings) (Backend, error)
}

// Backend is an opened Engine.
type Backend struct {
	// Name is Django's name of the engine: "db", "cache", "cached_db", "file",
	// "signed_cookies", or one's own.
	Name string

	// Store keeps the records. Nil for a cookie engine: the cookie then holds
	// what the Codec writes.
	Store Store

	Codec Codec

	// CookieAge takes the place of the Settings' CookieAge in everything, unless
	// it is 0: Django's get_session_cookie_age(), which an extended SessionStore
	// may override. An engine that sets it must have opened its parts with it;
	// engine.WithCookieAge does both for any engine.
	CookieAge time.Duration

	// Revoked says of a cookie engine's session, which was written then, whether it
	// has been revoked: such a session is not there. Its error fails the load. Nil:
	// none ever is. It may be called by several requests at once.
	Revoked func(ctx context.Context, values Values, written time.Time) (bool, error)
}

// Codec turns a session's values into what is stored, and back. It must be
// safe for concurrent use.
type Codec interface {
	Encode(Values) (string, error)

	// Decode returns an error that wraps ErrCorrupt when data is no session of
	// this codec's.
	Decode(data string) (Values, error)
}

// DatedCodec is a Codec whose data says when it was written. A cookie engine's
// should be one: without a store nothing else ends a session on the server.
type DatedCodec interface {
	Codec

	// DecodeDated is Decode, and says when data was encoded.
	DecodeDated(data string) (Values, time.Time, error)
}

// Record is what a Store keeps under a key.
type Record struct {
	// Data is what the Codec wrote: any bytes.
	Data string

	// Expires is when the record ends. Stores keep at least microseconds.
	Expires time.Time

	// Token is the store's own: whatever it needs to recognise this version of
	// the record, or nil. It is valid in this process only.
	Token any
}

// RotationTrace is how long a store remembers that a key was rotated.
const RotationTrace = time.Minute

// Store keeps records under keys. Everything that sessions mean is decided
// above it; a store only stores, and never confuses "could not look" with "not
// there".
//
// Keys are compared byte for byte, case included. A record whose Expires is not
// after the present (by the Clock of the engine's Settings) is treated as
// absent everywhere. A Record that was passed in or returned is never changed
// afterwards by either side. All methods are safe for concurrent use, by
// several processes too where they share one store, and linearizable: what a
// write acknowledged, every later call sees.
//
// A write that fails with ErrUnknownOutcome may have been done; with any other
// error it was not. A store, and the driver below it, never sends a write twice.
type Store interface {
	// Load returns the record under key; ErrNotFound when there is none, and
	// ErrRotated when there was one that Rotate has moved within RotationTrace.
	Load(ctx context.Context, key string) (Record, error)

	// Create stores rec under key, only if the key is free: else ErrExists. It
	// returns the record as later calls want it.
	Create(ctx context.Context, key string, rec Record) (Record, error)

	// Replace puts new in place of old, only while what is stored is still old,
	// data and expiry. Else it changes nothing and returns the current record
	// with ErrConflict, or ErrNotFound or ErrRotated as Load does: it never
	// creates, so that an ended session stays ended. Where new.Data equals
	// old.Data only the expiry is to be written.
	Replace(ctx context.Context, key string, old, new Record) (Record, error)

	// Rotate moves the session from key to newKey, a free one, and stores new
	// there, under the same conditions and with the same errors as Replace
	// (ErrExists when newKey is taken). At no time are both keys valid; for
	// RotationTrace the store remembers that key was rotated, but not to where.
	Rotate(ctx context.Context, key, newKey string, old, new Record) (Record, error)

	// Delete removes whatever is stored under key. That nothing is there is no
	// error, but ErrRotated is: the session lives on under another key.
	Delete(ctx context.Context, key string) error
}

// Clearer is a Store that can find what has expired: Django's clear_expired().
type Clearer interface {
	// ClearExpired deletes at most limit expired records and says how many it
	// deleted; fewer than limit means that none are left. A store that has others
	// wait while it deletes does it in short steps.
	ClearExpired(ctx context.Context, limit int) (int, error)
}

// Lister is a Store that can say what it holds: Django's Session.objects.all().
type Lister interface {
	// List returns live records, about limit of them, in an order of the store's
	// own, and where to go on: next is the cursor of the next call. "" is the
	// beginning, and as next the end; a page may be empty without being the last.
	// What is there all the while comes at least once; traces of rotations don't
	// come. A cursor is for this store and may hold a key. ErrUnsupported where
	// what lies below the store can't list.
	List(ctx context.Context, cursor string, limit int) (page []KeyedRecord, next string, err error)
}

// KeyedRecord is a record and its key.
type KeyedRecord struct {
	Key string
	Record
}

// Migrator is a Store that needs something made before its first use, a table
// for instance: Django's migrate.
type Migrator interface {
	// Migrate makes what is missing, leaves alone what is there, and says
	// whether it made anything.
	Migrate(ctx context.Context) (bool, error)
}

// Wrapper is a Store that hands calls on to another one. What it can't do beyond
// Store itself is looked for in the inner one.
type Wrapper interface {
	// Unwrap returns the inner store.
	Unwrap() Store
}

// Capability finds what a store can do beyond Store, a Clearer, a Lister or a Migrator:
// the first of s and of what it wraps that implements T. Nothing else looks for
// optional interfaces.
func Capability[T any](s Store) (T, bool) {
	for s != nil {
		if t, ok := s.(T); ok {
			return t, true
		}
		w, ok := s.(Wrapper)
		if !ok {
			break
		}
		s = w.Unwrap()
	}
	var none T
	return none, false
}
