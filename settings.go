package sessions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Settings are Django's SESSION_* settings and the few that go with them, as
// plain data. Start from DefaultSettings: the zero value is refused by New.
//
// https://docs.djangoproject.com/en/stable/ref/settings/#sessions
type Settings struct {
	// SecretKey signs what is stored (SECRET_KEY). Required; the same as
	// Django's where sessions are shared. Any bytes.
	SecretKey string

	// SecretKeyFallbacks are former secret keys, newest first
	// (SECRET_KEY_FALLBACKS): what they signed can still be read.
	SecretKeyFallbacks []string

	// CookieAge is how long a session lives that sets no expiry of its own
	// (SESSION_COOKIE_AGE, two weeks): whole seconds, at least one.
	CookieAge time.Duration

	// ExpireAtBrowserClose makes cookies that end with the browser the default
	// (SESSION_EXPIRE_AT_BROWSER_CLOSE). The store still drops the session
	// after CookieAge.
	ExpireAtBrowserClose bool

	// SaveEveryRequest renews the session and its cookie on every request, so
	// that it ends CookieAge after the last one (SESSION_SAVE_EVERY_REQUEST).
	SaveEveryRequest bool

	// Timeouts are those of every session that has none of its own
	// (Session.SetTimeouts). Zero: none, as in Django.
	Timeouts Timeouts

	// TouchInterval is how often at most the expiry of a session that is only
	// read is written, under an idle timeout (0: a twentieth of that, between a
	// second and a minute). For idle times less than twice as long it is half of
	// them.
	TouchInterval time.Duration

	CookieName   string // SESSION_COOKIE_NAME, "sessionid"
	CookieDomain string // SESSION_COOKIE_DOMAIN; "": the host only
	CookiePath   string // SESSION_COOKIE_PATH, "/"; "": left out

	// FormerCookieDomains are what CookieDomain was before, "" for the host only.
	// Browsers keep the cookies of either, and send both. A response that sets or
	// deletes the cookie of a browser that has sent one then deletes those, too;
	// and a session that is looked into in a request with several is saved, so
	// that this happens soon. Django has no such setting.
	FormerCookieDomains []string

	// CookieSecure keeps the cookie off plain HTTP (SESSION_COOKIE_SECURE).
	// True by default, where Django's default is False.
	CookieSecure bool

	// CookieHTTPOnly hides the cookie from scripts (SESSION_COOKIE_HTTPONLY,
	// true).
	CookieHTTPOnly bool

	// CookieSameSite is "Lax" (the default), "Strict", "None", or "" to leave
	// the attribute out, as Django's False does (SESSION_COOKIE_SAMESITE). It
	// is sent as written.
	CookieSameSite string

	// Partitioned gives each top-level site its own cookie (CHIPS). Django has
	// no such setting.
	Partitioned bool

	// Hardened forbids every cache to keep a response that sends or deletes the
	// cookie (Cache-Control: no-store, in place of what the handler says), and
	// deletes the cookie with the attributes that it was set with, HttpOnly and
	// Secure, where Django leaves them out. See HardenedSettings.
	Hardened bool

	// UseTZ and TimeZone are Django's USE_TZ and TIME_ZONE. They matter only
	// for a database or an `ExpireAt` that is shared with a Django: with USE_TZ
	// off, Django writes local times without an offset. A nil TimeZone is UTC.
	UseTZ    bool
	TimeZone *time.Location

	// SaveTimeout bounds one save, retries included (0: 10 seconds). A save
	// outlives a client that hangs up, so the request's context can't bound it.
	SaveTimeout time.Duration

	// WatchInterval is how often the sessions of open connections are looked at in
	// the store, those that Session.Done was called for (0: 750 ms; a fifth less at
	// random). It costs a database one statement for 256 sessions, other stores one
	// read for each. With a Notifier, and no stock Django beside, it may be longer.
	WatchInterval time.Duration

	// Notifier tells processes of each other's logouts, for Session.Done. Nil: what
	// the engine brings, which is Redis's pub/sub where the engine's cache is in
	// Redis, and nothing elsewhere. Each Flush, CycleKey and Manager.Delete sends
	// one message, which holds no key. The processes must have the same SecretKey.
	Notifier Notifier

	// MaxStoreCalls bounds how many calls of the store are under way at a time in
	// this process (0: no limit). A request that needs its session while there are
	// as many is answered at once, with ErrOverloaded (503): so under overload the
	// others are served as quickly as ever, and nothing piles up. It concerns
	// loads only; whoever has loaded its session may save it. The waiting time at
	// most is about this number, divided by the calls that the store serves in a
	// second.
	MaxStoreCalls int

	// WarnSize is the size in bytes, as stored, from which on a session is logged
	// with its heaviest values, once per process and session key (0: 64 KiB;
	// negative: never). Large sessions are slow on every engine.
	WarnSize int

	// MaxSize is the size in bytes, as stored, above which a save fails with a
	// *TooLargeError and leaves what was stored (0: no limit). Cookie engines
	// always have the limit of browsers, 4096.
	MaxSize int

	// OnError answers a request whose session could not be loaded or saved. The
	// handler's headers that describe its body are gone by then, and what it
	// writes afterwards is dropped. Nil: a log line, and StatusCode(err) with
	// that status's text as the body.
	OnError func(w http.ResponseWriter, r *http.Request, err error)

	// OnEvent is told what happens to sessions, for an audit trail or an alarm.
	// Nil: nobody is; the log lines are the same either way.
	//
	// It is called where the event happens, once for each, and the request waits
	// for it: after the store has acknowledged, and never for a write that failed
	// or whose outcome is unknown. No lock is held: it may use sessions, but a
	// change of the request's own may come too late for its cookie. It must be
	// safe for concurrent use; events of parallel requests come in any order. A
	// panic in it is logged, and the request goes on.
	//
	// ctx has the values of the context that the session was called with, and
	// does not end when the client hangs up. RequestFromContext(ctx) is the
	// request, nil outside of one.
	OnEvent func(ctx context.Context, e Event)

	Logger *slog.Logger     // nil: slog.Default()
	Clock  func() time.Time // nil: time.Now
}

