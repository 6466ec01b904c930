package devices

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
)

// List returns the user's devices, those that were seen last first,
// Options.PageSize at a time. after is "" for the first page, and next of the one
// before for the others; next is "" on the last page, which may be empty. Each
// session has been looked up in the store: what has ended is not among them.
// Current is set when ctx is that of a request.
func (d *Devices) List(ctx context.Context, userID, after string) (page []Device, next string, err error) {
	current := d.manager.Session(ctx).Key()
	position, gone := parsePosition(after), []string(nil)
	for len(page) < d.options.PageSize {
		entries, err := d.options.Index.List(ctx, userID, position, d.options.PageSize)
		if err != nil {
			return nil, "", err
		}
		for _, e := range entries {
			position = Position{e.LastSeen, e.Handle}
			key, err := d.check(ctx, &e)
			switch {
			case errors.Is(err, sessions.ErrRotated), errors.Is(err, ErrUnreadable):
				continue // see check
			case errors.Is(err, ErrNoDevice):
				gone = append(gone, e.Session)
				continue
			case err != nil:
				return nil, "", err
			}
			page = append(page, Device{
				Handle: e.Handle, Created: e.Created, LastSeen: e.LastSeen,
				Address: e.Address, UserAgent: e.UserAgent, Backend: e.Backend, Current: key == current,
			})
			if len(page) == d.options.PageSize {
				break
			}
		}
		if len(entries) < d.options.PageSize {
			break
		}
	}
	d.drop(ctx, userID, gone)
	if len(page) == d.options.PageSize {
		next = position.String()
	}
	return page, next, nil
}

// check looks the entry's session up in the store, and returns its key.
//
//   - ErrNoDevice: it has ended, or is not that user's.
//   - sessions.ErrRotated: it has another key by now, under which it will be found
//     as soon as the index has been told of it.
//   - ErrUnreadable: nobody here can tell which session it is. It may be the secret
//     key that is wrong, so the entry stays.
func (d *Devices) check(ctx context.Context, e *Entry) (key string, err error) {
	if key, err = d.sealers.open(e.UserID, e.Session); err != nil {
		return "", err
	}
	stored, err := d.manager.Stored(ctx, key)
	if errors.Is(err, sessions.ErrRotated) {
		// The move may have been recorded since the entry was read.
		if fresh, findErr := d.options.Index.Find(ctx, e.UserID, e.Handle); findErr == nil && fresh.Session != e.Session {
			if key, err = d.sealers.open(e.UserID, fresh.Session); err != nil {
				return "", err
			}
			e.Session = fresh.Session
			stored, err = d.manager.Stored(ctx, key)
		}
	}
	switch {
	case errors.Is(err, sessions.ErrRotated):
		return "", err
	case errors.Is(err, sessions.ErrNotFound):
		return "", ErrNoDevice
	case err != nil:
		return "", err
	case stored.Err != nil:
		return key, nil // somebody's secret key reads it
	}
	if id, found := auth.StoredIdentity(&stored.Values); !found || id.UserID != e.UserID {
		return "", ErrNoDevice
	}
	return key, nil
}

// drop removes entries of sessions that have ended. If it can't, the next one
// will.
func (d *Devices) drop(ctx context.Context, userID string, names []string) {
	if len(names) == 0 {
		return
	}
	if err := d.options.Index.Remove(ctx, userID, names...); err != nil {
		d.log.WarnContext(ctx, "devices: entries of ended sessions were not removed", slog.Any("error", err))
	}
}

// all are the user's entries.
func (d *Devices) all(ctx context.Context, userID string) (all []Entry, err error) {
	const batch = 200
	for position := (Position{}); ; {
		entries, err := d.options.Index.List(ctx, userID, position, batch)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
		if len(entries) < batch {
			return all, nil
		}
		last := entries[batch-1]
		position = Position{last.LastSeen, last.Handle}
	}
}

// String is the position as next of List.
func (p Position) String() string {
	return strconv.FormatInt(p.LastSeen.UnixMicro(), 10) + "." + p.Handle
}

// parsePosition reads what String has written; anything else is the beginning.
func parsePosition(text string) Position {
	micro, handle, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(micro, 10, 64)
	if err != nil || !isHandle(handle) {
		return Position{}
	}
	return Position{time.UnixMicro(n).UTC(), handle}
}

// isHandle reports whether an index needs to be asked for a handle at all.
func isHandle(text string) bool {
	if len(text) != handleLength {
		return false
	}
	for i := range len(text) {
		if c := text[i]; (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

const handleLength = 26 // of rand.Text: 130 bits
