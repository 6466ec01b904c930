package pgnotify

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Notifier is a sessions.Notifier on a database. While a process has open
// connections to watch it keeps one connection of the pool.
type Notifier struct{ db *sql.DB }

// New makes a Notifier. It sends nothing yet, and never closes db.
func New(db *sql.DB) *Notifier { return &Notifier{db} }

// How often a connection on which nothing comes is asked whether it is alive, and
// how long it may take to answer.
const (
	silence  = 15 * time.Second
	patience = 5 * time.Second
)

// Publish implements sessions.Notifier.
func (n *Notifier) Publish(ctx context.Context, channel, message string) error {
	if _, err := n.db.ExecContext(ctx, "SELECT pg_notify($1, $2)", channel, message); err != nil {
		return fmt.Errorf("pgnotify: publish: %w", err)
	}
	return nil
}

// Subscribe implements sessions.Notifier.
func (n *Notifier) Subscribe(ctx context.Context, channel string, ready func(), receive func(message string)) error {
	if n.db.Stats().MaxOpenConnections == 1 {
		return errors.New("pgnotify: subscribe: the pool has one connection only, which would be taken from all others")
	}
	conn, err := n.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("pgnotify: subscribe: %w", err)
	}
	defer func() { _ = conn.Close() }()
	var why error
	lost := conn.Raw(func(c any) error {
		own, ok := c.(*stdlib.Conn)
		if !ok {
			why = fmt.Errorf("the driver is not pgx, but %T", c)
			return nil
		}
		why = listen(ctx, own.Conn(), channel, ready, receive)
		return driver.ErrBadConn // it listens: nobody else is to have it
	})
	if why == nil {
		why = lost // before it was asked
	}
	return fmt.Errorf("pgnotify: subscribe: %w", why)
}

func listen(ctx context.Context, conn *pgx.Conn, channel string, ready func(), receive func(message string)) error {
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return err
	}
	ready()
	for {
		message, err := wait(ctx, conn)
		switch {
		case err == nil && message.Channel == channel:
			receive(message.Payload)
		case err == nil: // somebody else's LISTEN on this connection
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			if err := ping(ctx, conn); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func wait(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	return conn.WaitForNotification(ctx)
}

func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return conn.Ping(ctx)
}
