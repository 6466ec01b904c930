package demo

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keepsake-go/sessions"
)

// back redirects to the page with a word about what was done: a session of its
// own keeps the word until the page has shown it.
func back(w http.ResponseWriter, r *http.Request, s *sessions.Session, message, panel string) {
	s.Set("message", message)
	http.Redirect(w, r, "/#"+panel, http.StatusSeeOther)
}

func (site *Site) color(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	color := strings.TrimSpace(r.PostFormValue("favorite_color"))
	if color == "" || utf8.RuneCountInString(color) > 40 {
		http.Error(w, "favorite_color: 1 to 40 characters, please", http.StatusBadRequest)
		return
	}
	s.Set("favorite_color", color)
	back(w, r, s, "Saved: your favourite colour is "+color+".", "color")
}

func (site *Site) comment(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	if sessions.Get(s, "has_commented", false) {
		back(w, r, s, "You have commented already.", "comment")
		return
	}
	s.Set("has_commented", true)
	back(w, r, s, "Thanks for your comment!", "comment")
}

func (site *Site) expiry(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	var message string
	switch r.PostFormValue("expiry") {
	case "after":
		s.ExpireAfter(5 * time.Minute)
		message = "The session ends 5 minutes after the last request."
	case "at":
		s.ExpireAt(site.now().Add(5 * time.Minute))
		message = "The session ends in 5 minutes, whatever you do."
	case "browser_close":
		s.ExpireAtBrowserClose()
		message = "The cookie ends with the browser."
	case "default":
		s.ExpireByDefault()
		message = "The settings decide again."
	default:
		http.Error(w, "expiry: after, at, browser_close or default, please", http.StatusBadRequest)
		return
	}
	back(w, r, s, message, "expiry")
}

func (site *Site) flush(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	if err := s.Flush(r.Context()); err != nil {
		site.sessions.Error(w, r, err)
		return
	}
	http.Redirect(w, r, "/goodbye", http.StatusSeeOther)
}
