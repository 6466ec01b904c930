package sqldialect

import (
	"context"
	"database/sql"
	"math"
	"sync"
	"time"
)

// statements are prepared when they are first used, where that pays. They live
// as long as the *sql.DB.
type statements struct {
	mu     sync.RWMutex
	byText map[string]*sql.Stmt
}

func (p *statements) exec(ctx context.Context, d *DB, text string, args ...any) (sql.Result, error) {
	stmt, err := p.get(ctx, d, text)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return d.SQL.ExecContext(ctx, text, args...)
	}
	return stmt.ExecContext(ctx, args...)
}

func (p *statements) query(ctx context.Context, d *DB, text string, args ...any) (*sql.Row, error) {
	stmt, err := p.get(ctx, d, text)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return d.SQL.QueryRowContext(ctx, text, args...), nil
	}
	return stmt.QueryRowContext(d.unwatched(ctx, false), args...), nil
}

// unwatched is ctx for a statement that ends soon by itself: one of SQLite's, in this
// process, by a key, or a count. To watch for the end of a context costs database/sql
// and the driver a goroutine each, which is more than many a statement. All that one
// waits for is a lock of another process or another *sql.DB (in WAL mode a single one,
// and only to write), and for that as long as the connection's busy_timeout says. So a
// deadline that is later need not be watched, and cancelling before it is noticed after
// busy_timeout at the latest. A write whose context has no deadline is watched, and so
// is whatever has to wait for a connection.
func (d *DB) unwatched(ctx context.Context, write bool) context.Context {
	end, ends := ctx.Deadline()
	switch {
	case !d.oneWriter, ctx.Err() != nil, !ends && (write || ctx.Done() == nil):
		return ctx
	case ends && d.busyTimeout(ctx) > time.Until(end):
		return ctx
	}
	if s := d.SQL.Stats(); s.MaxOpenConnections > 0 && s.InUse >= s.MaxOpenConnections {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// busyTimeout is how long SQLite's connections wait for a lock. They are taken to be
// alike, as database/sql opens them. Where it is 0 the driver may have a way of its own
// to wait, of which nothing is known.
func (d *DB) busyTimeout(ctx context.Context) time.Duration {
	if busy := d.busy.Load(); busy != 0 {
		return time.Duration(busy)
	}
	const unknown = time.Duration(math.MaxInt64)
	var ms int64
	if err := d.SQL.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&ms); err != nil {
		return unknown
	}
	busy := unknown
	if ms > 0 {
		busy = time.Duration(ms) * time.Millisecond
	}
	d.busy.Store(int64(busy))
	return busy
}

// get returns the prepared statement, nil where the driver prepares by itself.
func (p *statements) get(ctx context.Context, d *DB, text string) (*sql.Stmt, error) {
	if !d.prepare {
		return nil, nil
	}
	p.mu.RLock()
	stmt := p.byText[text]
	p.mu.RUnlock()
	if stmt != nil {
		return stmt, nil
	}
	stmt, err := d.SQL.PrepareContext(ctx, text) // without the lock: it may wait for a connection
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if first := p.byText[text]; first != nil {
		_ = stmt.Close()
		return first, nil
	}
	if p.byText == nil {
		p.byText = map[string]*sql.Stmt{}
	}
	p.byText[text] = stmt
	return stmt, nil
}
