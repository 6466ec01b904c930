package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keepsake-go/sessions/internal/sqldialect"
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
	db   *sqldialect.DB
	uuid bool

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

	for _, column := range []string{o.ID, o.Username, o.Password} {
		if !sqldialect.IsName(column) {
			wrong("%q is not a column name", column)
		}
	}
	for _, column := range []string{o.Active, o.LastLogin} {
		if column != NoColumn && !sqldialect.IsName(column) {
			wrong("%q is not a column name", column)
		}
	}
	var d *sqldialect.Dialect
	if db == nil {
		wrong("no database")
	} else {
		var err error
		if d, err = sqldialect.Find(db, o.Dialect); err != nil {
			wrong("%w", err)
		}
	}
	if err := sqldialect.CheckTable(o.Table, d); err != nil {
		wrong("%w", err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	t := &UsersTable{db: sqldialect.New(db, d, nil), uuid: o.UUID}
	t.compose(o)
	return t, nil
}

// compose writes the statements.
func (t *UsersTable) compose(o TableOptions) {
	d := t.db
	table, id, username, password := d.QuoteName(o.Table), d.QuoteName(o.ID), d.QuoteName(o.Username), d.QuoteName(o.Password)
	active := "1"
	if o.Active != NoColumn {
		active = d.QuoteName(o.Active)
	}
	find := "SELECT " + d.Text(id) + ", " + username + ", " + password + ", " + active + " FROM " + table + " WHERE "
	t.byID = d.Rebind(find + id + " = ?")
	t.byUsername = d.Rebind(find + username + " = ?")
	t.setPassword = d.Rebind("UPDATE " + table + " SET " + password + " = ? WHERE " + id + " = ? AND " + d.Match(password))
	if o.LastLogin != NoColumn {
		t.setLastLogin = d.Rebind("UPDATE " + table + " SET " + d.QuoteName(o.LastLogin) + " = " + d.DateParam + " WHERE " + id + " = ?")
	}
}

// ByID returns the user with that primary key.
func (t *UsersTable) ByID(ctx context.Context, id string) (*User, error) {
	if !possible(id) {
		return nil, ErrNoUser
	}
	row, err := t.db.Row(ctx, t.byID, t.key(id))
	if err != nil {
		return nil, t.failed(err)
	}
	u, err := t.scan(row)
	if err != nil {
		return nil, t.failed(err)
	}
	if u.ID != id { // MySQL takes "7x" for 7, and has collations that fold case
		return nil, ErrNoUser
	}
	return u, nil
}

// ByUsername returns the user of that name. Two of them are an error.
func (t *UsersTable) ByUsername(ctx context.Context, username string) (*User, error) {
	if !possible(username) {
		return nil, ErrNoUser
	}
	rows, err := t.db.SQL.QueryContext(ctx, t.byUsername, username)
	if err != nil {
		return nil, t.failed(err)
	}
	defer func() { _ = rows.Close() }()
	var found *User
	for rows.Next() {
		u, err := t.scan(rows)
		if err != nil {
			return nil, t.failed(err)
		}
		if u.Username != username { // as above
			continue
		}
		if found != nil {
			return nil, errors.New("auth: users: several of that name")
		}
		found = u
	}
	if err := rows.Err(); err != nil {
		return nil, t.failed(err)
	}
	if found == nil {
		return nil, ErrNoUser
	}
	return found, nil
}

// possible reports whether a column can hold a text at all: PostgreSQL refuses to
// look for one that it can't.
func possible(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

func (t *UsersTable) scan(row interface{ Scan(...any) error }) (*User, error) {
	var id, username, password sql.NullString
	var active sql.NullBool
	if err := row.Scan(&id, &username, &password, &active); err != nil {
		return nil, err
	}
	return &User{ID: t.id(id.String), Username: username.String, Password: password.String, Active: active.Bool}, nil
}

// failed says what the error of a query means.
func (t *UsersTable) failed(err error) error {
	if errors.Is(err, sql.ErrNoRows) || t.db.Unfit(err) {
		return ErrNoUser
	}
	return fmt.Errorf("auth: users: %w", err)
}

// ReplacePassword stores fresh in place of u.Password, if that is still there.
func (t *UsersTable) ReplacePassword(ctx context.Context, u *User, fresh string) (bool, error) {
	n, err := t.db.Write(ctx, t.setPassword, fresh, t.key(u.ID), u.Password)
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
	if _, err := t.db.Write(ctx, t.setLastLogin, t.db.DateIn(at, at.Location()), t.key(u.ID)); err != nil {
		return fmt.Errorf("auth: users: %w", err)
	}
	return nil
}

// key is an ID as the column has it, id the other way round. PostgreSQL has a type
// for UUIDs.
func (t *UsersTable) key(id string) string {
	if t.uuid && t.db.Dialect != sqldialect.PostgreSQL {
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
