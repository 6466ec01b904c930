package engine

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/sqldialect"
)

// sqlStore is a sessions.Store in one table. A record is recognised by what
// Django's table has: its data and its expire_date, so the table needs no
// version column and Django can write to it at any time.
type sqlStore struct {
	db      *sqldialect.DB
	table   string
	columns []Column
	codec   sessions.Codec // decodes for the columns
	now     func() time.Time
	text    sqlTexts
}

func newSQLStore(e DatabaseEngine, d *sqldialect.Dialect, c sessions.Codec, st sessions.Settings) *sqlStore {
	zone := e.TimeZone // nil: UTC
	if !st.UseTZ {
		zone = st.TimeZone
	}
	s := &sqlStore{
		db: sqldialect.New(e.DB, d, zone), table: e.Table, columns: e.Columns, codec: c,
		now: st.Clock, text: newSQLTexts(d, e.Table, e.Columns),
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// setCodec implements decodingStore.
func (s *sqlStore) setCodec(c sessions.Codec) { s.codec = c }

// match is what identifies a record that is still old, and lives.
func (s *sqlStore) match(args []any, key string, old sessions.Record) []any {
	date, ok := old.Token.(string) // as it is stored, which need not be spelled as we would
	if !ok {
		date = s.db.Date(old.Expires)
	}
	return append(append(args, s.db.Key(key)...), old.Data, date, s.db.Date(s.now()))
}

// extra adds the values of the columns.
func (s *sqlStore) extra(args []any, rec sessions.Record) ([]any, error) {
	if len(s.columns) == 0 {
		return args, nil
	}
	values, err := s.codec.Decode(rec.Data)
	if err != nil {
		return nil, err
	}
	for _, c := range s.columns {
		args = append(args, c.Value(&values))
	}
	return args, nil
}

// Load implements sessions.Store.
func (s *sqlStore) Load(ctx context.Context, key string) (sessions.Record, error) {
	rec, err := s.row(ctx, key)
	if err == nil {
		if rec.Expires.After(s.now()) {
			return rec, nil
		}
		return sessions.Record{}, sessions.ErrNotFound
	}
	if !errors.Is(err, sessions.ErrNotFound) {
		return sessions.Record{}, err
	}
	switch trace, traceErr := s.row(ctx, traceKey(key)); {
	case traceErr == nil && trace.Expires.Add(sessions.RotationTrace).After(s.now()):
		return sessions.Record{}, sessions.ErrRotated
	case traceErr == nil, errors.Is(traceErr, sessions.ErrNotFound):
		return sessions.Record{}, sessions.ErrNotFound
	default:
		return sessions.Record{}, traceErr
	}
}

// row reads one row, expired or not.
func (s *sqlStore) row(ctx context.Context, key string) (sessions.Record, error) {
	row, err := s.db.FindOne(ctx, s.text.load, key)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return sessions.Record{}, sessions.ErrNotFound
	case err != nil:
		return sessions.Record{}, s.failed("load", err)
	}
	expires, text, err := s.db.ScanDate(row.Date)
	if err != nil {
		return sessions.Record{}, fmt.Errorf("%w: expire_date is %w", sessions.ErrCorrupt, err)
	}
	rec := sessions.Record{Data: row.Text, Expires: expires}
	if text != "" {
		rec.Token = text // as it is stored, which need not be spelled as we would
	}
	return rec, nil
}

// stored is rec as Load would return it.
func (s *sqlStore) stored(rec sessions.Record) sessions.Record {
	rec.Token = nil
	rec.Expires = rec.Expires.Truncate(time.Microsecond)
	return rec
}

// Create implements sessions.Store.
func (s *sqlStore) Create(ctx context.Context, key string, rec sessions.Record) (sessions.Record, error) {
	args, err := s.extra([]any{key, rec.Data, s.db.Date(rec.Expires)}, rec)
	if err != nil {
		return sessions.Record{}, err
	}
	_, err = s.writeOne(ctx, "create", s.text.insert, args...)
	if errors.Is(err, sessions.ErrExists) {
		// An expired record is free.
		removed, removeErr := s.write(ctx, "create", s.text.removeExpired, append(s.db.Key(key), s.db.Date(s.now()))...)
		if removeErr != nil {
			return sessions.Record{}, removeErr
		}
		if removed > 0 {
			_, err = s.writeOne(ctx, "create", s.text.insert, args...)
		}
	}
	if err != nil {
		return sessions.Record{}, err
	}
	return s.stored(rec), nil
}

// Replace implements sessions.Store.
func (s *sqlStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	text, args := sqldialect.Statement{One: s.text.touch}, []any{s.db.Date(new.Expires)}
	if new.Data != old.Data {
		var err error
		text = s.text.replace
		if args, err = s.extra([]any{new.Data, s.db.Date(new.Expires)}, new); err != nil {
			return sessions.Record{}, err
		}
	}
	n, err := s.writeOne(ctx, "replace", text, s.match(args, key, old)...)
	switch {
	case err == nil && n > 0:
		return s.stored(new), nil
	case err != nil && !s.db.Collided(err):
		return sessions.Record{}, err
	}
	current, err := s.conflict(ctx, key)
	if errors.Is(err, sessions.ErrConflict) && s.equal(old, new) && s.equal(old, current) {
		return current, nil // MySQL does not count a row that a write leaves as it was
	}
	return current, err
}

func (s *sqlStore) equal(a, b sessions.Record) bool {
	return a.Data == b.Data && s.db.Date(a.Expires) == s.db.Date(b.Expires)
}

// conflict says why a write found no row that it may change.
func (s *sqlStore) conflict(ctx context.Context, key string) (sessions.Record, error) {
	current, err := s.Load(ctx, key)
	if err != nil {
		return sessions.Record{}, err
	}
	return current, sessions.ErrConflict
}

// Rotate implements sessions.Store: one UPDATE moves the row, and a second row
// is the trace.
func (s *sqlStore) Rotate(ctx context.Context, key, newKey string, old, new sessions.Record) (sessions.Record, error) {
	args, err := s.extra([]any{newKey, new.Data, s.db.Date(new.Expires)}, new)
	if err != nil {
		return sessions.Record{}, err
	}
	n, err := s.move(ctx, key, s.match(args, key, old))
	switch {
	case err == nil && n > 0:
		return s.stored(new), nil
	case err != nil && !s.db.Collided(err):
		return sessions.Record{}, err
	}
	return s.conflict(ctx, key)
}

func (s *sqlStore) move(ctx context.Context, key string, args []any) (moved int64, err error) {
	err = s.db.Tx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, s.text.move, args...)
		if err != nil {
			if s.db.Duplicate(err, "session_key") {
				return sessions.ErrExists
			}
			return err
		}
		if moved, err = result.RowsAffected(); err != nil || moved == 0 {
			return err
		}
		// The trace has expired from the beginning, so that neither Django nor Load
		// can take it for a session.
		trace := traceKey(key)
		if _, err = tx.ExecContext(ctx, s.text.remove, s.db.Key(trace)...); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, s.text.trace, trace, "", s.db.Date(s.now()))
		return err
	})
	if errors.Is(err, sessions.ErrExists) {
		return 0, sessions.ErrExists
	}
	return moved, s.failed("rotate", err)
}

