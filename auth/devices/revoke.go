package devices

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
)

// Revoke ends the user's session of that handle: it is deleted from the store, so
// that it is over for Django as well. ErrNoDevice when the user has no such
// device, or its session had ended already.
//
// With any other error nothing is certain, and the session may live. One that
// wraps sessions.ErrRotated says that the session was given another key a moment
// ago and the index does not know it yet: try again in a minute at the latest.
// ErrUnreadable is one as well.
//
// The browser whose session it was is told at its next request. To end the session
// of the request itself use auth.Auth.Logout.
func (d *Devices) Revoke(ctx context.Context, userID, handle string) error {
	if !isHandle(handle) {
		return ErrNoDevice
	}
	return d.retry(ctx, func() error {
		e, err := d.options.Index.Find(ctx, userID, handle)
		if err != nil {
			return err
		}
		if err = d.end(ctx, &e); err == nil || errors.Is(err, ErrNoDevice) {
			d.drop(ctx, userID, []string{e.Session})
		}
		return err
	})
}

// RevokeOthers ends the user's sessions but the one of the request that ctx
// belongs to, and returns how many it has ended. sessions.ErrNoSession when the
// request's session is not that user's. See RevokeAll.
func (d *Devices) RevokeOthers(ctx context.Context, userID string) (ended int, err error) {
	s := d.manager.Session(ctx)
	if err := s.Load(ctx); err != nil {
		return 0, err
	}
	id, found, err := auth.SessionIdentity(s)
	if err != nil {
		return 0, err
	}
	if !found || id.UserID != userID || s.Key() == "" {
		return 0, fmt.Errorf("devices: revoke others: %w", sessions.ErrNoSession)
	}
	return d.revokeAll(ctx, userID, s)
}

// RevokeAll ends all of the user's sessions that the index knows, and returns how
// many these were. It goes on after an error, and then returns all of them; what
// Revoke says of errors holds for each.
//
// It is for users who were disabled or deleted: do that first, since a login that
// is under way may come after it. Two sorts of sessions may not be in the index:
// one that Django has made and that was never seen here, and one that has gone on
// past its time in the index since only a Django, or requests that don't ask for
// its user, have renewed it. Call Rebuild first where that matters. (Of a user who
// is not active, or has another password, neither side takes such a session.)
func (d *Devices) RevokeAll(ctx context.Context, userID string) (ended int, err error) {
	return d.revokeAll(ctx, userID, nil)
}

func (d *Devices) revokeAll(ctx context.Context, userID string, keep *sessions.Session) (ended int, err error) {
	kept, failed := "", map[string]error{} // by handle
	err = d.retry(ctx, func() error {
		entries, err := d.all(ctx, userID)
		if err != nil {
			return err
		}
		entries = slices.DeleteFunc(entries, func(e Entry) bool {
			if keep != nil && d.isOf(&e, keep.Key()) {
				kept = e.Handle
			}
			_, tried := failed[e.Handle]
			return tried || e.Handle == kept
		})
		var rotated error
		var gone []string
		for i, err := range d.endAll(ctx, entries) {
			switch {
			case err == nil:
				ended++
				gone = append(gone, entries[i].Session)
			case errors.Is(err, ErrNoDevice):
				gone = append(gone, entries[i].Session)
			case errors.Is(err, sessions.ErrRotated):
				rotated = err
			default:
				failed[entries[i].Handle] = err
			}
		}
		d.drop(ctx, userID, gone)
		return rotated
	})
	errs := []error{err}
	for _, err := range failed {
		errs = append(errs, err)
	}
	return ended, errors.Join(errs...)
}

// endAll ends the sessions of entries, several at once: a database that waits for
// its disk does so once for all that come meanwhile.
func (d *Devices) endAll(ctx context.Context, entries []Entry) []error {
	errs := make([]error, len(entries))
	atOnce := make(chan struct{}, 4)
	var all sync.WaitGroup
	for i := range entries {
		atOnce <- struct{}{}
		all.Go(func() {
			defer func() { <-atOnce }()
			errs[i] = d.end(ctx, &entries[i])
		})
	}
	all.Wait()
	return errs
}

// isOf reports whether the entry is of the session with that key.
func (d *Devices) isOf(e *Entry, key string) bool {
	of, err := d.sealers.open(e.UserID, e.Session)
	return err == nil && of == key
}

// end ends the session of an entry, which it brings up to date.
// sessions.ErrRotated: it lives on under another key, which the index may have by
// now.
func (d *Devices) end(ctx context.Context, e *Entry) error {
	key, err := d.check(ctx, e)
	if err != nil {
		return err
	}
	return d.manager.Revoke(ctx, key, e.UserID)
}

// retry calls f again while it meets rotations, as long as the index may take to
// be told of one.
func (d *Devices) retry(ctx context.Context, f func() error) error {
	deadline := time.Now().Add(d.patience)
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := f()
		if !errors.Is(err, sessions.ErrRotated) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}
