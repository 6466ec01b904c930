package auth_test

import (
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
)

// The session's part alone, for a program that keeps its users elsewhere.
func TestSessionIdentity(t *testing.T) {
	s := newSite(t)
	session := s.Open("")
	if _, found, err := auth.SessionIdentity(session); found || err != nil {
		t.Errorf("a new session: %v, %v", found, err)
	}
	id := auth.Identity{UserID: "7", Backend: "site.Backend", Hash: "abc", Since: time.Unix(1700000000, 0)}
	check(t, auth.SessionLogin(t.Context(), session, id, nil))
	got, found, err := auth.SessionIdentity(session)
	check(t, err)
	equal(t, "found", found, true)
	equal(t, "identity", got, id)

	// A second login whose time is not known takes away the one of the first.
	id.Since = time.Time{}
	check(t, auth.SessionLogin(t.Context(), session, id, nil))
	got, _, err = auth.SessionIdentity(session)
	check(t, err)
	equal(t, "identity", got, id)

	if _, _, err := auth.SessionIdentity(s.Open(session.Key())); err == nil {
		t.Error("no error for a session that is not loaded")
	}
}

// Users without a hash are still different users.
func TestSessionLoginOfAnotherUserWithoutAHash(t *testing.T) {
	s := newSite(t)
	session := s.session("")
	check(t, auth.SessionLogin(t.Context(), session, auth.Identity{UserID: "7", Backend: "b"}, nil))
	session.Set("secret", "of 7")
	check(t, auth.SessionLogin(t.Context(), session, auth.Identity{UserID: "7", Backend: "b"}, nil))
	equal(t, "the same user's value", session.Has("secret"), true)
	check(t, auth.SessionLogin(t.Context(), session, auth.Identity{UserID: "8", Backend: "b"}, nil))
	equal(t, "session", text(s.session(session.Key())), `_auth_user_id="8" _auth_user_backend="b" _auth_user_hash`)
}

func TestSessionUpdateHash(t *testing.T) {
	s := newSite(t)
	session := s.session("")
	check(t, auth.SessionLogin(t.Context(), session, auth.Identity{UserID: "7", Backend: "b", Hash: "old"}, nil))
	key := session.Key()
	check(t, auth.SessionUpdateHash(t.Context(), session, "new"))
	equal(t, "the old key lives", s.exists(key), false)
	equal(t, "session", text(s.session(session.Key())), `_auth_user_id="7" _auth_user_backend="b" _auth_user_hash`)

	for _, row := range []struct {
		hash      string
		fallbacks []string
		want      auth.Verdict
	}{
		{"new", nil, auth.Verified},
		{"newer", []string{"x", "new"}, auth.Renewed},
		{"newer", nil, auth.Verified},
		{"newest", []string{"new"}, auth.Ended},
		{"newer", nil, auth.Ended},
	} {
		verdict, err := auth.SessionVerify(t.Context(), session, row.hash, row.fallbacks)
		check(t, err)
		equal(t, row.hash, verdict, row.want)
	}

	ended := s.session("")
	ended.Set("a", 1)
	check(t, ended.Save(t.Context()))
	check(t, s.Delete(t.Context(), ended.Key()))
	is(t, "an ended session", auth.SessionUpdateHash(t.Context(), ended, "new"), sessions.ErrInterrupted)
}
