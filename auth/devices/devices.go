package devices

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/lately"
)

// Options say how devices are kept. Only Index is required.
type Options struct {
	// Index is where it is kept which sessions a user has.
	Index Index

	// Limit is how many sessions a user may have at once; 0 is any number. When a
	// login makes more, or a session that a Django has made is seen first, those
	// end that were seen the longest ago; of those seen at once the one of the
	// lesser handle. What "seen" means is up to Interval. After a failure of the
	// index or the store the user has one more until the next time.
	Limit int

	// Interval is how exact LastSeen is, and with it Address and UserAgent: each
	// process writes them at most once in it. 0: five minutes.
	Interval time.Duration

	// Address is where a request is from. Nil is the host of RemoteAddr: behind a
	// proxy, that is the proxy's.
	Address func(*http.Request) string

	// PageSize is how many devices List returns at once. 0: 20.
	PageSize int
}

// Devices knows the sessions that users are logged in with. It is the Tracker of
// an auth.Auth on the same Manager, and safe for concurrent use.
type Devices struct {
	manager  *sessions.Manager
	settings sessions.Settings
	options  Options
	sealers  sealers
	seen     lately.Keys
	log      *slog.Logger
	patience time.Duration // how long a rotation may be on its way to the index
}

// Device is a session that a user is logged in with.
type Device struct {
	// Handle names the device towards its user, in a form for instance. It is
	// random, says nothing of the session's key, and stays when that changes.
	Handle string

	Created   time.Time // of the login; for one at Django, when it was first seen here
	LastSeen  time.Time // to the Interval
	Address   string    // where it was seen last; "" if that is not known
	UserAgent string    // what it called itself then; anybody can write anything here
	Backend   string    // how the user was authenticated: the backend's Name
	Current   bool      // it is the session of the request that ctx belongs to
}

// New puts a Manager and an index together. The error names everything that is
// wrong with the options. The index is not asked; see Migrate.
func New(m *sessions.Manager, o Options) (*Devices, error) {
	var errs []error
	wrong := func(text string) { errs = append(errs, errors.New("devices: "+text)) }
	if m == nil {
		wrong("no Manager")
	}
	if o.Index == nil {
		wrong("no Index")
	}
	if o.Limit < 0 || o.Interval < 0 || o.PageSize < 0 {
		wrong("a negative number in the options")
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	// A cookie engine could neither list nor end anything.
	if _, err := m.Stored(context.Background(), ""); errors.Is(err, sessions.ErrUnsupported) {
		return nil, fmt.Errorf("devices: %w", err)
	}
	if o.Interval == 0 {
		o.Interval = 5 * time.Minute
	}
	if o.PageSize == 0 {
		o.PageSize = 20
	}
	if o.Address == nil {
		o.Address = remoteHost
	}
	d := &Devices{manager: m, settings: m.Settings(), options: o, patience: 2 * time.Second}
	if d.log = d.settings.Logger; d.log == nil {
		d.log = slog.Default()
	}
	var err error
	if d.sealers, err = newSealers(d.settings.SecretKey, d.settings.SecretKeyFallbacks); err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	if x, ok := able[clocked](o.Index); ok {
		x.setClock(d.now)
	}
	return d, nil
}

// Migrate makes what the index needs before its first use, a table for instance,
// and reports whether anything was missing.
func (d *Devices) Migrate(ctx context.Context) (bool, error) {
	if migrator, ok := able[sessions.Migrator](d.options.Index); ok {
		return migrator.Migrate(ctx)
	}
	return false, nil
}

// ClearExpired removes what the index has of sessions whose time is over, and
// returns how much it was. Listing a user's devices does so as well; this is for
// users who never come back. Call it where sessions.Manager.ClearExpired is
// called.
func (d *Devices) ClearExpired(ctx context.Context) (int, error) {
	clearer, ok := able[sessions.Clearer](d.options.Index)
	if !ok {
		return 0, nil
	}
	const batch = 5000
	for cleared := 0; ; {
		n, err := clearer.ClearExpired(ctx, batch)
		if cleared += n; err != nil || n < batch {
			return cleared, err
		}
	}
}

// now is the present by Settings.Clock, to the microsecond.
func (d *Devices) now() time.Time {
	now := time.Now()
	if d.settings.Clock != nil {
		now = d.settings.Clock()
	}
	return now.UTC().Truncate(time.Microsecond)
}
