package devices

import (
	"context"
	"errors"
	"time"
)

// ErrNoDevice: the user has no device of that handle, or has it no more. That a
// session is another user's is not told apart.
var ErrNoDevice = errors.New("devices: no such device")

// ErrUnreadable: nobody here can tell which session an entry of the index is. It
// was made under a secret key that is neither SecretKey nor among
// SecretKeyFallbacks, or it is damaged. It is not listed, and stays until its time
// is over. The session of a former secret key is one that nobody is logged in with.
var ErrUnreadable = errors.New("devices: an entry of the index can't be read: another secret key has made it, or it is damaged")

// Entry is what an Index knows of a session.
type Entry struct {
	Session string // a text of up to 100 characters a-z2-7 for its key; unique
	UserID  string
	Handle  string // 26 characters A-Z2-7

	Created  time.Time
	LastSeen time.Time
	Expires  time.Time // when the entry is of no use any more, at the soonest

	Address   string
	UserAgent string
	Backend   string
}

// Index keeps which sessions each user has. It may forget, and may remember what
// has ended: Devices sees to both. It may also be a sessions.Migrator and a
// sessions.Clearer. Times are kept to the microsecond. All methods are safe for
// concurrent use, by several processes too. An entry is only ever found with its
// user.
type Index interface {
	// Put enters e, and reports whether that user's Session was not there yet.
	// If it was there, under e.Session or else under one of the former names,
	// its Handle and Created stay, and Address and UserAgent where e's are "".
	// What was under the former names is not there any more.
	Put(ctx context.Context, e Entry, former ...string) (entered bool, err error)

	// Add enters those whose Session is not there yet, and returns how many they
	// were.
	Add(ctx context.Context, entries []Entry) (int, error)

	// Find returns the user's entry of that handle, or ErrNoDevice.
	Find(ctx context.Context, userID, handle string) (Entry, error)

	// List returns the first of the user's entries after a position, at most
	// limit of them: those that were seen last come first, and of those that were
	// seen at once the one whose Handle is greater. The zero position is before
	// all.
	List(ctx context.Context, userID string, after Position, limit int) ([]Entry, error)

	// Remove removes those of the user's entries whose Session is among names.
	Remove(ctx context.Context, userID string, names ...string) error
}

// Position is a place among a user's entries: right after the one of that Handle.
type Position struct {
	LastSeen time.Time
	Handle   string
}

// before reports whether e comes before other in a list.
func (e *Entry) before(other *Entry) int {
	if c := other.LastSeen.Compare(e.LastSeen); c != 0 {
		return c
	}
	switch {
	case e.Handle > other.Handle:
		return -1
	case e.Handle < other.Handle:
		return 1
	}
	return 0
}

// clocked is an Index that compares its times with the present: by Settings.Clock.
type clocked interface{ setClock(now func() time.Time) }

// able returns what more an Index can do. It is the one place where that is asked.
func able[T any](i Index) (T, bool) {
	can, ok := i.(T)
	return can, ok
}
