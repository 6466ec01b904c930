package demo

import (
	"embed"
	"html/template"
	"net/http"
	"time"

	"github.com/keepsake-go/sessions"
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
	pages    *template.Template
	now      func() time.Time
}

// New makes the site. It counts what its requests ask of the engine's store.
func New(st sessions.Settings, engine sessions.Engine) (*Site, error) {
	m, err := sessions.New(st, countingEngine{engine})
	if err != nil {
		return nil, err
	}
	pages, err := template.New("").Funcs(template.FuncMap{"code": code}).ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	now := st.Clock
	if now == nil {
		now = time.Now
	}
	return &Site{sessions: m, pages: pages, now: now}, nil
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
		"POST /exam":        site.exam,
		"POST /comment":     site.comment,
		"POST /expiry":      site.expiry,
		"POST /flush":       site.flush,
	} {
		visitors.Handle(pattern, handler)
	}

	mux := http.NewServeMux()
	mux.Handle("/", countCalls(site.sessions.Handler(visitors)))
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
