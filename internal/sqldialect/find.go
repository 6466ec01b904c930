package sqldialect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
)

// Row is what FindOne reads: a text and a date, for ScanDate.
type Row struct {
	Text string
	Date any
}

// FindOne finds a row by its key, a string; sql.ErrNoRows says that there is none.
// The statement selects a text and a date, its Many the key before them.
//
// Where the database is another process (PostgreSQL), reads that callers make at the
// same time share a round trip: those that find all turns taken wait, and the first
// of them asks for all. It asks after each of them has come, so that each sees every
// write that was acknowledged before. A batch ends with the context of the one that
// asks; if it fails the others ask for themselves, and so does one that has waited in
// vain for its turn.
func (d *DB) FindOne(ctx context.Context, stmt Statement, key string) (Row, error) {
	if d.reads == nil || stmt.Many == "" {
		return d.findOne(ctx, stmt, key)
	}
	w := &write{ctx: ctx, stmt: stmt, args: []any{key}}
	batch, err := d.reads.enter(w)
	if err != nil {
		var unsure *UnsureError
		if errors.As(err, &unsure) { // of a read that is no matter
			err = unsure.Err
		}
		return Row{}, err
	}
	if batch == nil {
		switch {
		case w.alone:
			return d.findOne(ctx, stmt, key)
		case w.row == nil:
			return Row{}, sql.ErrNoRows
		}
		return *w.row, nil
	}
	defer d.reads.leave(batch)
	if len(batch) == 1 {
		return d.findOne(ctx, stmt, key)
	}
	for _, w := range batch {
		w.alone = true // unless it ends well
	}
	if err := d.findMany(ctx, batch); err != nil {
		return Row{}, err
	}
	for _, w := range batch {
		w.alone = false
	}
	if w.row == nil {
		return Row{}, sql.ErrNoRows
	}
	return *w.row, nil
}

func (d *DB) findOne(ctx context.Context, stmt Statement, key string) (found Row, err error) {
	if d.reads != nil {
		none := true
		done, err := d.direct(ctx, stmt.One, []driver.NamedValue{{Ordinal: 1, Value: key}}, 2, func(values []driver.Value) error {
			none = false
			return found.take(values)
		})
		switch {
		case done && err == nil && none:
			return Row{}, sql.ErrNoRows
		case done:
			return found, err
		}
	}
	row, err := d.Row(ctx, stmt.One, d.Key(key)...)
	if err != nil {
		return Row{}, err
	}
	err = row.Scan(&found.Text, &found.Date)
	return found, err
}

// take takes a text and a date as a driver gives them.
func (r *Row) take(values []driver.Value) (err error) {
	r.Text, err = asText(values[0])
	r.Date = values[1]
	if date, ok := r.Date.([]byte); ok {
		r.Date = string(date)
	}
	return err
}

// asText is a text as a driver gives it.
func asText(value driver.Value) (string, error) {
	switch value := value.(type) {
	case string:
		return value, nil
	case []byte:
		return string(value), nil
	}
	return "", errors.New("not a text")
}

// findMany reads the rows of a batch.
func (d *DB) findMany(ctx context.Context, batch []*write) error {
	rows := make(map[string]*Row, len(batch))
	keys := []driver.NamedValue{{Ordinal: 1, Value: array(batch, 0)}}
	err := d.query(ctx, batch[0].stmt.Many, keys, 3, func(values []driver.Value) error {
		row := &Row{}
		key, err := asText(values[0])
		rows[key] = row
		return errors.Join(err, row.take(values[1:]))
	})
	if err != nil {
		return err
	}
	for _, w := range batch {
		w.row = rows[w.key()]
	}
	return nil
}

// query calls each with every row that a statement returns. The values are valid
// until it returns.
func (d *DB) query(ctx context.Context, text string, args []driver.NamedValue, columns int, each func([]driver.Value) error) error {
	done, err := d.direct(ctx, text, args, columns, each)
	if done {
		return err
	}
	anys := make([]any, len(args))
	for i, arg := range args {
		anys[i] = arg.Value
	}
	rows, err := d.SQL.QueryContext(ctx, text, anys...)
	if err != nil {
		return err
	}
	defer rows.Close()
	values, dest := make([]driver.Value, columns), make([]any, columns)
	for i := range dest {
		dest[i] = (*any)(&values[i])
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if err := each(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

// direct asks the driver itself, which spares what database/sql does for a query: a
// goroutine that watches the context (the driver watches it, too), and a conversion
// of each value. It reports false when nothing was asked.
func (d *DB) direct(ctx context.Context, text string, args []driver.NamedValue, columns int, each func([]driver.Value) error) (done bool, err error) {
	conn, err := d.SQL.Conn(ctx)
	if err != nil {
		return true, err
	}
	defer conn.Close()
	err = conn.Raw(func(raw any) error {
		queryer, ok := raw.(driver.QueryerContext)
		if !ok {
			return nil
		}
		rows, err := queryer.QueryContext(ctx, text, args)
		if errors.Is(err, driver.ErrSkip) || errors.Is(err, driver.ErrBadConn) {
			return err
		}
		done = true
		if err != nil {
			return err
		}
		values := make([]driver.Value, columns)
		for err == nil {
			if err = rows.Next(values); err == nil {
				err = each(values)
			}
		}
		if err == io.EOF {
			err = nil
		}
		return errors.Join(err, rows.Close())
	})
	if !done {
		return false, nil // also a connection that was lost before: database/sql takes another one
	}
	return done, err
}