// Delete implements sessions.Store.
func (s *sqlStore) Delete(ctx context.Context, key string) error {
	n, err := s.write(ctx, "delete", s.text.remove, s.db.Key(key)...)
	if err != nil || n > 0 {
		return err
	}
	if _, err := s.Load(ctx, key); !errors.Is(err, sessions.ErrNotFound) || errors.Is(err, sessions.ErrRotated) {
		return err
	}
	return nil
}

// Probe implements sessions.Prober, with one statement. It may also find a key that
// differs by its case, where the database takes that for the same; nobody asks for
// it.
func (s *sqlStore) Probe(ctx context.Context, keys []string) (map[string]time.Time, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	// A power of two, so that a driver has few texts to prepare.
	args := make([]any, 1<<bits.Len(uint(len(keys)-1)))
	for i := range args {
		args[i] = keys[min(i, len(keys)-1)]
	}
	rows, err := s.db.SQL.QueryContext(ctx, s.text.probe(len(args)), args...)
	if err != nil {
		return nil, s.failed("probe", err)
	}
	defer func() { _ = rows.Close() }()
	found, now := make(map[string]time.Time, len(keys)), s.now()
	for rows.Next() {
		var key string
		var date any
		if err := rows.Scan(&key, &date); err != nil {
			return nil, s.failed("probe", err)
		}
		// A date that can't be read is Load's to complain of.
		if expires, _, err := s.db.ScanDate(date); err == nil && expires.After(now) {
			found[key] = expires
		}
	}
	return found, s.failed("probe", rows.Err())
}

