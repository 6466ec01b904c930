package devices

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
)

// Rebuild enters every session in the store that somebody is logged in with and
// that the index does not have, whoever has made it, and returns how many these
// were. It reads the whole store: for the first day beside a Django, and after an
// index was lost. It may run while the site does, and again after a failure. Where
// they were and what they are is not known of sessions that are entered so; they
// count as seen when they were stored last. The limit is not enforced. With
// SecretKeyFallbacks it also writes anew what the index has under a former secret
// key, so that this can be dropped.
//
// A user who has more sessions than the index takes (MaxInCache) keeps none of the
// others from being entered; the error says so at the end.
//
// sessions.ErrUnsupported where the engine can't list its sessions.
func (d *Devices) Rebuild(ctx context.Context) (entered int, err error) {
	const batch = 200
	var entries []Entry
	var full error
	others := func(err error) error {
		if errors.Is(err, errFull) {
			full, err = err, nil
		}
		return err
	}
	add := func() error {
		if len(entries) == 0 {
			return nil
		}
		n, err := d.options.Index.Add(ctx, entries)
		entered += n
		entries = entries[:0]
		return others(err)
	}
	for stored, err := range d.manager.All(ctx) {
		if err != nil {
			return entered, err
		}
		id, found := auth.StoredIdentity(&stored.Values)
		if !found || !possible(id.UserID) {
			continue
		}
		if len(d.sealers) > 1 {
			is, err := d.options.Index.Put(ctx, d.entry(&stored, id), d.sealers.names(id.UserID, stored.Key)[1:]...)
			if err = others(err); err != nil {
				return entered, err
			}
			if is {
				entered++
			}
			continue
		}
		if entries = append(entries, d.entry(&stored, id)); len(entries) == batch {
			if err := add(); err != nil {
				return entered, err
			}
		}
	}
	if err := add(); err != nil {
		return entered, err
	}
	return entered, full
}

// possible reports whether an index can hold a user of that ID: nobody else's
// sessions are to wait for one that it can't.
func possible(userID string) bool {
	return len(userID) <= maxText && utf8.ValidString(userID) && !strings.ContainsRune(userID, 0)
}

// entry is what can be told of a stored session.
func (d *Devices) entry(stored *sessions.Stored, id auth.Identity) Entry {
	now := d.now()
	e := Entry{
		Session: d.sealers[0].seal(id.UserID, stored.Key), UserID: id.UserID, Handle: rand.Text(), Backend: clean(id.Backend),
		Created: now, LastSeen: now, Expires: stored.Expires,
	}
	// An expiry is the last save's time and an age, unless it is a date.
	age := stored.Values.ExpiryDate(d.settings, now).Sub(now)
	if saved := stored.Expires.Add(-age); !stored.Expires.IsZero() && age > 0 && saved.Before(now) {
		e.LastSeen, e.Created = saved, saved
	}
	if !id.Since.IsZero() && id.Since.Before(now) {
		e.Created = id.Since
	}
	if e.Expires.IsZero() {
		e.Expires = now.Add(age)
	}
	for _, t := range []*time.Time{&e.Created, &e.LastSeen, &e.Expires} {
		*t = t.UTC().Truncate(time.Microsecond)
	}
	if e.LastSeen.Before(e.Created) {
		e.LastSeen = e.Created
	}
	e.Expires = e.Expires.Add(d.settings.CookieAge + d.options.Interval)
	return e
}
