package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync/atomic"
)

// counted is db with its statements counted in n. Each connection is one of db's,
// held for as long as it is used.
func counted(db *sql.DB, n *atomic.Int64) *sql.DB { return sql.OpenDB(connector{db, n}) }

type connector struct {
	db *sql.DB
	n  *atomic.Int64
}

func (c connector) Driver() driver.Driver { return c.db.Driver() }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	held, err := c.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var inner driver.Conn
	err = held.Raw(func(conn any) error {
		var ok bool
		if inner, ok = conn.(driver.Conn); !ok {
			return errors.New("bridge: a driver of an unknown kind")
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return &countingConn{inner, held, c.n}, nil
}

// Close is sql.DB.Close's.
func (c connector) Close() error { return c.db.Close() }

type countingConn struct {
	driver.Conn
	held *sql.Conn
	n    *atomic.Int64
}

func (c *countingConn) Close() error { return c.held.Close() }

func (c *countingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	execer, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	result, err := execer.ExecContext(ctx, query, args)
	c.count(err)
	return result, err
}

func (c *countingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	queryer, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	rows, err := queryer.QueryContext(ctx, query, args)
	c.count(err)
	return rows, err
}

func (c *countingConn) count(err error) {
	if !errors.Is(err, driver.ErrSkip) { // else it will be prepared
		c.n.Add(1)
	}
}

func (c *countingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	var stmt driver.Stmt
	var err error
	if preparer, ok := c.Conn.(driver.ConnPrepareContext); ok {
		stmt, err = preparer.PrepareContext(ctx, query)
	} else {
		stmt, err = c.Conn.Prepare(query)
	}
	if err != nil {
		return nil, err
	}
	return &countingStmt{stmt, c}, nil
}

func (c *countingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	beginner, ok := c.Conn.(driver.ConnBeginTx)
	if !ok {
		return nil, errors.New("bridge: the driver has no transactions with a context")
	}
	return beginner.BeginTx(ctx, o)
}

func (c *countingConn) ResetSession(ctx context.Context) error {
	if resetter, ok := c.Conn.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

func (c *countingConn) IsValid() bool {
	validator, ok := c.Conn.(driver.Validator)
	return !ok || validator.IsValid()
}

func (c *countingConn) CheckNamedValue(v *driver.NamedValue) error { return check(c.Conn, v) }

// check has the driver convert a parameter in its own way, if it has one.
func check(inner any, v *driver.NamedValue) error {
	if checker, ok := inner.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type countingStmt struct {
	driver.Stmt
	conn *countingConn
}

func (s *countingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.conn.n.Add(1)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *countingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.conn.n.Add(1)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

func (s *countingStmt) CheckNamedValue(v *driver.NamedValue) error {
	if err := check(s.Stmt, v); !errors.Is(err, driver.ErrSkip) {
		return err
	}
	return check(s.conn.Conn, v)
}
