package sessions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"
)

// Where a session's timeouts are stored, in whole seconds: the idle time, and
// when the session ends in seconds since 1970. 0 is none. Django, which has no
// timeouts, ignores the names and gives the values back as they are.
const (
	idleName  = "_keepsake_idle"
	untilName = "_keepsake_until"
)

// Timeouts end a session on the server, whatever its cookie and its expiry say:
// the session ends with whatever comes first. Django has no timeouts. The zero
// value is none; both are whole seconds.
//
// Idle ends a session that was not used for so long. A request uses its session
// when it looks into it (Session.Accessed) and is not answered with 500 or more.
// One that only reads moves the stored expiry and sends the cookie anew, without
// writing the values, and that at most once in Settings.TouchInterval: so a
// session ends after Idle at the latest, and up to an interval sooner. Reading
// then counts as a save for CookieAge and ExpireAfter, too.
//
// Absolute ends a session so long after it began, however much it is used: after
// SetTimeouts, else after it was first stored, or first used here when a Django
// made it. Its end is stored with the values; CycleKey and Clear keep it. Two
// things begin anew: Flush, and another SetTimeouts.
//
// Clocks that jump: the end is a fixed date, so nothing that a clock does moves
// it, and no touch goes beyond it. A clock that jumps forward ends sessions that
// are used meanwhile, for nothing tells it from time that has passed. After it
// has jumped back, the next use puts the idle expiry right again, down as well as
// up; a session that nobody uses may stay until the expiry that was stored, at
// most until its end.
//
// A session that a Django shares: Django enforces the expire_date that is stored,
// which is the sooner of both timeouts and of its own expiry, and writes a longer
// one when it saves. Absolute holds nevertheless. For Idle the last use is then
// Django's last save, as far as payload and expiry tell; pages of Django's that
// only read leave no trace. A cache that does not say when its values end can't
// tell of Django's saves: until the next use here the session is Django's.
type Timeouts struct {
	Idle     time.Duration
	Absolute time.Duration
}

// AAL1 is the reauthentication of NIST SP 800-63B (revision 3, section 4.1.3):
// after 30 days. It needs a CookieAge, or an expiry, that is as long.
func AAL1() Timeouts { return Timeouts{Absolute: 30 * 24 * time.Hour} }

// AAL2 is section 4.2.3: after 12 hours, or 30 minutes without activity.
func AAL2() Timeouts { return Timeouts{Idle: 30 * time.Minute, Absolute: 12 * time.Hour} }

// AAL3 is section 4.3.3: after 12 hours, or 15 minutes without activity.
func AAL3() Timeouts { return Timeouts{Idle: 15 * time.Minute, Absolute: 12 * time.Hour} }

// validate reports what is wrong with the timeouts.
func (t Timeouts) validate() error {
	for _, part := range []struct {
		name string
		d    time.Duration
	}{{"Idle", t.Idle}, {"Absolute", t.Absolute}} {
		switch {
		case part.d < 0:
			return fmt.Errorf("%s is negative: %v", part.name, part.d)
		case part.d%time.Second != 0:
			return fmt.Errorf("%s must be whole seconds, not %v", part.name, part.d)
		}
	}
	if t.Absolute > 0 && t.Idle > t.Absolute {
		return fmt.Errorf("Idle (%v) is longer than Absolute (%v)", t.Idle, t.Absolute) //nolint:staticcheck // a field's name
	}
	return nil
}

// SetTimeouts gives this session timeouts of its own in place of the Settings',
// at a login by class of user for instance; a zero field is none. Absolute begins
// now. Wrong timeouts are an *EncodeError in s.Err, which fails the save, and so
// is Idle for a cookie engine whose codec keeps no date.
func (s *Session) SetTimeouts(t Timeouts) {
	s.lock()
	defer s.mu.Unlock()
	if !s.openToChange() {
		return
	}
	err := t.validate()
	if err == nil && t.Idle > 0 {
		err = s.m.canIdle()
	}
	if err != nil {
		s.refuse(&EncodeError{Name: idleName, Err: err})
		return
	}
	s.change(edit{op: opSet, name: idleName, member: secondsMember(idleName, int64(t.Idle/time.Second))})
	var until int64
	if t.Absolute > 0 {
		until = s.m.now().Add(t.Absolute).Unix()
	}
	s.change(edit{op: opSet, name: untilName, member: secondsMember(untilName, until)})
}