// DefaultSettings are Django's defaults, except that the cookie is Secure.
// SecretKey is left to the caller.
func DefaultSettings() Settings {
	return Settings{
		CookieAge:      14 * 24 * time.Hour,
		CookieName:     "sessionid",
		CookiePath:     "/",
		CookieSecure:   true,
		CookieHTTPOnly: true,
		CookieSameSite: "Lax",
		UseTZ:          true,
	}
}

// HardenedSettings are DefaultSettings with all that browsers and caches can do for
// a session: a cookie named "__Host-sessionid", which no other host can set and
// which has no Domain, and Hardened. A Django that shares it needs the same
// SESSION_COOKIE_NAME and SESSION_COOKIE_SECURE. SameSite stays "Lax": with
// "Strict" a visitor who follows a link to the site arrives logged out.
func HardenedSettings() Settings {
	st := DefaultSettings()
	st.CookieName, st.Hardened = "__Host-sessionid", true
	return st
}

// Format keeps the secret keys out of every fmt verb.
func (st Settings) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "settings of "+st.CookieName)
}

// LogValue keeps the secret keys out of structured logs.
func (st Settings) LogValue() slog.Value { return slog.StringValue("settings of " + st.CookieName) }

const (
	defaultSaveTimeout = 10 * time.Second
	defaultWarnSize    = 64 << 10

	// cookieLimit is what browsers keep of a cookie: name and value together
	// (RFC 6265bis, section 5.6).
	cookieLimit = 4096
)

// Validate reports everything that is wrong with the settings, joined into one
// error, or nil. New calls it.
func (st Settings) Validate() error {
	var errs []error
	wrong := func(setting, format string, args ...any) {
		errs = append(errs, fmt.Errorf("sessions: %s %s", setting, fmt.Sprintf(format, args...)))
	}

	if st.SecretKey == "" {
		wrong("SecretKey (SECRET_KEY)", "must not be empty")
	}
	for i, key := range st.SecretKeyFallbacks {
		if key == "" {
			wrong("SecretKeyFallbacks (SECRET_KEY_FALLBACKS)", "has an empty key at index %d", i)
		}
	}
	if err := checkAge("CookieAge (SESSION_COOKIE_AGE)", st.CookieAge); err != nil {
		errs = append(errs, err)
	}
	if err := st.Timeouts.validate(); err != nil {
		wrong("Timeouts:", "%v", err)
	}
	if st.TouchInterval < 0 {
		wrong("TouchInterval", "is negative: %v", st.TouchInterval)
	}
	if st.WatchInterval != 0 && st.WatchInterval < 10*time.Millisecond {
		wrong("WatchInterval", "must be at least 10ms, not %v", st.WatchInterval)
	}
	if st.SaveTimeout < 0 {
		wrong("SaveTimeout", "is negative: %v", st.SaveTimeout)
	}
	if st.MaxStoreCalls < 0 {
		wrong("MaxStoreCalls", "is negative: %d", st.MaxStoreCalls)
	}
	if st.MaxSize < 0 {
		wrong("MaxSize", "is negative: %d", st.MaxSize)
	}
	st.validateCookie(wrong)
	return errors.Join(errs...)
}

