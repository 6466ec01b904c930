package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
)

// page is what the templates show.
type page struct {
	Message   string
	New       bool // the session began with this request
	Forgotten bool // and the browser came with a key that the store doesn't have

	Color     string
	Visits    int
	Member    string // who is logged in; "" for nobody
	Username  string
	Devices   []deviceView
	Confirm   bool   // the login is too long ago for ending other sessions
	Key       string // its first characters
	KeyBefore string
	Commented bool
	Exam      examView
	Window    string // of the exam

	Stored       string // the values as indented JSON
	HasSession   bool
	Expires      time.Time
	Left         time.Duration
	BrowserClose bool
	CookieLine   string
	Engine       string
	InCookie     bool // the session is its cookie: a cookie engine
	Calls        []string
}

// home counts a visit, saves, and then shows what was saved.
func (site *Site) home(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	_, err := r.Cookie(site.sessions.Settings().CookieName)
	p := page{New: s.Key() == "", Forgotten: s.Key() == "" && err == nil}
	if r.Method != http.MethodHead { // HEAD is no visit
		p.Message = sessions.Get(s, "message", "")
		s.Delete("message")
		sessions.Update(s, "visit_count", func(n int) int { return n + 1 })
		if err := s.Save(r.Context()); err != nil {
			site.sessions.Error(w, r, err)
			return
		}
	}
	site.show(w, r, s, "home.html", p)
}

// goodbye is where a flush leads. It sets nothing, so no session begins.
func (site *Site) goodbye(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	site.show(w, r, s, "goodbye.html", page{})
}

// sessionJSON shows the session as it is.
func (site *Site) sessionJSON(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	begin(w, s, "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // the values as they are stored
	_ = encoder.Encode(site.state(w.Header(), r, s))
}

// begin sends the headers before anything is shown: with WriteHeader the
// middleware saves and sets the cookie, so that the body can tell of both.
func begin(w http.ResponseWriter, s *sessions.Session, contentType string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store") // it is one visitor's, and old at once
	_ = s.Len()                                 // what looks into the session only later varies on the cookie as well
	w.WriteHeader(http.StatusOK)
}

// show renders a page of the session.
func (site *Site) show(w http.ResponseWriter, r *http.Request, s *sessions.Session, name string, p page) {
	user, err := site.auth.User(r.Context(), s)
	if err == nil && user != nil {
		p.Member, p.Username = firstName(user), user.Username
		p.Devices, err = site.listDevices(r, user)
		id, _, _ := auth.SessionIdentity(s)
		p.Confirm = site.now().Sub(id.Since) > recent
	}
	if err != nil {
		site.sessions.Error(w, r, err)
		return
	}
	begin(w, s, "text/html; charset=utf-8")
	color := sessions.Get(s, "favorite_color", "red")
	p.Color = color
	p.Visits = sessions.Get(s, "visit_count", 0)
	p.Key = prefix(s.Key())
	p.KeyBefore = sessions.Get(s, "key_before", "")
	p.Commented = sessions.Get(s, "has_commented", false)
	p.Exam = newExamView(sessions.Get(s, "exam_answers", []int(nil)))
	p.Window = Period(site.sessions.Settings().CookieAge)

	p.Stored = indented(s)
	p.HasSession = s.Key() != ""
	p.Expires = s.ExpiryDate().UTC()
	p.Left = s.ExpiryAge()
	p.BrowserClose = s.ExpiresAtBrowserClose()
	_, p.CookieLine = site.cookie(w.Header())
	p.Engine = site.sessions.EngineName()
	p.InCookie = strings.HasSuffix(p.Engine, "_cookies")
	p.Calls = callsOf(r.Context())

	var b bytes.Buffer
	if err := site.pages.ExecuteTemplate(&b, name, &p); err != nil {
		slog.ErrorContext(r.Context(), "demo: page", slog.Any("error", err))
		return
	}
	_, _ = w.Write(b.Bytes()) // a visitor who has gone is no error
}

// indented is the session's dictionary for people.
func indented(s *sessions.Session) string {
	var b bytes.Buffer
	if err := json.Indent(&b, object(s), "", "  "); err != nil {
		return string(object(s))
	}
	return b.String()
}

// Clock is the time left as minutes and seconds.
func (p *page) Clock() string {
	return fmt.Sprintf("%d:%02d", p.Seconds()/60, p.Seconds()%60)
}

// Seconds is the time left, for the countdown.
func (p *page) Seconds() int { return max(0, int(p.Left/time.Second)) }
