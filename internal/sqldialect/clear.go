package sqldialect

import (
	"context"
	"database/sql/driver"
	"fmt"
	"sync"
	"time"
)

// ClearText deletes, for DB.Clear, rows of a table whose date is past, in the order
// of their dates. further is a condition that they must meet besides, "" for none.
func (d *Dialect) ClearText(table, key, date, further string) string {
	if further != "" {
		further = " AND " + further
	}
	return fmt.Sprintf(d.clear, table, key, date, further)
}

// How a clean-up goes about it. A step holds what writers may want, so it is short,
// and they have their turns between the steps.
const (
	clearFirst = 100 // rows of the first step
	clearLeast = 50
	clearMost  = 4000
	clearPause = 8 // a pause is that part of the step before it, where only one can write
)

// clearTime is what a step should take. MariaDB and MySQL pass in each step by what
// those before have deleted, and hold up nobody who wants another row: so fewer and
// longer ones do.
func (d *DB) clearTime() time.Duration {
	if d.Dialect == MySQL {
		return 5 * time.Millisecond
	}
	return time.Millisecond
}

// Clear deletes at most limit of the rows that ClearText is for, whose dates are
// before the given one, and returns how many; fewer mean that none are left. It
// works in short steps, each on its own: writers of this process and of others have
// their turns between them, and what is deleted stays so when a later step fails.
// No row is deleted that has got a later date meanwhile. On PostgreSQL a crash may
// undo the last moments, and the rows are there again, as old as they were.
func (d *DB) Clear(ctx context.Context, text, before string, limit int) (deleted int, err error) {
	log := d.keepLog(ctx)
	defer log.close()
	since := "-infinity"
	for deleted < limit {
		rows := int(d.clearRows.Load())
		if rows == 0 {
			rows = clearFirst
		}
		rows = min(rows, limit-deleted)
		begin := time.Now()
		n, found := 0, 0
		switch d.Dialect {
		case SQLite:
			n, err = log.clearStep(ctx, text, before, rows)
			found = n
		case PostgreSQL:
			n, found, since, err = d.clearStep(ctx, text, before, since, rows)
		default:
			var changed int64
			changed, err = d.write(ctx, Statement{One: text, Long: true}, []any{before, rows})
			n, found = int(changed), int(changed)
		}
		deleted += n
		if err != nil || found < rows {
			return deleted, err
		}
		took := max(time.Since(begin), time.Microsecond)
		if rows >= clearLeast { // else it says little of what a row takes
			fit := int(int64(rows) * int64(d.clearTime()) / int64(took))
			d.clearRows.Store(int64(min(max(fit, rows/2, clearLeast), 2*rows, clearMost)))
		}
		log.grows()
		if d.Dialect == PostgreSQL { // a step holds nobody up, and a pause would spare them nothing
			if err := ctx.Err(); err != nil {
				return deleted, err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return deleted, ctx.Err()
		case <-time.After(took / clearPause):
		}
	}
	return deleted, nil
}

// clearStep is a step on PostgreSQL: it returns how many rows were deleted, how many
// were found, and the date of the last. The next step goes on there, or it would pass
// again by all that has been deleted.
func (d *DB) clearStep(ctx context.Context, text, before, since string, rows int) (n, found int, last string, err error) {
	for tries := 0; ; tries++ {
		err = d.SQL.QueryRowContext(ctx, text, before, since, rows).Scan(&n, &found, &last)
		if err == nil || tries == 20 || ctx.Err() != nil || !d.Collided(err) {
			break
		}
	}
	if err != nil {
		return 0, 0, since, d.unsure(ctx, err)
	}
	return n, found, last, nil
}

// logKeeper keeps SQLite's write-ahead log short during a clean-up. A step writes a
// page for each row, and whoever finds the log longer than a thousand pages at a
// commit copies them into the database, which takes the time of two syncs: that would
// be everybody, and in the writers' turn. So the steps don't, and a goroutine copies
// beside the writers, who leave it alone while another does it.
type logKeeper struct {
	d       *DB
	kept    bool // there is a log, and SQLite is to copy it by itself
	copying bool
	stop    chan struct{}
	copier  sync.WaitGroup
}

func (d *DB) keepLog(ctx context.Context) *logKeeper {
	l := &logKeeper{d: d, stop: make(chan struct{})}
	if d.Dialect == SQLite {
		var mode string
		err := d.SQL.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode)
		l.kept = err == nil && mode == "wal"
	}
	return l
}

// clearStep is a step on SQLite.
func (l *logKeeper) clearStep(ctx context.Context, text, before string, rows int) (n int, err error) {
	err = l.inTurn(ctx, func() error {
		conn, err := l.d.SQL.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if l.kept {
			var pages int
			if err := conn.QueryRowContext(ctx, "PRAGMA wal_autocheckpoint").Scan(&pages); err != nil {
				return err
			}
			if l.kept = pages > 0; l.kept { // else its owner does it in a way of their own
				if _, err := conn.ExecContext(ctx, "PRAGMA wal_autocheckpoint = 0"); err != nil {
					return err
				}
				defer func() {
					_, undone := conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprint("PRAGMA wal_autocheckpoint = ", pages))
					if undone != nil {
						_ = conn.Raw(func(any) error { return driver.ErrBadConn })
					}
				}()
			}
		}
		result, err := conn.ExecContext(ctx, text, before, rows)
		if err != nil {
			return l.d.unsure(ctx, err)
		}
		changed, err := result.RowsAffected()
		n = int(changed)
		return err
	})
	return n, err
}

// inTurn calls f when it is this caller's turn to write.
func (l *logKeeper) inTurn(ctx context.Context, f func() error) error {
	batch, err := l.d.turns.enter(&write{ctx: ctx, solo: true})
	if err != nil {
		return err
	}
	defer l.d.turns.leave(batch)
	return f()
}

// grows says that there are pages to be copied, and more to come.
func (l *logKeeper) grows() {
	if !l.kept || l.copying {
		return
	}
	l.copying = true
	l.copier.Go(func() {
		for {
			select {
			case <-l.stop:
				return
			default:
			}
			if _, err := l.copy(); err != nil {
				return
			}
			time.Sleep(time.Millisecond / 4) // there may have been little to do
		}
	})
}

// copy copies what can be copied without waiting for anybody, and says how much is
// left: what was written meanwhile, or what a reader is in the way of.
func (l *logKeeper) copy() (left int, err error) {
	var busy, pages, copied int
	err = l.d.SQL.QueryRow("PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &copied)
	if busy > 0 {
		time.Sleep(time.Millisecond)
	}
	return pages - copied, err
}

// close copies the rest, the very last of it in the writers' turn: then the log
// begins anew.
func (l *logKeeper) close() {
	if !l.copying {
		return
	}
	close(l.stop)
	l.copier.Wait()
	for range 3 {
		if left, err := l.copy(); err != nil || left < 50 {
			break
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.inTurn(ctx, func() error { _, err := l.copy(); return err })
}
