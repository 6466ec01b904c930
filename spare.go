package sessions

import (
	"net/http"
	"slices"
	"time"
)

// A browser keeps the cookie of whichever response comes last, and responses
// overtake each other. So one that was given before a login and comes after the
// login's would take the login's cookie away, as at Django: it carries the key from
// before. Those that meet a login are a page's own requests (fetch, images, frames'
// scripts); a browser says which they are, on HTTPS and on localhost. They save like
// all others, but they neither move the expiry nor send the cookie when that was done
// lately: at most a twentieth of the session's life ago. The browser has that cookie
// already, under the same key and with an expiry that is nearly the same.

// pagesOwn reports whether a page has sent the request, rather than a visitor who
// opens one. Browsers that don't say so are not known (Fetch Metadata, Sec-Fetch-Mode).
func pagesOwn(h http.Header) bool {
	mode := h.Get("Sec-Fetch-Mode")
	return mode != "" && mode != "navigate"
}

// spares reports whether a save can leave the cookie that the browser has as it is.
// The caller holds s.mu.
func (s *Session) spares() bool {
	return s.m.store != nil && !s.moved && !s.several && !s.assigned && s.r != nil && pagesOwn(s.r.Header) &&
		!slices.ContainsFunc(s.edits, func(e edit) bool { return e.movesExpiry() })
}

// renewedLately reports whether an expiry need not be moved from what is stored to
// next. Where the store doesn't tell it, this process remembers when the cookie was
// sent.
func (m *Manager) renewedLately(key string, stored, next time.Time, values *Values) bool {
	now := m.now()
	interval := next.Sub(now) / 20
	if l := m.settings.limits(values); l.idle > 0 {
		interval = min(interval, m.settings.touchInterval(l.idle))
	}
	if stored.IsZero() {
		return !m.renewals.Over(key, now, interval)
	}
	return next.Sub(stored).Abs() < interval // some stores round up
}
