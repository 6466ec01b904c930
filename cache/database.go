package cache

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keepsake-go/sessions/internal/sqldialect"
)

// DatabaseOptions are the choices of NewDatabase. Table is required; the zero
// value of the others keeps everything until it ends.
type DatabaseOptions struct {
	// Table is the table's name: Django's LOCATION.
	Table string

	// Dialect is "sqlite", "postgresql" or "mysql"; "" finds out from the
	// driver.
	Dialect string

	// MaxEntries is how many values are kept (0: no limit). When an Add or Set
	// finds more, some make room, the first in the order of their keys: Django's
	// MAX_ENTRIES.
	MaxEntries int

	// CullFrequency is which part makes room: one in so many (0: 3, Django's
	// default; negative: all of them, Django's 0). Django's CULL_FREQUENCY.
	CullFrequency int

	// OnCull, unless nil, is called when values that had not ended were dropped
	// for room, with how many they were. It must not use the cache.
	OnCull func(live int)

	// TimeZone is the zone of the dates that SQLite and MySQL keep: nil, UTC,
	// beside a Django with USE_TZ; its TIME_ZONE beside one without.
	TimeZone *time.Location

	Clock func() time.Time // nil: time.Now
}

// Database keeps values in a table: Django's DatabaseCache, in the table that
// createcachetable makes. Make it with NewDatabase; it is safe for concurrent
// use, by several processes too.
//
// Values end on whole seconds: a ttl is rounded up, and Django's own are rounded
// down. Rows of values that have ended go when somebody asks for their key, when
// room is made, and with ClearExpired. A row that can't be read is ErrCorrupt.
// Each Add and Set counts the rows, unless MaxEntries is 0, as in Django.
//
// On MySQL the table may compare keys without case. Two keys that differ in
// nothing else can't both be stored then: the second is refused.
type Database struct {
	db    *sqldialect.DB
	table string
	room  *room
	now   func() time.Time
	text  databaseTexts
}

// NewDatabase reports a missing db or Table, an unknown dialect, and a name that
// would need escaping. It does not ask the database, and never closes it.
func NewDatabase(db *sql.DB, o DatabaseOptions) (*Database, error) {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("cache: database: "+format, args...))
	}
	var d *sqldialect.Dialect
	var err error
	if db == nil {
		wrong("the *sql.DB is missing")
	} else if d, err = sqldialect.Find(db, o.Dialect); err != nil {
		wrong("%w", err)
	}
	if o.Table == "" {
		wrong("Table (LOCATION) is missing")
	} else if err := sqldialect.CheckTable(o.Table, d); err != nil {
		wrong("%w", err)
	}
	if o.MaxEntries < 0 {
		wrong("MaxEntries (MAX_ENTRIES) is negative: %d", o.MaxEntries)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &Database{
		db: sqldialect.New(db, d, o.TimeZone), table: o.Table, now: o.Clock,
		room: newRoom(o.MaxEntries, o.CullFrequency, o.OnCull), text: newDatabaseTexts(d, o.Table),
	}, nil
}

// NotifyCull implements Culler.
func (c *Database) NotifyCull(f func(live int)) { c.room.notify(f) }

// databaseEnd is the last date of Django's: a value that ends then never ends.
var databaseEnd = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// ends is when a value ends that is stored now, as it is bound, and as callers
// have it.
func (c *Database) ends(ttl time.Duration) (date string, ends time.Time) {
	if ttl != NoEnd {
		ends = c.now().Add(ttl).Add(time.Second - 1).Truncate(time.Second)
	}
	if ttl == NoEnd || ends.Year() >= databaseEnd.Year() {
		if c.db.Numbered {
			return c.db.Date(databaseEnd), time.Time{}
		}
		return databaseEnd.Format(time.DateTime), time.Time{} // in every zone
	}
	return c.db.Date(ends), ends
}

func encodeRow(value string) string { return base64.StdEncoding.EncodeToString([]byte(value)) }

// errForeignRow: the table takes the key for another one, which it holds.
var errForeignRow = errors.New("the table can't tell the key from another one in it")

// checkKey refuses a key that would be cut.
func (c *Database) checkKey(key string) error {
	if c.db.Dialect != sqldialect.SQLite && utf8.RuneCountInString(key) > 255 {
		return errors.New("the key has more than 255 characters")
	}
	return nil
}

// row reads a row that lives.
func (c *Database) row(ctx context.Context, key string) (Item, error) {
	row, err := c.db.Row(ctx, c.text.get, c.db.Key(key)...)
	if err != nil {
		return Item{}, err
	}
	var encoded string
	var date any
	if err := row.Scan(&encoded, &date); errors.Is(err, sql.ErrNoRows) {
		return Item{}, ErrMiss
	} else if err != nil {
		return Item{}, err
	}
	ends, text, err := c.db.ScanDate(date)
	if err != nil {
		return Item{}, fmt.Errorf("%w: expires is %w", ErrCorrupt, err)
	}
	if c.db.Dialect != sqldialect.SQLite { // which compares dates as texts
		text = c.db.Date(ends)
	}
	if !ends.After(c.now()) {
		// As Django does. If it fails it is a miss all the same.
		_, _ = c.db.Write(ctx, c.text.removeEnded, append(c.db.Key(key), c.db.Date(c.now()))...)
		return Item{}, ErrMiss
	}
	value, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") { // which Go skips
		return Item{}, fmt.Errorf("%w: not base64", ErrCorrupt)
	}
	if ends.Year() >= databaseEnd.Year() {
		ends = time.Time{}
	}
	return Item{Value: string(value), Ends: ends, Token: text}, nil
}

