package cache

import (
	"context"
	"time"
)

// Copier is a Cache that may keep copies of values in the process, for a while
// and only where its owner has asked for it. All methods of Cache are as exact as
// ever: only GetCopy uses the copies.
type Copier interface {
	// GetCopy is Get, but may return what the process has read a moment ago. It
	// sees this process's own writes at once. Those of others it may miss, but
	// never for longer than CopyLife after they were done; a value is not
	// returned after its end.
	GetCopy(ctx context.Context, key string) (Item, error)

	// CopyLife is how long a copy is used, the same at each call; 0: there are
	// none, and GetCopy is Get.
	CopyLife() time.Duration
}
