package cache

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/keepsake-go/sessions/internal/sqldialect"
)

// databaseTexts are the statements on one table.
type databaseTexts struct {
	get, insert, update, takeOver, remove, removeEnded string

	swap, swapDated, end, endDated string // Dated: the old one's date counts

	count, clear, clearBatch, cullAt, cullBelow, cullAll string
}

func newDatabaseTexts(d *sqldialect.Dialect, table string) databaseTexts {
	table = d.QuoteName(table)
	key, value, expires := d.QuoteName("cache_key"), d.QuoteName("value"), d.QuoteName("expires")
	byKey := " WHERE " + d.KeyMatch(key)
	update := "UPDATE " + table + " SET " + value + " = ?, " + expires + " = " + d.DateParam + byKey
	remove := "DELETE FROM " + table + byKey
	old := " AND " + d.Match(value) + " AND " + expires + " > " + d.DateParam
	dated := old + " AND " + expires + " = " + d.DateParam
	ended := expires + " < " + d.DateParam
	return databaseTexts{
		get:         d.Rebind("SELECT " + value + ", " + d.DateText(expires) + " FROM " + table + byKey),
		insert:      d.Rebind("INSERT INTO " + table + " (" + key + ", " + value + ", " + expires + ") VALUES (?, ?, " + d.DateParam + ")"),
		update:      d.Rebind(update),
		takeOver:    d.Rebind(update + " AND " + expires + " <= " + d.DateParam),
		remove:      d.Rebind(remove),
		removeEnded: d.Rebind(remove + " AND " + expires + " <= " + d.DateParam),
		swap:        d.Rebind(update + old),
		swapDated:   d.Rebind(update + dated),
		end:         d.Rebind(remove + old),
		endDated:    d.Rebind(remove + dated),

		count:      "SELECT COUNT(*) FROM " + table,
		clear:      d.Rebind("DELETE FROM " + table + " WHERE " + ended),
		clearBatch: d.ClearText(table, key, expires, ""),
		cullAt:     d.Rebind("SELECT " + key + " FROM " + table + " ORDER BY " + key + " LIMIT 1 OFFSET ?"),
		cullBelow:  d.Rebind("DELETE FROM " + table + " WHERE " + key + " < ?"),
		cullAll:    "DELETE FROM " + table,
	}
}

// prepare is what comes before a value is stored under a key that may be new.
func (c *Database) prepare(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.checkKey(key); err != nil {
		return err
	}
	err := c.cull(ctx)
	if unsure := (*sqldialect.UnsureError)(nil); errors.As(err, &unsure) {
		err = unsure.Err // what was asked for was not done
	}
	return err
}

func (c *Database) count(ctx context.Context) (n int, err error) {
	row, err := c.db.Row(ctx, c.text.count)
	if err != nil {
		return 0, err
	}
	return n, row.Scan(&n)
}

// cull is Django's _cull: where there are too many rows those that have ended
// go, and if that is not enough, the first in the order of their keys.
func (c *Database) cull(ctx context.Context) error {
	if c.room.most == 0 {
		return nil
	}
	if n, err := c.count(ctx); err != nil || n <= c.room.most {
		return err
	}
	if _, err := c.db.WriteOne(ctx, sqldialect.Statement{One: c.text.clear, Long: true}, c.db.Date(c.now())); err != nil {
		return err
	}
	n, err := c.count(ctx)
	if err != nil || n <= c.room.most {
		return err
	}
	text, args := c.text.cullAll, []any(nil)
	if part := c.room.part(n); part < n {
		row, err := c.db.Row(ctx, c.text.cullAt, part)
		if err != nil {
			return err
		}
		var first string // of those that stay
		if err := row.Scan(&first); errors.Is(err, sql.ErrNoRows) {
			return nil // others have made room
		} else if err != nil {
			return err
		}
		text, args = c.text.cullBelow, []any{first}
	}
	live, err := c.db.WriteOne(ctx, sqldialect.Statement{One: text, Long: true}, args...)
	c.room.report(int(live))
	return err
}

// ClearExpired implements Clearer, in short steps.
func (c *Database) ClearExpired(ctx context.Context, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.db.Clear(ctx, c.text.clearBatch, c.db.Date(c.now()), limit)
	return n, failedDatabase("clear expired", err)
}

// cacheTables are what Django's createcachetable makes, %[1]s being the table and
// %[2]s the index.
var cacheTables = map[string][]string{
	"sqlite": {
		`CREATE TABLE IF NOT EXISTS %[1]s ("cache_key" varchar(255) NOT NULL PRIMARY KEY, "value" text NOT NULL, "expires" datetime NOT NULL)`,
		`CREATE INDEX IF NOT EXISTS %[2]s ON %[1]s ("expires")`,
	},
	"postgresql": {
		`CREATE TABLE IF NOT EXISTS %[1]s ("cache_key" varchar(255) NOT NULL PRIMARY KEY, "value" text NOT NULL, "expires" timestamp with time zone NOT NULL)`,
		`CREATE INDEX IF NOT EXISTS %[2]s ON %[1]s ("expires")`,
	},
	"mysql": { // one statement: DDL knows no transaction
		"CREATE TABLE IF NOT EXISTS %[1]s (`cache_key` varchar(255) NOT NULL PRIMARY KEY, `value` longtext NOT NULL, `expires` datetime(6) NOT NULL, INDEX %[2]s (`expires`))",
	},
}

// Migrate makes the table where it is missing, and says whether it did: Django's
// createcachetable.
func (c *Database) Migrate(ctx context.Context) (bool, error) {
	if found, err := c.db.Exists(ctx, c.table); err != nil || found {
		return false, failedDatabase("migrate", err)
	}
	_, name, found := strings.Cut(c.table, ".")
	if !found {
		name = c.table
	}
	var statements []string
	for _, text := range cacheTables[c.db.Name] {
		statements = append(statements, fmt.Sprintf(text, c.db.QuoteName(c.table), c.db.QuoteName(name+"_expires")))
	}
	if err := c.db.Create(ctx, statements); err != nil {
		return false, failedDatabase("migrate", err)
	}
	return true, nil
}
