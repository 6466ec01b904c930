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
	return stmt.QueryRowContext(ctx, args...), nil
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
