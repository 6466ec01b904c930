package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
)

// state is a session as /session.json shows it.
type state struct {
	Data       json.RawMessage `json:"data"`        // the stored values, as they are stored
	ExpiresIn  float64         `json:"expires_in"`  // seconds; 0 without a session
	Cookie     *cookie         `json:"cookie"`      // of this response; null when it sets none
	Engine     string          `json:"engine"`      // "db"
	StoreCalls int             `json:"store_calls"` // of this request
}

// cookie is what a response says of the session's cookie, by the names of
// Django's set_cookie. The value stays out: it is HttpOnly for a reason.
type cookie struct {
	Name     string `json:"name"`
	MaxAge   *int   `json:"max_age"` // null: until the browser closes
	Expires  string `json:"expires,omitempty"`
	Path     string `json:"path"`
	Domain   string `json:"domain,omitempty"`
	Secure   bool   `json:"secure"`
	HTTPOnly bool   `json:"httponly"`
	SameSite string `json:"samesite"`
}

// state is the session's, once the response's headers are written.
func (site *Site) state(h http.Header, r *http.Request, s *sessions.Session) state {
	st := state{
		Data:       object(s),
		Engine:     site.sessions.EngineName(),
		StoreCalls: len(callsOf(r.Context())),
	}
	if s.Key() != "" {
		st.ExpiresIn = s.ExpiryAge().Seconds()
	}
	st.Cookie, _ = site.cookie(h)
	return st
}

// object is the session's dictionary with its values as they are stored, except
// for the hash of a password.
func object(s *sessions.Session) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for name, value := range s.Items() {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		quoted, _ := json.Marshal(name) // a string always can be
		b.Write(quoted)
		b.WriteByte(':')
		if !json.Valid(value) { // Python's NaN: JSON has it as text only
			value, _ = json.Marshal(string(value))
		}
		if name == "_auth_user_hash" && len(value) > 6 { // it is as good as the password's own hash
			value = append(slices.Clone(value[:5]), "…\""...)
		}
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// cookie reads the session cookie that a response sets, and its line with the
// key cut short.
func (site *Site) cookie(h http.Header) (*cookie, string) {
	name := site.sessions.Settings().CookieName
	for _, line := range h["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil || c.Name != name {
			continue
		}
		shown := &cookie{
			Name: c.Name, Expires: c.RawExpires, Path: c.Path, Domain: c.Domain, Secure: c.Secure, HTTPOnly: c.HttpOnly,
		}
		switch c.SameSite {
		case http.SameSiteLaxMode:
			shown.SameSite = "Lax"
		case http.SameSiteStrictMode:
			shown.SameSite = "Strict"
		case http.SameSiteNoneMode:
			shown.SameSite = "None"
		}
		switch {
		case c.MaxAge > 0:
			shown.MaxAge = &c.MaxAge
		case c.MaxAge < 0: // how net/http spells Max-Age=0
			shown.MaxAge = new(int)
		}
		_, attributes, _ := strings.Cut(line, ";")
		return shown, name + "=" + prefix(c.Value) + "…;" + attributes
	}
	return nil, ""
}

// prefix is enough of a key to see it change. A real site shows nothing of it.
func prefix(key string) string { return key[:min(4, len(key))] }

// Period is a duration in words: "30 minutes", "20 seconds".
func Period(d time.Duration) string {
	n, unit := int64(d/time.Second), "second"
	if n >= 60 && n%60 == 0 {
		n, unit = n/60, "minute"
	}
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
