package sessions

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
)

// heaviest returns the three values that weigh most.
func heaviest(values *Values) []Weight {
	weights := make([]Weight, 0, values.Len())
	for m := range values.All() {
		weights = append(weights, Weight{m.Name, len(m.Name) + len(m.JSON) + len(m.Opaque)})
	}
	slices.SortStableFunc(weights, func(a, b Weight) int { return cmp.Compare(b.Size, a.Size) })
	return weights[:min(len(weights), 3)]
}

// checkSize refuses a session that is too large to be kept.
func (m *Manager) checkSize(data string, values *Values) error {
	size, limit := len(data), m.settings.MaxSize
	if m.store == nil {
		size, limit = size+len(m.settings.CookieName), cookieLimit
	}
	if limit > 0 && size > limit {
		return &TooLargeError{Size: size, Limit: limit, Heaviest: heaviest(values)}
	}
	return nil
}

// sizeWarner remembers which sessions it has warned of: a bounded number, after
// which it begins anew.
type sizeWarner struct {
	mu     sync.Mutex
	warned map[string]struct{}
}

const maxWarned = 1000

// warnSize logs a large session, once.
func (m *Manager) warnSize(key string, size int, values *Values) {
	limit := m.settings.WarnSize
	if limit == 0 {
		limit = defaultWarnSize
	}
	if limit < 0 || size < limit {
		return
	}
	m.large.mu.Lock()
	_, warned := m.large.warned[key]
	if !warned {
		if m.large.warned == nil || len(m.large.warned) >= maxWarned {
			m.large.warned = map[string]struct{}{}
		}
		m.large.warned[key] = struct{}{}
	}
	m.large.mu.Unlock()
	if !warned {
		m.log.Warn("sessions: large session", m.keyAttr(key), slog.Int("bytes", size),
			slog.String("heaviest", weightText(heaviest(values))))
	}
}
