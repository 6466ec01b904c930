package demo

import (
	"errors"
	"net/http"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/auth/devices"
)

// recent is how long ago a login may be for ending other sessions.
const recent = 10 * time.Minute

// deviceView is a device as the page shows it.
type deviceView struct {
	devices.Device
	Agent string // what it called itself, cut short
}

// listDevices are the member's, the first twenty of them.
func (site *Site) listDevices(r *http.Request, user *auth.User) ([]deviceView, error) {
	if site.devices == nil {
		return nil, nil
	}
	mine, _, err := site.devices.List(r.Context(), user.ID, "")
	views := make([]deviceView, len(mine))
	for i, d := range mine {
		views[i] = deviceView{d, shortened(d.UserAgent, 90)}
		if views[i].Agent == "" {
			views[i].Agent = "unknown"
		}
	}
	return views, err
}

func shortened(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}

// revoke ends one of the member's sessions.
func (site *Site) revoke(w http.ResponseWriter, r *http.Request, s *sessions.Session, user *auth.User) {
	err := site.devices.Revoke(r.Context(), user.ID, r.PostFormValue("handle"))
	switch {
	case errors.Is(err, devices.ErrNoDevice):
		back(w, r, s, "That session had ended already.", "devices")
	case err != nil:
		site.sessions.Error(w, r, err)
	default:
		back(w, r, s, "That session is over.", "devices")
	}
}

// revokeOthers ends all of them but this one.
func (site *Site) revokeOthers(w http.ResponseWriter, r *http.Request, s *sessions.Session, user *auth.User) {
	ended, err := site.devices.RevokeOthers(r.Context(), user.ID)
	if err != nil {
		site.sessions.Error(w, r, err)
		return
	}
	message := "You were logged in nowhere else."
	if ended > 0 {
		message = "You are logged in only here now."
	}
	back(w, r, s, message, "devices")
}

// denied answers who must log in first, or again.
func (site *Site) denied(w http.ResponseWriter, r *http.Request, why error) {
	s, err := sessions.FromContext(r.Context())
	if err != nil {
		site.sessions.Error(w, r, err)
		return
	}
	message := "Log in first."
	if errors.Is(why, auth.ErrRecentLoginRequired) {
		message = "Your login was a while ago: enter your password once more."
	}
	back(w, r, s, message, "devices")
}