// IdleTimeout is how long the session may be unused; 0: as long as it lives.
func (s *Session) IdleTimeout() time.Duration {
	s.lock()
	defer s.mu.Unlock()
	if !s.open() {
		return 0
	}
	return s.m.settings.limits(&s.values).idle
}

// Deadline is when the session ends however much it is used, the end that
// Timeouts.Absolute has set. The zero time: it has none, or is not stored yet.
func (s *Session) Deadline() time.Time {
	s.lock()
	defer s.mu.Unlock()
	if !s.open() {
		return time.Time{}
	}
	return s.m.settings.limits(&s.values).until
}

// canIdle reports why the engine can't end sessions that are not used.
func (m *Manager) canIdle() error {
	if _, dated := m.codec.(DatedCodec); m.store == nil && !dated {
		return fmt.Errorf("%w: an idle timeout needs a store, or a codec that keeps the date", ErrUnsupported)
	}
	return nil
}

func secondsMember(name string, seconds int64) Member {
	return Member{Name: name, JSON: strconv.FormatInt(seconds, 10)}
}

// storedSeconds reads what secondsMember has made. What is anything else is as
// if it were not there.
func storedSeconds(values *Values, name string) (int64, bool) {
	m, found := values.Get(name)
	if !found {
		return 0, false
	}
	seconds, err := strconv.ParseInt(m.JSON, 10, 64)
	return seconds, err == nil
}

// limits are the timeouts that a session is under.
type limits struct {
	idle  time.Duration // 0: none
	until time.Time     // zero: none
}

func (st *Settings) limits(values *Values) limits {
	l := limits{idle: st.Timeouts.Idle}
	if seconds, found := storedSeconds(values, idleName); found && seconds >= 0 {
		l.idle = time.Duration(min(seconds, math.MaxInt64/int64(time.Second))) * time.Second
	}
	if seconds, found := storedSeconds(values, untilName); found && seconds != 0 {
		l.until = maxDate
		if seconds < maxDate.Unix() {
			l.until = time.Unix(max(seconds, 1), 0).UTC() // before 1970 is as gone as 1970
		}
	}
	return l
}

// date is when a session ends that was used at that moment, and would end at
// date without timeouts.
func (l limits) date(used, date time.Time) time.Time {
	if l.idle > 0 {
		if end := withinYears(used.Add(l.idle)); end.Before(date) {
			date = end
		}
	}
	if !l.until.IsZero() && l.until.Before(date) {
		date = l.until
	}
	return date
}

// age is date as a time from then on, the deadline in whole seconds, rounded down.
func (l limits) age(used time.Time, age time.Duration) time.Duration {
	if l.idle > 0 {
		age = min(age, l.idle)
	}
	if !l.until.IsZero() {
		age = min(age, wholeSeconds(l.until.Sub(used)))
	}
	return age
}

// unbegun reports whether the session has yet to be given its deadline.
func (st *Settings) unbegun(values *Values) bool {
	if st.Timeouts.Absolute == 0 {
		return false
	}
	_, found := storedSeconds(values, untilName)
	return !found
}

// begin gives the session its deadline, if it has yet to be given one.
func (m *Manager) begin(values *Values) {
	if m.settings.unbegun(values) {
		values.shared = true // others may hold the members
		values.Set(secondsMember(untilName, m.now().Add(m.settings.Timeouts.Absolute).Unix()))
	}
}

// touchInterval is how far a stored expiry may be off: TouchInterval, or a
// twentieth of the idle time between a second and a minute.
func (st *Settings) touchInterval(idle time.Duration) time.Duration {
	interval := st.TouchInterval
	if interval == 0 {
		interval = min(max(idle/20, time.Second), time.Minute)
	}
	return min(interval, idle/2)
}

