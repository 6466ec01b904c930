package demo

import (
	"context"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/auth/devices"
	"github.com/keepsake-go/sessions/auth/hashers"
	"github.com/keepsake-go/sessions/cache"
)

//go:embed static templates
var files embed.FS

// Settings are the demo's: those of an online exam whose window slides with
// each request.
func Settings(secretKey string, exam time.Duration) sessions.Settings {
	st := sessions.DefaultSettings()
	st.SecretKey = secretKey
	st.CookieAge = exam        // SESSION_COOKIE_AGE
	st.SaveEveryRequest = true // SESSION_SAVE_EVERY_REQUEST
	st.CookieSecure = false    // SESSION_COOKIE_SECURE: the demo speaks plain HTTP
	return st
}

// Site is the demo's web site.
type Site struct {
	sessions *sessions.Manager
	auth     *auth.Auth
	members  *members
	hasher   *hashers.Hashers
	devices  *devices.Devices // nil: a cookie engine can't end sessions elsewhere
	pages    *template.Template
	now      func() time.Time
}

// New makes the site. It counts what its requests ask of the engine's store.
func New(st sessions.Settings, engine sessions.Engine) (*Site, error) {
	m, err := sessions.New(st, countingEngine{engine})
	if err != nil {
		return nil, err
	}
	site := &Site{sessions: m, members: newMembers(), now: st.Clock}
	if site.now == nil {
		site.now = time.Now
	}
	if site.hasher, err = newHasher(); err != nil {
		return nil, err
	}
	options := auth.Options{
		Backends: []auth.Backend{auth.ModelBackend{Users: site.members, Hasher: site.hasher, Logger: st.Logger}},
		OnDenied: site.denied,
	}
	// In this process's memory, whatever the engine: Prepare finds what it forgot.
	index := devices.InCache(cache.NewLocal(cache.LocalOptions{Clock: site.now}), cache.Keys{})
	site.devices, err = devices.New(m, devices.Options{Index: index})
	switch {
	case err == nil:
		options.Tracker = site.devices
	case !errors.Is(err, sessions.ErrUnsupported):
		return nil, err
	}
	if site.auth, err = auth.New(m, options); err != nil {
		return nil, err
	}
	site.pages, err = template.New("").Funcs(template.FuncMap{"code": code}).ParseFS(files, "templates/*.html")
	return site, err
}

// Prepare makes what the site needs before its first request, a table for
// instance, and finds out who is logged in.
func (site *Site) Prepare(ctx context.Context) error {
	_, err := site.sessions.Migrate(ctx)
	if err == nil && site.devices != nil {
		// An engine that can't list its sessions is no error: each is entered
		// when its member is seen.
		if _, err = site.devices.Rebuild(ctx); errors.Is(err, sessions.ErrUnsupported) {
			err = nil
		}
	}
	return err
}

// Manager is the Manager of the site's sessions.
func (site *Site) Manager() *sessions.Manager { return site.sessions }

// Handler serves the site.
func (site *Site) Handler() http.Handler {
	visitors := http.NewServeMux() // what has a session
	for pattern, handler := range map[string]sessions.HandlerFunc{
		"GET /{$}":          site.home,
		"GET /session.json": site.sessionJSON,
		"GET /goodbye":      site.goodbye,
		"POST /color":       site.color,
		"POST /login":       site.login,
		"POST /logout":      site.logout,
		"POST /password":    site.changePassword,
		"POST /exam":        site.exam,
		"POST /comment":     site.comment,
		"POST /expiry":      site.expiry,
		"POST /flush":       site.flush,
	} {
		visitors.Handle(pattern, handler)
	}
	if site.devices != nil {
		visitors.Handle("POST /devices/revoke", site.auth.RequireRecentLogin(recent, auth.HandlerFunc(site.revoke)))
		visitors.Handle("POST /devices/revoke-others", site.auth.RequireRecentLogin(recent, auth.HandlerFunc(site.revokeOthers)))
	}

	mux := http.NewServeMux()
	mux.Handle("/", countCalls(site.sessions.Handler(site.auth.Handler(visitors))))
	mux.HandleFunc("GET /favicon.ico", static("favicon.svg"))
	mux.HandleFunc("GET /static/style.css", static("style.css"))
	mux.HandleFunc("GET /static/countdown.js", static("countdown.js"))

	// Django's CsrfViewMiddleware, without tokens: browsers say where a form
	// comes from.
	handler := http.NewCrossOriginProtection().Handler(mux)
	return securityHeaders(http.MaxBytesHandler(handler, 16<<10))
}

// static serves an embedded file. It is outside of the session's middleware:
// with SaveEveryRequest that would save the session for every style sheet.
func static(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache") // another build may have another
		http.ServeFileFS(w, r, files, "static/"+name)
	}
}

func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}
