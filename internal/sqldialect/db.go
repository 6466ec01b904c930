package sqldialect

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"
	"time"
)

// DB is a database that one user's tables are in. It is safe for concurrent use.
type DB struct {
	*Dialect
	SQL      *sql.DB
	zone     *time.Location // of stored dates
	turns    *turns         // of writes; nil: everybody writes at once
	reads    *turns         // the same of reads
	prepared statements

	busy      atomic.Int64 // how long SQLite waits for a lock, as a time.Duration; 0: not known yet
	clearRows atomic.Int64 // of a clean-up's next step; 0: none was made yet
}

// New sees a database in its dialect. Dates are written in zone, nil for UTC,
// where the database does not keep instants.
func New(db *sql.DB, d *Dialect, zone *time.Location) *DB {
	if zone == nil {
		zone = time.UTC
	}
	made := &DB{Dialect: d, SQL: db, zone: zone}
	switch {
	case d.oneWriter:
		made.turns = &turns{free: 1}
	case d.Numbered:
		made.turns = &turns{free: lanes, patience: patience, batches: true}
		made.reads = &turns{free: lanes, patience: patience, batches: true, shared: true}
	}
	return made
}

// lanes is how many write, and how many read, at a time before the others are served
// together, where the database is a process of its own. It was measured: with four,
// batches are smaller, and cost more processor time each: a read half as much again.
const lanes = 2

// patience is how long to wait for one of them.
const patience = 50 * time.Millisecond

// Statement is a statement for one row. The zero Key is its first parameter.
type Statement struct {
	One string

	// Many does the same for several at once: each parameter is an array, and the
	// keys of the rows that were changed, or found, are returned. A write waits for
	// no row that somebody else holds, but leaves it out. Key is the parameter that is the key;
	// all are strings. "" where there is none.
	Many string
	Key  int

	// Long: it is not by a key, and may take its time, so that it is given up when
	// its context ends.
	Long bool
}

// Row finds one row.
func (d *DB) Row(ctx context.Context, text string, args ...any) (*sql.Row, error) {
	return d.prepared.query(ctx, d, text, args...)
}

// Write executes a statement and returns how many rows it changed. Only a write
// that the database has undone is sent again.
func (d *DB) Write(ctx context.Context, text string, args ...any) (int64, error) {
	return d.WriteOne(ctx, Statement{One: text}, args...)
}

// WriteOne is Write. Where that pays, writes that callers make at the same time get
// one commit: all of SQLite's, and PostgreSQL's of a statement that has Many. Each
// is acknowledged after that commit, with its own outcome. A batch that the database
// refuses is undone, and its writes are done one by one. One whose commit is not
// answered has an unknown outcome, and so have all its writes.
func (d *DB) WriteOne(ctx context.Context, stmt Statement, args ...any) (int64, error) {
	if d.turns == nil || d.turns.batches && stmt.Many == "" {
		return d.write(ctx, stmt, args)
	}
	w := &write{ctx: ctx, stmt: stmt, args: args}
	batch, err := d.turns.enter(w)
	if err != nil {
		return 0, err
	}
	if batch != nil {
		d.carryOut(batch)
	}
	if w.alone {
		return d.write(ctx, stmt, args)
	}
	return w.n, w.err
}

// carryOut does what the turn of a batch is for, and ends it.
func (d *DB) carryOut(batch []*write) {
	defer d.turns.leave(batch)
	end(batch[1:], &UnsureError{errPanic}) // unless it ends well
	if len(batch) > 1 && d.together(batch) {
		return
	}
	for i, w := range batch {
		if w.alone = i > 0 && d.turns.batches; !w.alone {
			w.n, w.err = d.write(w.ctx, w.stmt, w.args)
		}
	}
}

var errPanic = errors.New("the driver panicked in another caller's write")

// write executes a statement on its own.
func (d *DB) write(ctx context.Context, stmt Statement, args []any) (int64, error) {
	unwatched := ctx
	if !stmt.Long {
		unwatched = d.unwatched(ctx, true)
	}
	result, err := d.prepared.exec(unwatched, d, stmt.One, args...)
	for tries := 1; err != nil && tries < 20 && ctx.Err() == nil && d.Collided(err); tries++ {
		result, err = d.prepared.exec(unwatched, d, stmt.One, args...)
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
	if d.oneWriter {
		batch, err := d.turns.enter(&write{ctx: ctx, solo: true})
		if err != nil {
			return err
		}
		defer d.turns.leave(batch)
	}
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
