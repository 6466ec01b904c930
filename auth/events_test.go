package auth_test

import (
	"context"
	"slices"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/engine"
)

// oneUser is a Backend of one user, whose password is "right".
type oneUser struct{ user *auth.User }

func (oneUser) Name() string { return "one user" }

func (b oneUser) User(context.Context, string) (*auth.User, error) { return b.user, nil }

func (b oneUser) Authenticate(_ context.Context, _, password string) (*auth.User, error) {
	if password != "right" {
		return nil, auth.ErrCredentials
	}
	return b.user, nil
}

// TestEvents: what happens to logins, in order, with the user and without keys.
func TestEvents(t *testing.T) {
	var told []string
	st := sessions.DefaultSettings()
	st.SecretKey = "a secret key of this test, which is long enough for Django"
	st.OnEvent = func(_ context.Context, e sessions.Event) {
		told = append(told, string(e.Kind)+" "+string(e.Reason)+" "+e.UserID)
	}
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		t.Fatal(err)
	}
	user := &auth.User{ID: "7", Password: "a hash", Active: true}
	a, err := auth.New(m, auth.Options{Backends: []auth.Backend{oneUser{user}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := a.Authenticate(ctx, "somebody", "wrong"); err == nil {
		t.Fatal("a wrong password is right")
	}
	u, err := a.Authenticate(ctx, "somebody", "right")
	if err != nil {
		t.Fatal(err)
	}
	s := m.Open("")
	if err := a.Login(ctx, s, u); err != nil {
		t.Fatal(err)
	}
	user.Password = "another hash" // changed elsewhere
	if u, err := a.User(ctx, s); u != nil || err != nil {
		t.Fatalf("after a change of the password: %v, %v", u, err)
	}
	want := []string{"login_failed  ", "created  ", "authenticated  7", "ended flushed ", "hash_mismatch  7"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
