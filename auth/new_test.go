package auth_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/auth"
)

// Everything that is wrong is said at once.
func TestNewReportsAll(t *testing.T) {
	_, err := auth.New(nil, auth.Options{
		Backends:   []auth.Backend{nil, auth.ModelBackend{}, auth.ModelBackend{Users: newUsers()}, answering{}},
		LoginURL:   "login/",
		ConfirmURL: "javascript:alert(1)",
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"no Manager", "Backends[0] is nil", "Backends[1]: ModelBackend has no Users", "Backends[2] has the name of another one",
		"Backends[3] has no name", "LoginURL", "ConfirmURL",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	s := newSite(t)
	if _, err := auth.New(s.Manager, auth.Options{}); err == nil {
		t.Error("no error without backends")
	}
	for _, bad := range []string{"login", "http:/login/", "ftp://host/", "mailto:a@b", "/%zz", "?a=b"} {
		if _, err := auth.New(s.Manager, auth.Options{Backends: []auth.Backend{answering{name: "a"}}, LoginURL: bad}); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

func TestTableReportsAll(t *testing.T) {
	_, err := auth.Table(nil, auth.TableOptions{Table: "a b", ID: "1", Username: `x"y`, Password: "p;", Active: "a.b", LastLogin: "é"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"a b", "1", `x\"y`, "p;", "a.b", "é", "no database"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	db := sql.OpenDB(noDriver{})
	for _, o := range []auth.TableOptions{{}, {Dialect: "oracle"}, {Dialect: "sqlite", ID: auth.NoColumn}} {
		if _, err := auth.Table(db, o); err == nil {
			t.Errorf("no error for %+v", o)
		}
	}
	users, err := auth.Table(db, auth.TableOptions{Dialect: "postgresql", Table: "site.users", Active: auth.NoColumn, LastLogin: auth.NoColumn})
	check(t, err)
	_, err = users.ByID(t.Context(), "1")
	is(t, "a database that fails", err, errNoDriver)
	_, err = users.ByUsername(t.Context(), "a\x00b")
	is(t, "a name that can't be", err, auth.ErrNoUser)
	check(t, users.UpdateLastLogin(t.Context(), &auth.User{ID: "1"}, time.Unix(0, 0)))
}

var errNoDriver = errors.New("no connection")

type noDriver struct{}

func (noDriver) Connect(context.Context) (driver.Conn, error) { return nil, errNoDriver }
func (d noDriver) Driver() driver.Driver                      { return d }
func (noDriver) Open(string) (driver.Conn, error)             { return nil, errNoDriver }

// No way of printing a user shows the password.
func TestUsersKeepTheirPasswords(t *testing.T) {
	u := &auth.User{ID: "7", Username: "alice", Password: "plain$alice", Data: "plain$data"}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "user", u)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q", u, u, u, u, u), log.String()} {
		if strings.Contains(text, "plain$") || !strings.Contains(text, "user 7") {
			t.Error(text)
		}
	}
	var nobody *auth.User
	equal(t, "nobody", nobody.String(), "anonymous user")
	equal(t, "nobody is somebody", nobody.IsAuthenticated(), false)
	equal(t, "alice is somebody", u.IsAuthenticated(), true)
}
