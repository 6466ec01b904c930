package sessions_test

import (
	"net/http"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// A handler that saves the session and then deletes what is stored is answered as
// at Django: no cookie for a session that is not there.
func TestDeleteStoredAfterSave(t *testing.T) {
	s := newSite(t)
	response := s.get("", sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *sessions.Session) {
		s.Set("a", 1)
		if err := s.Save(r.Context()); err != nil {
			t.Error(err)
		}
		if err := s.DeleteStored(r.Context()); err != nil {
			t.Error(err)
		}
	}))
	equal(t, "status", response.StatusCode, http.StatusBadRequest)
	equal(t, "cookies", len(response.Cookies()), 0)
}

// A cookie session that a handler saves by itself is a new cookie, which is sent.
func TestSaveOfACookieSessionIsSent(t *testing.T) {
	st := sessions.DefaultSettings()
	st.SecretKey = siteSecret
	m, err := sessions.New(st, engine.SignedCookies())
	if err != nil {
		t.Fatal(err)
	}
	response := serve(m.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *sessions.Session) {
		if err := s.Save(r.Context()); err != nil {
			t.Error(err)
		}
	})), "")
	if cookies := response.Cookies(); len(cookies) != 1 || cookies[0].Value == "" {
		t.Errorf("cookies %v", cookies)
	}
}
