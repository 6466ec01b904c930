package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// NoColumn in TableOptions says that the table has no such column.
const NoColumn = "-"

// TableOptions describe a table of users. The zero value is Django's auth_user.
type TableOptions struct {
	// Table is the table's name, with its schema and a dot before it where it is
	// not in the default one. "" is "auth_user".
	Table string

	ID       string // the primary key; "" is "id"
	Username string // USERNAME_FIELD; "" is "username"
	Password string // the encoded password; "" is "password"

	// Active is the column is_active; with NoColumn all users are active. ""
	// is "is_active".
	Active string

	// LastLogin is the column last_login; with NoColumn it is not written. ""
	// is "last_login".
	LastLogin string

	// UUID says that the primary key is a UUIDField. In the session it has
	// dashes; Django keeps it without them in SQLite and MySQL.
	UUID bool

	// Dialect is "sqlite", "postgresql" or "mysql"; "" finds out from the driver.
	Dialect string
}

// UsersTable is Users in a table of a SQL database.
type UsersTable struct {
	db      *sql.DB
	dialect *dialect
	uuid    bool

	byID, byUsername, setPassword, setLastLogin string // the statements
}

// Table finds users in a table of db, as a Django on that database does. The error
// names everything that is wrong with the options; the database is not asked.
//
// Usernames are compared byte for byte, as Django has it on SQLite and PostgreSQL.
// (On MySQL its default collations find alice for ALICE; here they don't.)
func Table(db *sql.DB, o TableOptions) (*UsersTable, error) {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("auth: Table: "+format, args...))
	}
	or := func(field *string, def string) {
		if *field == "" {
			*field = def
		}
	}
	or(&o.Table, "auth_user")
	or(&o.ID, "id")
	or(&o.Username, "username")
	or(&o.Password, "password")
	or(&o.Active, "is_active")
	or(&o.LastLogin, "last_login")

	if !isTable(o.Table) {
		wrong("%q is not a table name", o.Table)
	}
	for _, column := range []string{o.ID, o.Username, o.Password} {
		if !identifier.MatchString(column) {
			wrong("%q is not a column name", column)
		}
	}
	for _, column := range []string{o.Active, o.LastLogin} {
		if column != NoColumn && !identifier.MatchString(column) {
			wrong("%q is not a column name", column)
		}
	}
	t := &UsersTable{db: db, uuid: o.UUID}
	if db == nil {
		wrong("no database")
	} else {
		d, err := findDialect(db, o.Dialect)
		if err != nil {
			wrong("%w", err)
		}
		t.dialect = d
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	t.prepare(o)
	return t, nil
}

// prepare writes the statements.
func (t *UsersTable) prepare(o TableOptions) {
	d := t.dialect
	table, id, username, password := d.quoteName(o.Table), d.quoteName(o.ID), d.quoteName(o.Username), d.quoteName(o.Password)
	active := "1"
	if o.Active != NoColumn {
		active = d.quoteName(o.Active)
	}
	find := "SELECT " + fmt.Sprintf(d.text, id) + ", " + username + ", " + password + ", " + active + " FROM " + table + " WHERE "
	t.byID = d.rebind(find + id + " = ?")
	t.byUsername = d.rebind(find + username + " = ?")
	t.setPassword = d.rebind("UPDATE " + table + " SET " + password + " = ? WHERE " + id + " = ? AND " + fmt.Sprintf(d.bytes, password))
	if o.LastLogin != NoColumn {
		t.setLastLogin = d.rebind("UPDATE " + table + " SET " + d.quoteName(o.LastLogin) + " = " + d.date + " WHERE " + id + " = ?")
	}
}

// ByID returns the user with that primary key.
func (t *UsersTable) ByID(ctx context.Context, id string) (*User, error) {
	return t.find(ctx, t.byID, t.key(id), func(u *User) bool { return u.ID == id })
}

// ByUsername returns the user of that name. Two of them are an error.
func (t *UsersTable) ByUsername(ctx context.Context, username string) (*User, error) {
	return t.find(ctx, t.byUsername, username, func(u *User) bool { return u.Username == username })
}

// find returns the one user that is. The database may find more: a collation can
// fold case and accents, and MySQL takes "7x" for 7.
func (t *UsersTable) find(ctx context.Context, statement, value string, is func(*User) bool) (*User, error) {
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return nil, ErrNoUser // PostgreSQL would refuse it
	}
	found, err := t.query(ctx, statement, value, is)
	switch {
	case err != nil && notAValue(err):
		return nil, ErrNoUser
	case err != nil:
		return nil, fmt.Errorf("auth: users: %w", err)
	case len(found) == 0:
		return nil, ErrNoUser
	case len(found) > 1:
		return nil, errors.New("auth: users: several rows for one user")
	}
	return found[0], nil
}

func (t *UsersTable) query(ctx context.Context, statement, value string, is func(*User) bool) ([]*User, error) {
	rows, err := t.db.QueryContext(ctx, statement, value)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []*User
	for rows.Next() {
		var id, username, password sql.NullString
		var active sql.NullBool
		if err := rows.Scan(&id, &username, &password, &active); err != nil {
			return nil, err
		}
		u := &User{ID: t.id(id.String), Username: username.String, Password: password.String, Active: active.Bool}
		if is(u) {
			found = append(found, u)
		}
	}
	return found, rows.Err()
}

// ReplacePassword stores fresh in place of u.Password, if that is still there.
func (t *UsersTable) ReplacePassword(ctx context.Context, u *User, fresh string) (bool, error) {
	result, err := t.db.ExecContext(ctx, t.setPassword, fresh, t.key(u.ID), u.Password)
	if err != nil {
		return false, fmt.Errorf("auth: users: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("auth: users: %w", err)
	}
	return n > 0, nil
}

// UpdateLastLogin stores at in the column last_login.
func (t *UsersTable) UpdateLastLogin(ctx context.Context, u *User, at time.Time) error {
	if t.setLastLogin == "" {
		return nil
	}
	if _, err := t.db.ExecContext(ctx, t.setLastLogin, t.dialect.formatDate(at), t.key(u.ID)); err != nil {
		return fmt.Errorf("auth: users: %w", err)
	}
	return nil
}

// key is an ID as the column has it, id the other way round.
func (t *UsersTable) key(id string) string {
	if t.uuid && !t.dialect.hyphens {
		return strings.ReplaceAll(id, "-", "")
	}
	return id
}

func (t *UsersTable) id(key string) string {
	if bare := strings.ReplaceAll(key, "-", ""); t.uuid && len(bare) == 32 {
		return bare[:8] + "-" + bare[8:12] + "-" + bare[12:16] + "-" + bare[16:20] + "-" + bare[20:]
	}
	return key
}
