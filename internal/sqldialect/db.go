package sqldialect

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
)

// DB is a database that one user's tables are in. It is safe for concurrent use.
type DB struct {
	*Dialect
	SQL      *sql.DB
	zone     *time.Location // of stored dates
	writing  chan struct{}  // held while writing, where the database has one writer
	prepared statements
}

// New sees a database in its dialect. Dates are written in zone, nil for UTC,
// where the database does not keep instants.
func New(db *sql.DB, d *Dialect, zone *time.Location) *DB {
	if zone == nil {
		zone = time.UTC
	}
	made := &DB{Dialect: d, SQL: db, zone: zone}
	if d.oneWriter {
		made.writing = make(chan struct{}, 1)
	}
	return made
}

// lock waits for this process's turn to write.
func (d *DB) lock(ctx context.Context) (unlock func(), err error) {
	if d.writing == nil {
		return func() {}, nil
	}
	select {
	case d.writing <- struct{}{}:
		return func() { <-d.writing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Row finds one row.
func (d *DB) Row(ctx context.Context, text string, args ...any) (*sql.Row, error) {
	return d.prepared.query(ctx, d, text, args...)
}

// Write executes a statement and returns how many rows it changed. Only a write
// that the database has undone is sent again.
func (d *DB) Write(ctx context.Context, text string, args ...any) (int64, error) {
	unlock, err := d.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	result, err := d.prepared.exec(ctx, d, text, args...)
	for tries := 1; err != nil && tries < 20 && ctx.Err() == nil && d.Collided(err); tries++ {
		result, err = d.prepared.exec(ctx, d, text, args...)
	}
	if err != nil {
		return 0, d.unsure(ctx, err)
	}
	return result.RowsAffected()
}

// UnsureError is the error of a write that may have been done all the same: it
// was given up because of its deadline, or the database did not answer.
type UnsureError struct{ Err error }

func (e *UnsureError) Error() string { return e.Err.Error() }

func (e *UnsureError) Unwrap() error { return e.Err }

// IsUnsure reports whether err is that of a write that may have been done.
func IsUnsure(err error) bool {
	var e *UnsureError
	return errors.As(err, &e)
}

func (d *DB) unsure(ctx context.Context, err error) error {
	if err != nil && (ctx.Err() != nil || !d.answered(err)) {
		return &UnsureError{err}
	}
	return err
}

// Tx runs f in a transaction, in this process's turn to write. Only its end can
// be an UnsureError.
func (d *DB) Tx(ctx context.Context, f func(*sql.Tx) error) error {
	unlock, err := d.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	tx, err := d.SQL.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil && (ctx.Err() != nil || !d.refused(err)) {
		return &UnsureError{err} // also driver.ErrBadConn: the connection was in use
	} else {
		return err
	}
}

// Exists reports whether there is such a table.
func (d *DB) Exists(ctx context.Context, table string) (bool, error) {
	schema, name, found := strings.Cut(table, ".")
	if !found {
		schema, name = "", schema
	}
	args := []any{schema, name}
	if d.Dialect == MySQL {
		args = []any{schema, schema, name}
	}
	var n int
	err := d.SQL.QueryRowContext(ctx, d.exists, args...).Scan(&n)
	return n > 0, err
}

// Create executes a table's DDL: all or nothing, where the database has that for
// DDL. (On MySQL let it be one statement.) Of several processes that begin at
// once each gets its turn.
func (d *DB) Create(ctx context.Context, statements []string) error {
	if d.Dialect == PostgreSQL { // there IF NOT EXISTS alone fails then
		statements = append([]string{`SELECT pg_advisory_xact_lock(hashtext('keepsake migrate'))`}, statements...)
	}
	return d.Tx(ctx, func(tx *sql.Tx) error {
		for _, text := range statements {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return err
			}
		}
		return nil
	})
}
