package csrf

import (
	"context"
	"crypto/subtle"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/csrftoken"
)

// Token is the token for the forms and scripts of a page: Django's get_token. It is
// another one at each call, behind a fresh mask, and all of them are good until the
// secret is rotated. Where there is no secret yet, one is made.
//
// Call it before the response begins: it sets the cookie, which each use renews, or
// looks into the session. ErrNoProtection without Protection.Handler; else the
// session's errors.
func Token(r *http.Request) (string, error) {
	c, _ := r.Context().Value(currentKey{}).(*current)
	if c == nil {
		return "", ErrNoProtection
	}
	return c.token(r)
}

// Field is a hidden field with the token, for a form: Django's {% csrf_token %}.
func Field(r *http.Request) (template.HTML, error) {
	token, err := Token(r)
	if err != nil {
		return "", err
	}
	return template.HTML(`<input type="hidden" name="` + FieldName + `" value="` + token + `">`), nil
}

// Rotate makes a new secret, so that what was known of the old one is of no use:
// Django's rotate_token, which its login() calls. Forms of pages that are open no
// longer work. auth.Auth.Login rotates a secret in the session by itself; with a
// cookie, call this after it.
func Rotate(r *http.Request) error {
	c, _ := r.Context().Value(currentKey{}).(*current)
	if c == nil {
		return ErrNoProtection
	}
	return c.rotate(r)
}

// matches compares a token with a secret, in constant time.
func matches(token, secret string) bool {
	given, ok := csrftoken.Secret(token)
	return ok && subtle.ConstantTimeCompare([]byte(given), []byte(secret)) == 1
}

// current is what a request knows of its secret.
type current struct {
	p      *Protection
	header http.Header // of the response

	mu     sync.Mutex
	cookie string // what the cookie holds, or will
}

type currentKey struct{}

func (c *current) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, currentKey{}, c)
}

// read finds the cookie: of several the last, as in Django.
func (c *current) read(r *http.Request) {
	if c.p.options.UseSessions {
		return
	}
	for _, cookie := range r.CookiesNamed(c.p.options.CookieName) {
		c.cookie = cookie.Value
	}
}

// secret is the bare secret, "" where there is none. The error is the session's.
func (c *current) secret(r *http.Request) (string, error) {
	stored := c.cookie
	if c.p.options.UseSessions {
		s := c.p.m.Session(r.Context())
		if err := s.Load(r.Context()); err != nil {
			return "", fmt.Errorf("csrf: %w", err)
		}
		var err error
		if stored, _, err = sessions.Lookup[string](s, csrftoken.SessionKey); err != nil {
			stored = "" // of another type: as good as none
		}
	}
	secret, _ := csrftoken.Secret(stored)
	return secret, nil
}

func (c *current) token(r *http.Request) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	secret, err := c.secret(r)
	if err != nil {
		return "", err
	}
	if secret == "" {
		if secret, err = c.make(r); err != nil {
			return "", err
		}
	}
	c.send()
	return csrftoken.Mask(secret), nil
}

// make makes a secret. In a session that is stored already it is saved at once:
// the one that a parallel request has saved first counts for both.
func (c *current) make(r *http.Request) (string, error) {
	fresh := csrftoken.New()
	if !c.p.options.UseSessions {
		c.cookie = fresh
		return c.secret(r)
	}
	s := c.p.m.Session(r.Context())
	sessions.Update(s, csrftoken.SessionKey, func(latest any) any {
		if text, ok := latest.(string); ok {
			if _, ok := csrftoken.Secret(text); ok {
				return latest
			}
		}
		return fresh
	})
	if s.Key() != "" {
		if err := s.Save(r.Context()); err != nil {
			return "", fmt.Errorf("csrf: %w", err)
		}
	}
	return c.secret(r)
}

func (c *current) rotate(r *http.Request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.p.options.UseSessions {
		c.cookie = csrftoken.New()
		c.send()
		return nil
	}
	s := c.p.m.Session(r.Context())
	if err := s.Load(r.Context()); err != nil {
		return fmt.Errorf("csrf: %w", err)
	}
	s.Set(csrftoken.SessionKey, csrftoken.New())
	return nil
}

// send puts the cookie into the response, once.
func (c *current) send() {
	if c.p.options.UseSessions {
		return
	}
	cookie := c.p.cookie(c.cookie)
	kept := c.header["Set-Cookie"][:0:0]
	for _, line := range c.header["Set-Cookie"] {
		if !strings.HasPrefix(line, cookie.Name+"=") {
			kept = append(kept, line)
		}
	}
	c.header["Set-Cookie"] = append(kept, cookie.String())
	varyOnCookie(c.header)
}

func varyOnCookie(h http.Header) {
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, "Cookie") {
				return
			}
		}
	}
	h.Add("Vary", "Cookie")
}

// cookie is the cookie that holds the secret.
func (p *Protection) cookie(value string) *http.Cookie {
	o := p.options
	site, _ := sameSite(o.CookieSameSite)
	cookie := &http.Cookie{
		Name: o.CookieName, Value: value, Path: o.CookiePath, Domain: o.CookieDomain,
		Secure: p.settings.CookieSecure, HttpOnly: o.CookieHTTPOnly, SameSite: site,
	}
	if o.CookieAge > 0 {
		now := time.Now()
		if p.settings.Clock != nil {
			now = p.settings.Clock()
		}
		cookie.MaxAge, cookie.Expires = int(o.CookieAge/time.Second), now.Add(o.CookieAge).UTC()
	}
	return cookie
}

func sameSite(text string) (http.SameSite, error) {
	switch strings.ToLower(text) {
	case "lax":
		return http.SameSiteLaxMode, nil
	case "strict":
		return http.SameSiteStrictMode, nil
	case "none":
		return http.SameSiteNoneMode, nil
	}
	return 0, fmt.Errorf("CookieSameSite: %q is neither Lax, Strict nor None", text)
}