// List implements sessions.Lister, in the order of the keys: the cursor is the
// last one. A row whose date can't be read is left out: nobody can say that it
// lives, and to Load it is ErrCorrupt.
func (s *sqlStore) List(ctx context.Context, cursor string, limit int) (page []sessions.KeyedRecord, next string, err error) {
	rows, err := s.db.SQL.QueryContext(ctx, s.text.list, cursor, s.db.Date(s.now()), limit)
	if err != nil {
		return nil, "", s.failed("list", err)
	}
	defer func() { _ = rows.Close() }()
	seen, last := 0, ""
	for rows.Next() {
		var r sessions.KeyedRecord
		var date any
		if err := rows.Scan(&r.Key, &r.Data, &date); err != nil {
			return nil, "", s.failed("list", err)
		}
		seen, last = seen+1, r.Key
		expires, text, err := s.db.ScanDate(date)
		if err != nil {
			continue
		}
		r.Expires = expires
		if text != "" {
			r.Token = text
		}
		page = append(page, r)
	}
	if err := rows.Err(); err != nil {
		return nil, "", s.failed("list", err)
	}
	if seen == limit {
		next = last
	}
	return page, next, nil
}

// Migrate implements sessions.Migrator.
func (s *sqlStore) Migrate(ctx context.Context) (bool, error) {
	if found, err := s.db.Exists(ctx, s.table); err != nil || found {
		return false, s.failed("migrate", err)
	}
	columns := ""
	for _, c := range s.columns {
		if c.Type == "" {
			return false, fmt.Errorf("engine: database: migrate: the column %q has no Type", c.Name)
		}
		columns += ", " + s.db.QuoteName(c.Name) + " " + c.Type
	}
	dateIndex, likeIndex := indexNames(s.table)
	fill := strings.NewReplacer("%[1]s", s.db.QuoteName(s.table), "%[2]s", dateIndex, "%[3]s", columns, "%[4]s", likeIndex)
	var statements []string
	for _, text := range sessionTables[s.db.Name] {
		statements = append(statements, fill.Replace(text))
	}
	if err := s.db.Create(ctx, statements); err != nil {
		return false, s.failed("migrate", err)
	}
	return true, nil
}

// write executes a statement and returns how many rows it changed.
func (s *sqlStore) write(ctx context.Context, what, text string, args ...any) (int64, error) {
	return s.writeOne(ctx, what, sqldialect.Statement{One: text}, args...)
}

func (s *sqlStore) writeOne(ctx context.Context, what string, stmt sqldialect.Statement, args ...any) (int64, error) {
	n, err := s.db.WriteOne(ctx, stmt, args...)
	if err != nil && s.db.Duplicate(err, "session_key") {
		return 0, sessions.ErrExists
	}
	return n, s.failed(what, err)
}

func (s *sqlStore) failed(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case sqldialect.IsUnsure(err):
		err = fmt.Errorf("%w: %w", sessions.ErrUnknownOutcome, err)
	}
	return fmt.Errorf("engine: database: %s: %w", what, err)
}

// traceKey names the row that remembers that key was rotated. It can't be
// turned back into the key, and no cookie can hold it: it is not a ValidKey.
func traceKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "trace:" + hex.EncodeToString(sum[:17]) // 40 characters, as wide as the column
}
