package csrf

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
)

// FieldName is the form field that holds the token.
const FieldName = "csrfmiddlewaretoken"

// Why a request is refused, by Django's words.
var (
	ErrBadOrigin       = errors.New("Origin checking failed: it does not match any trusted origins.")
	ErrNoReferer       = errors.New("Referer checking failed: no Referer.")
	ErrBadReferer      = errors.New("Referer checking failed: it does not match any trusted origins.")
	ErrInsecureReferer = errors.New("Referer checking failed: it is insecure while host is secure.")
	ErrNoSecret        = errors.New("CSRF cookie not set.")
	ErrNoToken         = errors.New("CSRF token missing.")
	ErrBadToken        = errors.New("CSRF token incorrect.")
)

// ErrNoProtection: the request did not pass through Protection.Handler.
var ErrNoProtection = errors.New("csrf: the request did not pass through Protection.Handler")

// Options are Django's CSRF_* settings. The zero value is Django's defaults.
type Options struct {
	// UseSessions keeps the secret in the session, in place of a cookie of its
	// own (CSRF_USE_SESSIONS).
	UseSessions bool

	CookieName     string        // CSRF_COOKIE_NAME; "": "csrftoken"
	CookieAge      time.Duration // CSRF_COOKIE_AGE; 0: 52 weeks; negative: until the browser closes
	CookieDomain   string        // CSRF_COOKIE_DOMAIN; "": the host only
	CookiePath     string        // CSRF_COOKIE_PATH; "": "/"
	CookieHTTPOnly bool          // CSRF_COOKIE_HTTPONLY
	CookieSameSite string        // CSRF_COOKIE_SAMESITE: "Lax", "Strict" or "None"; "": "Lax"

	// HeaderName is where scripts put the token (CSRF_HEADER_NAME, as it is on
	// the wire); "": "X-CSRFToken".
	HeaderName string

	// TrustedOrigins are other sites that may post here (CSRF_TRUSTED_ORIGINS):
	// "https://shop.example.com", or "https://*.example.com" for all below.
	TrustedOrigins []string

	// OnFailure answers what is refused; err is one of this package's
	// (CSRF_FAILURE_VIEW). Nil: 403.
	OnFailure func(w http.ResponseWriter, r *http.Request, err error)
}

// Protection is Django's CsrfViewMiddleware. It is safe for concurrent use.
type Protection struct {
	m        *sessions.Manager
	settings sessions.Settings
	options  Options
	log      *slog.Logger
	exact    map[string]bool     // trusted origins
	below    map[string][]string // domains with a leading dot, by scheme
	hosts    []string            // of both, for the Referer
}

// New makes the protection of a site. m's settings say whether cookies are Secure;
// with UseSessions its sessions hold the secret. The error names everything that is
// wrong with the options.
func New(m *sessions.Manager, o Options) (*Protection, error) {
	if m == nil {
		return nil, errors.New("csrf: no Manager")
	}
	o.CookieName = cmp.Or(o.CookieName, "csrftoken")
	o.CookiePath = cmp.Or(o.CookiePath, "/")
	o.CookieSameSite = cmp.Or(o.CookieSameSite, "Lax")
	o.HeaderName = cmp.Or(o.HeaderName, "X-CSRFToken")
	if o.CookieAge == 0 {
		o.CookieAge = 52 * 7 * 24 * time.Hour
	}
	p := &Protection{m: m, settings: m.Settings(), options: o, exact: map[string]bool{}, below: map[string][]string{}}
	if p.log = p.settings.Logger; p.log == nil {
		p.log = slog.Default()
	}
	var errs []error
	for _, origin := range o.TrustedOrigins {
		if err := p.trust(origin); err != nil {
			errs = append(errs, err)
		}
	}
	if _, err := sameSite(o.CookieSameSite); err != nil {
		errs = append(errs, err)
	}
	if strings.EqualFold(o.CookieSameSite, "none") && !p.settings.CookieSecure {
		errs = append(errs, errors.New("CookieSameSite is None, which browsers take with Secure only"))
	}
	if err := p.cookie("a").Valid(); err != nil {
		errs = append(errs, fmt.Errorf("the cookie: %w", err))
	}
	if o.CookieName == p.settings.CookieName {
		errs = append(errs, errors.New("CookieName is the session cookie's"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("csrf: %w", err)
	}
	return p, nil
}

func (p *Protection) trust(origin string) error {
	scheme, host, ok := strings.Cut(origin, "://")
	u, err := url.Parse(scheme + "://" + strings.TrimPrefix(host, "*."))
	if !ok || err != nil || scheme != "http" && scheme != "https" || u.Host == "" || u.Host != strings.TrimPrefix(host, "*.") || strings.Contains(u.Host, "*") {
		return fmt.Errorf("TrustedOrigins: %q is not like https://example.com or https://*.example.com", origin)
	}
	if strings.HasPrefix(host, "*") {
		p.below[scheme] = append(p.below[scheme], host[1:])
		p.hosts = append(p.hosts, host[1:])
		return nil
	}
	p.exact[origin] = true
	p.hosts = append(p.hosts, host)
	return nil
}

// Handler lets only those requests pass to next that change nothing (GET, HEAD,
// OPTIONS, TRACE) or come from this site, or a trusted one, and have the token. It
// belongs inside of Manager.Handler.
func (p *Protection) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &current{p: p, header: w.Header()}
		c.read(r)
		r = r.WithContext(c.in(r.Context()))
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		default:
			reason, err := p.check(r, c)
			if err != nil {
				p.m.Error(w, r, err)
				return
			}
			if reason != nil {
				p.refuse(w, r, reason)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (p *Protection) refuse(w http.ResponseWriter, r *http.Request, reason error) {
	p.log.WarnContext(r.Context(), "csrf: forbidden", slog.Any("error", reason))
	if p.options.OnFailure != nil {
		p.options.OnFailure(w, r, reason)
		return
	}
	http.Error(w, "CSRF verification failed. Request aborted.", http.StatusForbidden)
}

// check returns why r is refused, nil if it is not. The error is the session's.
func (p *Protection) check(r *http.Request, c *current) (reason, err error) {
	if reason := p.origin(r); reason != nil {
		return reason, nil
	}
	secret, err := c.secret(r)
	switch {
	case err != nil:
		return nil, err
	case secret == "":
		return ErrNoSecret, nil
	}
	given := r.Header.Get(p.options.HeaderName)
	if matches(given, secret) {
		return nil, nil
	}
	if r.Method == http.MethodPost {
		if field := r.PostFormValue(FieldName); field != "" {
			given = field
		}
	}
	switch {
	case given == "":
		return ErrNoToken, nil
	case !matches(given, secret):
		return ErrBadToken, nil
	}
	return nil, nil
}