// Get implements Cache.
func (c *Database) Get(ctx context.Context, key string) (Item, error) {
	if err := ctx.Err(); err != nil {
		return Item{}, err
	}
	item, err := c.row(ctx, key)
	return item, failedDatabase("get", err)
}

// Add implements Cache.
func (c *Database) Add(ctx context.Context, key, value string, ttl time.Duration) (Item, error) {
	date, ends := c.ends(ttl)
	item := Item{Value: value, Ends: ends, Token: date}
	if err := c.prepare(ctx, key); err != nil {
		return Item{}, failedDatabase("add", err)
	}
	for range 3 {
		if ttl > 0 {
			_, err := c.db.Write(ctx, c.text.insert, key, encodeRow(value), date)
			if err == nil {
				return item, nil
			}
			if !c.db.Duplicate(err, "cache_key") {
				return Item{}, failedDatabase("add", err)
			}
			// What has ended is free.
			args := append([]any{encodeRow(value), date}, c.db.Key(key)...)
			n, err := c.db.Write(ctx, c.text.takeOver, append(args, c.db.Date(c.now()))...)
			if err != nil {
				return Item{}, failedDatabase("add", err)
			}
			if n > 0 {
				return item, nil
			}
		}
		switch _, err := c.row(ctx, key); {
		case err == nil:
			return Item{}, ErrExists
		case !errors.Is(err, ErrMiss):
			return Item{}, failedDatabase("add", err)
		case ttl <= 0:
			return item, nil
		}
	}
	return Item{}, failedDatabase("add", errForeignRow)
}

// Swap implements Cache. A value that was replaced by an equal one has changed,
// unless it ends in the same second.
func (c *Database) Swap(ctx context.Context, key string, old Item, value string, ttl time.Duration) (Item, error) {
	if err := ctx.Err(); err != nil {
		return Item{}, err
	}
	date, ends := c.ends(ttl)
	item := Item{Value: value, Ends: ends, Token: date}
	text, where := c.text.swap, append(c.db.Key(key), encodeRow(old.Value), c.db.Date(c.now()))
	stamp, known := old.Token.(string)
	if old.Token != nil {
		text = c.text.swapDated
		where = append(where, stamp)
	}
	args := append([]any{encodeRow(value), date}, where...)
	if ttl <= 0 {
		args = where
		if text = c.text.end; old.Token != nil {
			text = c.text.endDated
		}
	}
	if old.Token == nil || known {
		n, err := c.db.Write(ctx, text, args...)
		if err == nil && n > 0 {
			return item, nil
		}
		if err != nil && !c.db.Collided(err) {
			return Item{}, failedDatabase("swap", err)
		}
	}
	current, err := c.row(ctx, key)
	if err != nil {
		return Item{}, failedDatabase("swap", err)
	}
	same := current.Value == old.Value && (old.Token == nil || current.Token == old.Token)
	if ttl > 0 && same && current.Value == value && current.Token == date {
		return item, nil // MySQL does not count a row that a write leaves as it was
	}
	return current, ErrConflict
}

// Set implements Cache.
func (c *Database) Set(ctx context.Context, key, value string, ttl time.Duration) error {
	if ttl <= 0 {
		return c.Delete(ctx, key)
	}
	if err := c.prepare(ctx, key); err != nil {
		return failedDatabase("set", err)
	}
	date, _ := c.ends(ttl)
	for range 3 {
		n, err := c.db.Write(ctx, c.text.update, append([]any{encodeRow(value), date}, c.db.Key(key)...)...)
		if err != nil || n > 0 {
			return failedDatabase("set", err)
		}
		if _, err = c.db.Write(ctx, c.text.insert, key, encodeRow(value), date); err == nil {
			return nil
		}
		if !c.db.Duplicate(err, "cache_key") {
			return failedDatabase("set", err)
		}
		switch current, err := c.row(ctx, key); {
		case err == nil && current.Value == value && current.Token == date:
			return nil // as in Swap
		case err != nil && !errors.Is(err, ErrMiss) && !errors.Is(err, ErrCorrupt):
			return failedDatabase("set", err)
		}
	}
	return failedDatabase("set", errForeignRow)
}

// Delete implements Cache.
func (c *Database) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := c.db.Write(ctx, c.text.remove, c.db.Key(key)...)
	return failedDatabase("delete", err)
}

// failedDatabase says a database's errors in a cache's words.
func failedDatabase(what string, err error) error {
	switch {
	case err == nil, errors.Is(err, ErrMiss):
		return err
	case sqldialect.IsUnsure(err):
		err = fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	return fmt.Errorf("cache: database: %s: %w", what, err)
}
