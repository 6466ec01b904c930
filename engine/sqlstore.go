package engine

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
)

// sqlStore is a sessions.Store in one table. A record is recognised by what
// Django's table has: its data and its expire_date, so the table needs no
// version column and Django can write to it at any time.
//
// Payloads and dates are bound as strings: SQLite never finds text equal to a
// blob, and PostgreSQL takes bytes for bytea.
type sqlStore struct {
	db       *sql.DB
	dialect  *dialect
	table    string
	columns  []Column
	codec    sessions.Codec // decodes for the columns
	zone     *time.Location // of stored dates
	now      func() time.Time
	writing  chan struct{} // held while writing, where the database has one writer
	prepared statements
	text     sqlTexts
}

func newSQLStore(e DatabaseEngine, d *dialect, c sessions.Codec, st sessions.Settings) *sqlStore {
	s := &sqlStore{
		db: e.DB, dialect: d, table: e.Table, columns: e.Columns, codec: c,
		zone: time.UTC, now: st.Clock, text: d.texts(e.Table, e.Columns),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if !st.UseTZ && st.TimeZone != nil {
		s.zone = st.TimeZone
	}
	if d.oneWriter {
		s.writing = make(chan struct{}, 1)
	}
	return s
}

// setCodec implements decodingStore.
func (s *sqlStore) setCodec(c sessions.Codec) { s.codec = c }

// lock waits for this process's turn to write.
func (s *sqlStore) lock(ctx context.Context) (unlock func(), err error) {
	if s.writing == nil {
		return func() {}, nil
	}
	select {
	case s.writing <- struct{}{}:
		return func() { <-s.writing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// date is t as it is bound.
func (s *sqlStore) date(t time.Time) string {
	if s.dialect.numbered {
		return formatInstant(t)
	}
	return formatDate(t, s.zone)
}

// key is a key as keyMatch takes it.
func (s *sqlStore) key(key string) []any {
	if s.dialect.keyTwice {
		return []any{key, key}
	}
	return []any{key}
}

// match is what identifies a record that is still old, and lives.
func (s *sqlStore) match(args []any, key string, old sessions.Record) []any {
	date, ok := old.Token.(string) // as it is stored, which need not be spelled as we would
	if !ok {
		date = s.date(old.Expires)
	}
	return append(append(args, s.key(key)...), old.Data, date, s.date(s.now()))
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
	row, err := s.prepared.query(ctx, s, s.text.load, s.key(key)...)
	if err != nil {
		return sessions.Record{}, s.failed("load", err)
	}
	var data string
	var date any
	switch err := row.Scan(&data, &date); {
	case errors.Is(err, sql.ErrNoRows):
		return sessions.Record{}, sessions.ErrNotFound
	case err != nil:
		return sessions.Record{}, s.failed("load", err)
	}
	rec := sessions.Record{Data: data}
	switch date := date.(type) {
	case time.Time:
		rec.Expires = date
		return rec, nil
	case []byte:
		rec.Token = string(date)
	case string:
		rec.Token = date
	}
	text, _ := rec.Token.(string)
	if rec.Expires, err = parseDate(text, s.zone); err != nil {
		return sessions.Record{}, fmt.Errorf("%w: %w", sessions.ErrCorrupt, err)
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
	args, err := s.extra([]any{key, rec.Data, s.date(rec.Expires)}, rec)
	if err != nil {
		return sessions.Record{}, err
	}
	_, err = s.write(ctx, "create", s.text.insert, args...)
	if errors.Is(err, sessions.ErrExists) {
		// An expired record is free.
		removed, removeErr := s.write(ctx, "create", s.text.removeExpired, append(s.key(key), s.date(s.now()))...)
		if removeErr != nil {
			return sessions.Record{}, removeErr
		}
		if removed > 0 {
			_, err = s.write(ctx, "create", s.text.insert, args...)
		}
	}
	if err != nil {
		return sessions.Record{}, err
	}
	return s.stored(rec), nil
}

// Replace implements sessions.Store.
func (s *sqlStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	text, args := s.text.touch, []any{s.date(new.Expires)}
	if new.Data != old.Data {
		var err error
		text = s.text.replace
		if args, err = s.extra([]any{new.Data, s.date(new.Expires)}, new); err != nil {
			return sessions.Record{}, err
		}
	}
	n, err := s.write(ctx, "replace", text, s.match(args, key, old)...)
	switch {
	case err == nil && n > 0:
		return s.stored(new), nil
	case err != nil && !s.dialect.collided(err):
		return sessions.Record{}, err
	}
	current, err := s.conflict(ctx, key)
	if errors.Is(err, sessions.ErrConflict) && s.equal(old, new) && s.equal(old, current) {
		return current, nil // MySQL does not count a row that a write leaves as it was
	}
	return current, err
}

func (s *sqlStore) equal(a, b sessions.Record) bool {
	return a.Data == b.Data && s.date(a.Expires) == s.date(b.Expires)
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
	args, err := s.extra([]any{newKey, new.Data, s.date(new.Expires)}, new)
	if err != nil {
		return sessions.Record{}, err
	}
	n, err := s.move(ctx, key, s.match(args, key, old))
	switch {
	case err == nil && n > 0:
		return s.stored(new), nil
	case err != nil && !s.dialect.collided(err):
		return sessions.Record{}, err
	}
	return s.conflict(ctx, key)
}

func (s *sqlStore) move(ctx context.Context, key string, args []any) (moved int64, err error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, s.failed("rotate", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	result, err := tx.ExecContext(ctx, s.text.move, args...)
	if err != nil {
		if s.dialect.duplicate(err) {
			return 0, sessions.ErrExists
		}
		return 0, s.failed("rotate", err)
	}
	if moved, err = result.RowsAffected(); err != nil || moved == 0 {
		return 0, s.failed("rotate", err)
	}
	// The trace has expired from the beginning, so that neither Django nor Load
	// can take it for a session.
	trace := traceKey(key)
	if _, err = tx.ExecContext(ctx, s.text.remove, s.key(trace)...); err != nil {
		return 0, s.failed("rotate", err)
	}
	if _, err = tx.ExecContext(ctx, s.text.trace, trace, "", s.date(s.now())); err != nil {
		return 0, s.failed("rotate", err)
	}
	return moved, s.unsure(ctx, "rotate", tx.Commit())
}

// Delete implements sessions.Store.
func (s *sqlStore) Delete(ctx context.Context, key string) error {
	n, err := s.write(ctx, "delete", s.text.remove, s.key(key)...)
	if err != nil || n > 0 {
		return err
	}
	if _, err := s.Load(ctx, key); !errors.Is(err, sessions.ErrNotFound) || errors.Is(err, sessions.ErrRotated) {
		return err
	}
	return nil
}

// ClearExpired implements sessions.Clearer, with one short write: Django's
// condition, which spares what ends at this very moment. Traces that have had
// their time go with the last batch, and don't count.
func (s *sqlStore) ClearExpired(ctx context.Context, limit int) (int, error) {
	now := s.now()
	n, err := s.write(ctx, "clear expired", s.text.clear, s.date(now), limit)
	if err != nil || int(n) == limit {
		return int(n), err
	}
	for traces := int64(limit); err == nil && traces == int64(limit); {
		traces, err = s.write(ctx, "clear expired", s.text.clearTraces, s.date(now.Add(-sessions.RotationTrace)), limit)
	}
	return int(n), err
}

// Migrate implements sessions.Migrator.
func (s *sqlStore) Migrate(ctx context.Context) (bool, error) {
	schema, name, found := strings.Cut(s.table, ".")
	if !found {
		schema, name = "", schema
	}
	args := []any{schema, name}
	if s.dialect == &mysql {
		args = []any{schema, schema, name}
	}
	var n int
	if err := s.db.QueryRowContext(ctx, s.dialect.exists, args...).Scan(&n); err != nil {
		return false, s.failed("migrate", err)
	}
	if n > 0 {
		return false, nil
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	columns := ""
	for _, c := range s.columns {
		if c.Type == "" {
			return false, fmt.Errorf("engine: database: migrate: the column %q has no Type", c.Name)
		}
		columns += ", " + s.dialect.quoteName(c.Name) + " " + c.Type
	}
	// All or nothing; on MySQL it is one statement.
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return false, s.failed("migrate", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	dateIndex, likeIndex := indexNames(s.table)
	for _, statement := range s.dialect.schema {
		// Not every statement needs all the arguments.
		text := strings.NewReplacer("%[1]s", s.dialect.quoteName(s.table), "%[2]s", dateIndex, "%[3]s", columns, "%[4]s", likeIndex).Replace(statement)
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return false, s.failed("migrate", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return false, s.failed("migrate", err)
	}
	return true, nil
}

// write executes a statement and returns how many rows it changed.
func (s *sqlStore) write(ctx context.Context, what, text string, args ...any) (int64, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	result, err := s.prepared.exec(ctx, s, text, args...)
	// A write that the database has undone may be sent again.
	for tries := 1; err != nil && tries < 20 && ctx.Err() == nil && s.dialect.collided(err); tries++ {
		result, err = s.prepared.exec(ctx, s, text, args...)
	}
	if err != nil {
		return 0, s.unsure(ctx, what, err)
	}
	n, err := result.RowsAffected()
	return n, s.failed(what, err)
}

// unsure is failed for a write that was sent: when it was given up because of
// its deadline, or the database did not answer, nobody knows whether it was
// done.
func (s *sqlStore) unsure(ctx context.Context, what string, err error) error {
	switch {
	case err == nil:
		return nil
	case s.dialect.duplicate(err):
		return sessions.ErrExists
	case ctx.Err() != nil || !s.dialect.answered(err):
		err = fmt.Errorf("%w: %w", sessions.ErrUnknownOutcome, err)
	}
	return s.failed(what, err)
}

func (s *sqlStore) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("engine: database: %s: %w", what, err)
}

// traceKey names the row that remembers that key was rotated. It can't be
// turned back into the key, and no cookie can hold it: it is not a ValidKey.
func traceKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "trace:" + hex.EncodeToString(sum[:17]) // 40 characters, as wide as the column
}
