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
	return stmt.ExecContext(d.unwatched(ctx), args...)
}

func (p *statements) query(ctx context.Context, d *DB, text string, args ...any) (*sql.Row, error) {
	stmt, err := p.get(ctx, d, text)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return d.SQL.QueryRowContext(ctx, text, args...), nil
	}
	return stmt.QueryRowContext(d.unwatched(ctx), args...), nil
}

// unwatched is ctx for a statement that ends soon by itself: one of SQLite's, in this
// process, by a key. To watch for the end of a context costs database/sql and the
// driver a goroutine each, more than the statement. All that it can wait for is the
// lock of another process or another *sql.DB, and for that as long as the connection's
// busy_timeout says: so the context is left out where its deadline is later than that.
// Cancelling is then noticed late, or never by a write that is done meanwhile. The
// context is kept where the statement has to wait for a connection.
func (d *DB) unwatched(ctx context.Context) context.Context {
	if !d.oneWriter || ctx.Err() != nil {
		return ctx
	}
	left := busyMost
	if end, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(end))
	} else if ctx.Done() == nil {
		return ctx
	}
	if busy := d.busyTimeout(ctx); busy > left {
		return ctx
	}
	if s := d.SQL.Stats(); s.MaxOpenConnections > 0 && s.InUse >= s.MaxOpenConnections {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// busyMost is how long a statement may wait whose context has been canceled.
const busyMost = 10 * time.Second

// busyTimeout is how long the connections wait for a lock. They are taken to be alike,
// as those are that database/sql opens. One that does not say has a way of its own to
// wait.
func (d *DB) busyTimeout(ctx context.Context) time.Duration {
	if busy := d.busy.Load(); busy != 0 {
		return time.Duration(busy)
	}
	var ms int64
	if err := d.SQL.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&ms); err != nil {
		return math.MaxInt64
	}
	busy := time.Duration(math.MaxInt64)
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
