package config

import (
	"time"

	"github.com/keepsake-go/sessions"
)

// presets are the names that TIMEOUTS knows: NIST's assurance levels.
var presets = map[string]func() sessions.Timeouts{
	"AAL1": sessions.AAL1, "AAL2": sessions.AAL2, "AAL3": sessions.AAL3,
}

// timeouts reads TIMEOUTS, and what stands above a part of it, IDLE_TIMEOUT and
// ABSOLUTE_TIMEOUT: whole seconds, 0 for none.
func (l *loader) timeouts(t table) sessions.Timeouts {
	var timeouts sessions.Timeouts
	if name := l.optional(t, "TIMEOUTS"); name != "" {
		if preset := presets[name]; preset != nil {
			timeouts = preset()
		} else {
			l.wrong(t["TIMEOUTS"], `TIMEOUTS must be "AAL1", "AAL2" or "AAL3"; IDLE_TIMEOUT and ABSOLUTE_TIMEOUT take numbers of seconds`)
		}
	}
	timeouts.Idle = l.wholeSeconds(t, "IDLE_TIMEOUT", timeouts.Idle)
	timeouts.Absolute = l.wholeSeconds(t, "ABSOLUTE_TIMEOUT", timeouts.Absolute)
	if timeouts.Absolute > 0 && timeouts.Idle > timeouts.Absolute {
		r := t["IDLE_TIMEOUT"]
		if r == nil {
			r = t["ABSOLUTE_TIMEOUT"]
		}
		l.wrong(r, "IDLE_TIMEOUT (%v) is longer than ABSOLUTE_TIMEOUT (%v)", timeouts.Idle, timeouts.Absolute)
		return sessions.Timeouts{}
	}
	return timeouts
}

func (l *loader) wholeSeconds(t table, name string, def time.Duration) time.Duration {
	return time.Duration(l.bounded(t, name, int64(def/time.Second), 0)) * time.Second
}

// durationFrom is duration for one that must not be shorter than least; 0 is the
// default.
func (l *loader) durationFrom(t table, name string, least time.Duration) time.Duration {
	d := l.duration(t, name, 0)
	if d != 0 && d < least {
		l.wrong(t[name], "%s must be 0 or at least %v", name, least)
		return 0
	}
	return d
}

// adviseTimeouts warns of an idle timeout that ends nothing.
func (l *loader) adviseTimeouts(c *Config) {
	if st := c.settings; st.Timeouts.Idle > st.CookieAge {
		l.warn("IDLE_TIMEOUT is longer than SESSION_COOKIE_AGE (%v), which ends sessions first: a use renews both.", st.CookieAge)
	}
}
