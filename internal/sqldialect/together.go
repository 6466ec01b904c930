package sqldialect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"strings"
	"time"
)

// together carries out a batch with one commit. Each write gets its own outcome,
// as if they had come one after another, and none is acknowledged before the
// commit. It reports false when nothing was done.
func (d *DB) together(batch []*write) bool {
	ctx, cancel := longest(batch)
	defer cancel()
	if d.turns.batches {
		return d.oneStatement(ctx, batch)
	}
	return d.oneTransaction(ctx, batch)
}

// longest is a context that lasts as long as any of the batch's.
func longest(batch []*write) (context.Context, context.CancelFunc) {
	var last time.Time
	for _, w := range batch {
		end, ok := w.ctx.Deadline()
		if !ok {
			return context.WithoutCancel(batch[0].ctx), func() {}
		}
		if end.After(last) {
			last = end
		}
	}
	return context.WithDeadline(context.WithoutCancel(batch[0].ctx), last)
}

// end gives the whole batch an error.
func end(batch []*write, err error) {
	for _, w := range batch {
		w.n, w.err = 0, err
	}
}

// oneTransaction carries out the batch's statements one by one.
func (d *DB) oneTransaction(ctx context.Context, batch []*write) (done bool) {
	stmts := make([]*sql.Stmt, len(batch))
	for i, w := range batch { // now: the transaction may have the only connection
		var err error
		if stmts[i], err = d.prepared.get(ctx, d, w.stmt.One); err != nil {
			return false
		}
	}
	unwatched := ctx
	if !slices.ContainsFunc(batch, func(w *write) bool { return w.stmt.Long }) {
		unwatched = d.unwatched(ctx, true)
	}
	conn, err := d.SQL.Conn(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	tx, err := conn.BeginTx(unwatched, nil)
	if err != nil {
		return false
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	for i, w := range batch {
		w.n, w.err = 0, nil
		if err := w.ctx.Err(); err != nil { // its caller has gone
			w.err = err
			continue
		}
		result, err := tx.StmtContext(unwatched, stmts[i]).ExecContext(unwatched, w.args...)
		if err == nil {
			w.n, err = result.RowsAffected()
		}
		if err != nil && !d.taken(err) {
			return false // a taken key undoes its own statement only; others may have undone all
		}
		w.err = err
	}
	err = tx.Commit()
	switch {
	case err == nil:
	case ctx.Err() != nil || !d.refused(err):
		end(batch, &UnsureError{err})
	default: // a commit that was refused leaves the transaction open
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); err != nil {
			end(batch, &UnsureError{err})
			return true
		}
		return false
	}
	return true
}

// oneStatement carries out the batch with a statement that takes an array for each
// parameter, and returns the keys of the rows that it has changed. What it has left
// out, because its row is held or is not what it should be, its caller does alone:
// nobody waits for another one's row.
func (d *DB) oneStatement(ctx context.Context, batch []*write) (done bool) {
	arrays := make([]driver.NamedValue, len(batch[0].args))
	for i := range arrays {
		arrays[i] = driver.NamedValue{Ordinal: i + 1, Value: array(batch, i)}
	}
	changed := make(map[string]bool, len(batch))
	err := d.query(ctx, batch[0].stmt.Many, arrays, 1, func(values []driver.Value) error {
		key, err := asText(values[0])
		changed[key] = true
		return err
	})
	if err != nil {
		if ctx.Err() == nil && d.answered(err) {
			return false
		}
		end(batch, &UnsureError{err})
		return true
	}
	for _, w := range batch {
		w.n, w.err = 1, nil
		w.alone = !changed[w.key()]
	}
	return true
}

// array is the i-th argument of all writes as PostgreSQL reads an array, since not
// every driver binds slices.
func array(batch []*write, i int) string {
	size := len("{}")
	for _, w := range batch {
		value, _ := w.args[i].(string)
		size += len(value) + len(`"",`)
	}
	var b strings.Builder
	b.Grow(size)
	b.WriteByte('{')
	for j, w := range batch {
		if j > 0 {
			b.WriteByte(',')
		}
		value, _ := w.args[i].(string)
		b.WriteByte('"')
		b.WriteString(escaper.Replace(value))
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

// escaper is for an element between quotes. What is signed it returns as it is.
var escaper = strings.NewReplacer(`"`, `\"`, `\`, `\\`)
