package devices

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
)

var _ auth.Tracker = (*Devices)(nil)

// indexTimeout bounds what a request waits for the index.
const indexTimeout = 2 * time.Second

// Seen implements auth.Tracker: it enters the session, or notes that it was seen,
// unless this process has done so within Options.Interval.
func (d *Devices) Seen(ctx context.Context, s *sessions.Session, u *auth.User, former string) {
	key, now := s.Key(), d.now()
	if !d.seen.Due(key, now, d.options.Interval) && former == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), indexTimeout)
	defer cancel()

	names := d.sealers.names(u.ID, key)
	old := names[1:]
	if former != "" {
		old = append(d.sealers.names(u.ID, former), old...)
	}
	e := Entry{
		Session: names[0], UserID: u.ID, Handle: rand.Text(), Backend: clean(u.Backend),
		Created: now, LastSeen: now, Expires: d.expires(s),
	}
	if r := sessions.RequestFromContext(ctx); r != nil {
		e.Address, e.UserAgent = clean(d.options.Address(r)), clean(r.UserAgent())
	}
	entered, err := d.options.Index.Put(ctx, e, old...)
	if err != nil {
		d.later(key, now)
		d.log.ErrorContext(ctx, "devices: a session was not entered", slog.Any("error", err))
		return
	}
	if entered && d.options.Limit > 0 {
		if err := d.enforce(ctx, u.ID); err != nil {
			d.log.ErrorContext(ctx, "devices: the limit was not enforced", slog.Any("error", err))
		}
	}
}

// later makes the session due in a while: what was to be written failed, and not
// every request should wait for that.
func (d *Devices) later(key string, now time.Time) {
	interval := d.options.Interval
	d.seen.Note(key, now.Add(min(interval, 10*time.Second)-interval))
}

// Left implements auth.Tracker.
func (d *Devices) Left(ctx context.Context, userID, key string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), indexTimeout)
	defer cancel()
	d.drop(ctx, userID, d.sealers.names(userID, key))
}

// expires is when the entry of s is of no use any more, at the soonest. The index is
// told of use once in an Interval; and what it is not told of may go on for a
// CookieAge: a Django's pages, or requests that ask for no user.
func (d *Devices) expires(s *sessions.Session) time.Time {
	end := s.StoredUntil()
	if renewed := s.ExpiryDate(); renewed.After(end) {
		end = renewed
	}
	return end.UTC().Truncate(time.Microsecond).Add(d.settings.CookieAge + d.options.Interval)
}

// enforce ends the sessions beyond the limit.
func (d *Devices) enforce(ctx context.Context, userID string) error {
	entries, err := d.all(ctx, userID)
	if err != nil || len(entries) <= d.options.Limit {
		return err
	}
	var gone []string
	live, errs := 0, []error(nil)
	for _, e := range entries {
		key, err := d.check(ctx, &e)
		switch {
		case errors.Is(err, sessions.ErrRotated), errors.Is(err, ErrUnreadable):
		case errors.Is(err, ErrNoDevice):
			gone = append(gone, e.Session)
		case err != nil:
			return err
		default:
			if live++; live <= d.options.Limit {
				continue
			}
			if err := d.manager.Revoke(ctx, key, userID); err != nil {
				errs = append(errs, err)
				continue
			}
			gone = append(gone, e.Session)
		}
	}
	d.drop(ctx, userID, gone)
	return errors.Join(errs...)
}

// remoteHost is the host of RemoteAddr.
func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// maxText is as wide as the index's columns.
const maxText = 255

// clean makes of what a client has sent a text that every index keeps as it is.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	for i := range text { // the beginnings of characters
		if i > maxText-4 {
			return text[:i]
		}
	}
	return text
}
