package sqldialect

import (
	"context"
	"database/sql"
	"sync"
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
	return stmt.QueryRowContext(d.unwatched(ctx), args...), nil
}

// unwatched is ctx for a statement that ends soon by itself: SQLite's reads by a key,
// in this process, for which cancelling costs database/sql and the driver a goroutine
// each. A deadline is kept: another process may have locked the file; and so is
// cancelling where the read has to wait for a connection.
func (d *DB) unwatched(ctx context.Context) context.Context {
	if !d.oneWriter || ctx.Done() == nil || ctx.Err() != nil {
		return ctx
	}
	if _, ends := ctx.Deadline(); ends {
		return ctx
	}
	if s := d.SQL.Stats(); s.MaxOpenConnections > 0 && s.InUse >= s.MaxOpenConnections {
		return ctx
	}
	return context.WithoutCancel(ctx)
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
