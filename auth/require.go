package auth

import (
	"net/http"
	"time"
)

// RequireLogin lets only requests of somebody who is logged in pass: Django's
// login_required. Others are sent to Options.LoginURL, with the page that they
// wanted in its parameter next, or get 401 when there is none. It works with and
// without Handler around it, inside of Manager.Handler.
func (a *Auth) RequireLogin(next http.Handler) http.Handler {
	return a.require(next, func(*http.Request) (bool, error) { return true, nil })
}

// RequireRecentLogin is RequireLogin for what asks for more: only a user who has
// logged in here, with this session, no longer than d ago passes. Others are sent to
// Options.ConfirmURL, or get 403. A login at Django does not count: Django does
// not keep its time in the session, and last_login is that of any session.
func (a *Auth) RequireRecentLogin(d time.Duration, next http.Handler) http.Handler {
	return a.require(next, func(r *http.Request) (bool, error) {
		id, _, err := SessionIdentity(a.manager.Session(r.Context()))
		age := a.now().Sub(id.Since)
		return !id.Since.IsZero() && -clockSkew <= age && age <= d, err
	})
}

// clockSkew is how far the clock of another server may be ahead.
const clockSkew = time.Minute

func (a *Auth) require(next http.Handler, recent func(*http.Request) (bool, error)) http.Handler {
	return a.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, err := a.User(r.Context(), a.manager.Session(r.Context()))
		fresh := false
		if err == nil && user != nil {
			fresh, err = recent(r)
		}
		switch {
		case err != nil:
			a.manager.Error(w, r, err)
		case user == nil:
			a.deny(w, r, ErrLoginRequired)
		case !fresh:
			a.deny(w, r, ErrRecentLoginRequired)
		default:
			next.ServeHTTP(w, r)
		}
	}))
}

// deny answers who may not pass.
func (a *Auth) deny(w http.ResponseWriter, r *http.Request, err error) {
	to, status := a.login, http.StatusUnauthorized
	if err == ErrRecentLoginRequired {
		to, status = a.confirm, http.StatusForbidden
	}
	switch {
	case a.options.OnDenied != nil:
		a.options.OnDenied(w, r, err)
	case to.text != "":
		http.Redirect(w, r, to.withNext(r), http.StatusFound)
	default:
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Cookie") // RFC 9110 wants one; browsers ignore it
		}
		http.Error(w, http.StatusText(status), status)
	}
}

// RedirectToLogin sends the visitor to Options.LoginURL, with the page that was
// asked for in its parameter next: Django's redirect_to_login. See SafeRedirect for
// the way back. It is for handlers that let some visitors pass and others not;
// without a LoginURL it answers 401.
func (a *Auth) RedirectToLogin(w http.ResponseWriter, r *http.Request) {
	if a.login.text == "" {
		http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, a.login.withNext(r), http.StatusFound)
}

// ClearSiteData asks the browser to forget what it keeps of the site, its cache
// and storage included: for the response to a Logout. Browsers do it over HTTPS
// only, and take their time.
func ClearSiteData(h http.Header) { h.Set("Clear-Site-Data", `"cache", "cookies", "storage"`) }