// ended reports whether the timeouts have ended a session that the store still
// holds, because a Django, or a Manager without timeouts, has given it an expiry
// of its own.
func (m *Manager) ended(record Record, values *Values) bool {
	l := m.settings.limits(values)
	if l.idle == 0 && l.until.IsZero() {
		return false
	}
	now := m.now()
	if !l.until.IsZero() && !now.Before(l.until) {
		return true
	}
	if l.idle == 0 || !record.Expires.After(now.Add(l.idle+m.settings.touchInterval(l.idle))) {
		return false // it has no expiry, or one of ours
	}
	dated, ok := m.codec.(DatedCodec)
	if !ok {
		return false
	}
	_, written, err := dated.DecodeDated(record.Data)
	if err != nil {
		return false
	}
	// By Django's rule the expiry is its age after the last use, which was not
	// before the last write. Else the expiry is ours, and the clock has jumped
	// back since. (Dates of codecs are whole seconds.)
	used := record.Expires.Add(-storedExpiry(values, m.settings).age(written, m.settings))
	if used.Before(written.Add(-time.Second)) {
		return false
	}
	if used.After(now) { // a longer age than ours: only the write is known
		used = written
	}
	return !now.Before(used.Add(l.idle))
}

// errTimedOut says of a record that its timeouts have ended the session.
var errTimedOut = fmt.Errorf("%w: it has timed out", ErrNotFound)

// endTimedOut ends a record whose session has timed out for those, too, who look
// at its expiry only: Django, and who clears expired sessions. Whatever prevents
// it, the next request that comes with the key does it.
func (m *Manager) endTimedOut(ctx context.Context, key string, record Record) {
	ctx, own := m.saveContext(ctx)
	defer own.cancel()
	_, err := m.store.Replace(ctx, key, record, Record{Data: record.Data, Expires: m.now()})
	if err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
		m.log.WarnContext(ctx, "sessions: a session that has timed out was not removed", m.keyAttr(key), slog.Any("error", err))
	}
}

// slides reports whether a request that has used the session, and not changed it, may
// have to renew it. The caller holds s.mu.
func (s *Session) slides() bool {
	return s.m.settings.limits(&s.values).idle > 0 || s.m.settings.unbegun(&s.values)
}

// renew keeps a session alive that slides, and that this request has used and not
// changed. It reports whether its cookie is to be sent. A failure does not fail the
// request, which has asked for nothing to be written: the session only ends sooner.
// The caller holds s.mu.
func (s *Session) renew(rq *request) bool {
	m := s.m
	l := m.settings.limits(&s.values)
	begins := m.settings.unbegun(&s.values)
	now := m.now()
	expiry := storedExpiry(&s.values, m.settings)
	expires := l.date(now, expiry.date(now, m.settings))
	if !begins {
		interval := m.settings.touchInterval(l.idle)
		off := expires.Sub(s.record.Expires).Abs()
		if !s.record.Expires.IsZero() && off < interval || m.store != nil && !m.touches.Due(s.key, now, interval) {
			return false
		}
	}

	ctx, own := m.saveContext(rq)
	defer own.cancel()
	var err error
	switch {
	case m.store == nil:
		err = s.encodeIntoKey(s.values)
	case begins:
		c := &change{snapshot: snapshot{s.record, s.values}, spares: s.spares()}
		if err = m.saves.save(ctx, m, s.key, c); err == nil {
			s.keep(s.key, c)
			return c.renewed
		}
	default:
		// Not through the saver: whoever has written meanwhile has renewed it.
		var record Record
		record, err = m.store.Replace(ctx, s.key, s.record, Record{Data: s.record.Data, Expires: expires})
		if err == nil {
			s.record = record
			return !expiry.atBrowserClose(m.settings)
		}
	}
	switch {
	case err == nil:
		return true
	case errors.Is(err, ErrConflict), errors.Is(err, ErrNotFound), errors.Is(err, ErrInterrupted):
		// A parallel request has written it, ended it, or given it another key.
	default:
		m.log.WarnContext(&withoutSession{rq}, "sessions: the expiry was not renewed", m.keyAttr(s.key), slog.Any("error", err))
	}
	return false
}