// checkAge reports what is wrong with a CookieAge.
func checkAge(name string, age time.Duration) error {
	switch {
	case age < 0:
		return fmt.Errorf("sessions: %s is negative: %v", name, age)
	case age < time.Second:
		return fmt.Errorf("sessions: %s must be at least one second, not %v; start from DefaultSettings()", name, age)
	case age%time.Second != 0:
		return fmt.Errorf("sessions: %s must be whole seconds, not %v", name, age)
	}
	return nil
}

func (st Settings) validateCookie(wrong func(setting, format string, args ...any)) {
	if !isToken(st.CookieName) {
		wrong("CookieName (SESSION_COOKIE_NAME)", "%q is not a cookie name", st.CookieName)
	}
	if !isAttributeValue(st.CookieDomain) {
		wrong("CookieDomain (SESSION_COOKIE_DOMAIN)", "%q can't stand in a cookie", st.CookieDomain)
	}
	for _, domain := range st.FormerCookieDomains {
		switch {
		case !isAttributeValue(domain):
			wrong("FormerCookieDomains", "%q can't stand in a cookie", domain)
		case sameCookieDomain(domain, st.CookieDomain):
			wrong("FormerCookieDomains", "%q is the CookieDomain: the cookie would be deleted as soon as it is set", domain)
		}
	}
	if !isAttributeValue(st.CookiePath) {
		wrong("CookiePath (SESSION_COOKIE_PATH)", "%q can't stand in a cookie", st.CookiePath)
	}
	switch strings.ToLower(st.CookieSameSite) {
	case "", "lax", "strict":
	case "none":
		if !st.CookieSecure {
			wrong("CookieSameSite (SESSION_COOKIE_SAMESITE)", "\"None\" needs CookieSecure: browsers drop the cookie otherwise")
		}
	default:
		wrong("CookieSameSite (SESSION_COOKIE_SAMESITE)", "must be \"Lax\", \"Strict\", \"None\" or empty, not %q", st.CookieSameSite)
	}
	if st.Partitioned && !st.CookieSecure {
		wrong("Partitioned", "needs CookieSecure: browsers drop the cookie otherwise")
	}

	// The prefixes of RFC 6265bis, section 4.1.3; browsers ignore their case.
	switch name := strings.ToLower(st.CookieName); {
	case strings.HasPrefix(name, "__host-"):
		if !st.CookieSecure || st.CookiePath != "/" || st.CookieDomain != "" {
			wrong("CookieName (SESSION_COOKIE_NAME)", "%q needs CookieSecure, CookiePath \"/\" and no CookieDomain", st.CookieName)
		}
	case strings.HasPrefix(name, "__secure-"):
		if !st.CookieSecure {
			wrong("CookieName (SESSION_COOKIE_NAME)", "%q needs CookieSecure", st.CookieName)
		}
	}
}

// isToken reports whether s is a token of RFC 9110, section 5.6.2: what a
// cookie's name may be.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// sameCookieDomain reports whether browsers take two domains for one: they ignore
// the case and a leading dot.
func sameCookieDomain(a, b string) bool {
	return strings.EqualFold(strings.TrimPrefix(a, "."), strings.TrimPrefix(b, "."))
}

// isAttributeValue reports whether s can stand in a Set-Cookie attribute: no
// control characters and no semicolon (RFC 6265, section 4.1.1).
func isAttributeValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == ';' {
			return false
		}
	}
	return true
}

// weakSecret is what Django's check security.W009 has against the key: that
// startproject made it, or that it is short or has few different characters. It
// is "" for a good key.
func (st Settings) weakSecret() string {
	different := map[rune]bool{}
	for _, c := range st.SecretKey {
		different[c] = true
	}
	switch {
	case strings.HasPrefix(st.SecretKey, "django-insecure-"):
		return "it begins with django-insecure-"
	case len(st.SecretKey) < 50:
		return "it has fewer than 50 characters"
	case len(different) < 5:
		return "it has fewer than 5 different characters"
	}
	return ""
}

// location is the zone of times without an offset.
func (st Settings) location() *time.Location {
	if st.TimeZone == nil {
		return time.UTC
	}
	return st.TimeZone
}
