package tests

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth/devices"
)

// TestSecurity28_AllSessionsOfAUserEnd: whoever runs the site can end one user's
// sessions, or one of them, at once, and no other user's.
func TestSecurity28_AllSessionsOfAUserEnd(t *testing.T) {
	for _, g := range grounds {
		t.Run(g.name, func(t *testing.T) {
			s := newShop(t, g.make(t))
			var hers []*browser
			for _, agent := range []string{"a", "b", "c"} {
				hers = append(hers, s.browser(agent).login("7"))
			}
			other := s.browser("other").login("8")
			keys := []string{hers[0].key, hers[1].key, hers[2].key}
			noError(t, s.devices.Revoke(t.Context(), "7", s.handle("7", "a")))
			same(t, "the one is there", exists(t, s.Manager, keys[0]), false)
			same(t, "another one is there", exists(t, s.Manager, keys[1]), true)
			ended, err := s.devices.RevokeAll(t.Context(), "7")
			noError(t, err)
			same(t, "ended", ended, 2)
			for i, b := range hers {
				same(t, "the session is there", exists(t, s.Manager, keys[i]), false)
				same(t, "user", b.user(), "")
			}
			same(t, "the other user", other.user(), "8")
		})
	}
}

// TestSecurity29_UsersEndTheirOwnSessions: a user who has just logged in sees her
// sessions by handles that are no keys, and can end each and all; with a login of
// long ago she can't, and another's she neither sees nor ends.
func TestSecurity29_UsersEndTheirOwnSessions(t *testing.T) {
	s := newShop(t, grounds[1].make(t))
	phone, laptop, his := s.browser("phone").login("7"), s.browser("laptop").login("7"), s.browser("his").login("8")
	page := s.Handler(s.auth.RequireRecentLogin(10*time.Minute, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handle := r.URL.Query().Get("end"); handle != "" {
			if err := s.devices.Revoke(r.Context(), "7", handle); errors.Is(err, devices.ErrNoDevice) {
				w.WriteHeader(http.StatusNotFound)
			} else if err != nil {
				t.Error(err)
			}
			return
		}
		mine, _, err := s.devices.List(r.Context(), "7", "")
		noError(t, err)
		_, _ = fmt.Fprintf(w, "%+v", mine)
	})))
	get := func(b *browser, path string) (int, string) {
		r := httptest.NewRequest("GET", path, nil)
		r.AddCookie(&http.Cookie{Name: "sessionid", Value: b.key})
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	_, list := get(laptop, "/")
	phones, hisHandle := s.handle("7", "phone"), s.handle("8", "his")
	if !strings.Contains(list, phones) || !strings.Contains(list, "laptop") || strings.Contains(list, "his") || strings.Contains(list, hisHandle) {
		t.Errorf("the list: %s", list)
	}
	for _, b := range []*browser{phone, laptop, his} {
		if strings.Contains(list, b.key) || strings.Contains(list, b.key[:8]) {
			t.Error("the list shows a key")
		}
	}
	status, _ := get(laptop, "/?end="+hisHandle)
	same(t, "ending another's: status", status, http.StatusNotFound)
	status, _ = get(laptop, "/?end="+his.key)
	same(t, "ending by a key: status", status, http.StatusNotFound)
	same(t, "the other user", his.user(), "8")

	s.pass(11 * time.Minute)
	status, body := get(laptop, "/?end="+phones)
	same(t, "with an old login: status", status, http.StatusForbidden)
	same(t, "and nothing is shown", strings.Contains(body, phones), false)
	same(t, "the phone", phone.user(), "7")
	laptop.login("7")
	status, _ = get(laptop, "/?end="+phones)
	same(t, "after another login: status", status, http.StatusOK)
	same(t, "the phone", phone.user(), "")
	same(t, "the laptop", laptop.user(), "7")
	laptop.ask(func(r *http.Request, _ *sessions.Session) error {
		_, err := s.devices.RevokeAll(r.Context(), "7")
		return err
	})
	same(t, "the laptop, after all", laptop.user(), "")
}

// TestSecurity31_SessionsAtOnceAreLimited: the session that was seen the longest ago
// ends, whatever the order of logins; without a limit none does.
func TestSecurity31_SessionsAtOnceAreLimited(t *testing.T) {
	for _, limit := range []int{0, 1, 2} {
		s := newShop(t, grounds[1].make(t), func(_ *sessions.Settings, o *devices.Options) {
			o.Limit, o.Interval = limit, time.Second
		})
		a := s.browser("a").login("7")
		s.pass(time.Minute)
		b := s.browser("b").login("7")
		s.pass(time.Minute)
		a.user() // seen after b
		s.pass(time.Minute)
		c := s.browser("c").login("7")
		other := s.browser("other").login("8")
		want := map[int]string{0: "7 7 7", 1: "  7", 2: "7  7"}[limit]
		same(t, fmt.Sprint("a, b and c with a limit of ", limit), a.user()+" "+b.user()+" "+c.user(), want)
		same(t, "the other user", other.user(), "8")
	}
}
