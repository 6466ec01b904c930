package engine

import (
	"context"
	"time"

	"github.com/keepsake-go/sessions"
)

// ClearExpired implements sessions.Clearer, in short steps: Django's condition,
// which spares what ends at this very moment. Traces that have had their time go
// with the last batch, and don't count.
func (s *sqlStore) ClearExpired(ctx context.Context, limit int) (int, error) {
	now := s.now()
	n, err := s.clear(ctx, s.text.clear, now, limit)
	if err != nil || n == limit {
		return n, err
	}
	for traces := limit; err == nil && traces == limit; {
		traces, err = s.clear(ctx, s.text.clearTraces, now.Add(-sessions.RotationTrace), limit)
	}
	return n, err
}

func (s *sqlStore) clear(ctx context.Context, text string, before time.Time, limit int) (int, error) {
	n, err := s.db.Clear(ctx, text, s.db.Date(before), limit)
	return n, s.failed("clear expired", err)
}
