package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/csrf"
	"github.com/keepsake-go/sessions/messages"
)

// A web is a site of which some pages are Django's and some Keepsake's: on both
// sides whole requests, through all middlewares, to views that do the same.
type web struct {
	d        *django
	ground   ground
	settings sessions.Settings
}

// web opens the place's web, once.
func (x *pair) web() *web {
	w := x.place.site
	if w == nil {
		w = &web{ground: x.ground, settings: sessions.DefaultSettings()}
		w.settings.SecretKey = secret
		w.settings.Logger = slog.New(slog.DiscardHandler)
		settings := djangoSettings{
			"INSTALLED_APPS": []string{
				"django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "django.contrib.messages",
			},
			"MIDDLEWARE": []string{
				"django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
				"django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
			},
			"SECRET_KEY": secret, "USE_TZ": true, "TIME_ZONE": "UTC", "ALLOWED_HOSTS": []string{"example.org"},
			"AUTHENTICATION_BACKENDS": []string{usersOfSite{}.Name()}, "SESSION_COOKIE_SECURE": true,
			"MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage", "DEBUG_PROPAGATE_EXCEPTIONS": true,
		}
		maps.Copy(settings, x.ground.django(standard))
		w.d = x.python.open(x.place.t, djangoConfig{Settings: settings, Script: "site_driver.py"})
		x.place.site = w
	}
	w.d.t = x.T
	return w
}

// usersOfSite are testdata/site_users.py.
type usersOfSite struct{}

func (usersOfSite) Name() string { return "site_users.Backend" }

func (usersOfSite) User(_ context.Context, id string) (*auth.User, error) {
	if id != "7" {
		return nil, auth.ErrNoUser
	}
	return &auth.User{ID: "7", Username: "alice", Password: "md5$salt$7cd2e7bd02a8f9a9a2d9bd2b7ea0a0c4", Active: true}, nil
}

// site is Keepsake's part of the web with those settings.
func (w *web) site(x *pair, st sessions.Settings, o csrf.Options) http.Handler {
	x.Helper()
	m, err := sessions.New(st, w.ground.engine(standard))
	check(x, err)
	a, err := auth.New(m, auth.Options{Backends: []auth.Backend{usersOfSite{}}})
	check(x, err)
	p, err := csrf.New(m, o)
	check(x, err)
	mux := http.NewServeMux()
	view := func(path string, f func(r *http.Request, s *sessions.Session, u *auth.User) (string, error)) {
		mux.Handle(path, auth.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session, u *auth.User) {
			text, err := f(r, s, u)
			if err != nil {
				m.Error(w, r, err)
				return
			}
			fmt.Fprint(w, text)
		}))
	}
	view("/login", func(r *http.Request, s *sessions.Session, _ *auth.User) (string, error) {
		user, _ := usersOfSite{}.User(r.Context(), "7")
		err := a.Login(r.Context(), s, user)
		if err == nil {
			err = csrf.Rotate(r)
		}
		return "in", err
	})
	view("/logout", func(r *http.Request, s *sessions.Session, _ *auth.User) (string, error) {
		return "out", a.Logout(r.Context(), s)
	})
	view("/count", func(_ *http.Request, s *sessions.Session, u *auth.User) (string, error) {
		sessions.Update(s, "n", func(n int) int { return n + 1 })
		name := ""
		if u != nil {
			name = u.Username
		}
		return fmt.Sprint(name, " ", sessions.Get(s, "n", 0)), nil
	})
	view("/test_set", func(_ *http.Request, s *sessions.Session, _ *auth.User) (string, error) {
		s.SetTestCookie()
		return "set", nil
	})
	view("/tested", func(_ *http.Request, s *sessions.Session, _ *auth.User) (string, error) {
		return strconv.FormatBool(s.TestCookieWorked() && s.DeleteTestCookie()), nil
	})
	view("/close", func(_ *http.Request, s *sessions.Session, _ *auth.User) (string, error) {
		s.ExpireAtBrowserClose()
		return "", nil
	})
	view("/say", func(r *http.Request, s *sessions.Session, _ *auth.User) (string, error) {
		q := r.URL.Query()
		level, err := strconv.Atoi(q.Get("level"))
		messages.Add(s, messages.Message{
			Level: messages.Level(level), Text: q.Get("text"), ExtraTags: q.Get("tags"), Safe: q.Get("safe") == "true",
		})
		return "", err
	})
	view("/show", func(r *http.Request, s *sessions.Session, _ *auth.User) (string, error) {
		list, err := messages.Take(r.Context(), s)
		shown := [][]any{}
		for _, m := range list {
			shown = append(shown, []any{m.Level, m.Text, m.Tags(), m.Safe})
		}
		text, _ := json.Marshal(shown)
		return string(text), err
	})
	view("/token", func(r *http.Request, _ *sessions.Session, _ *auth.User) (string, error) { return csrf.Token(r) })
	view("/post", func(r *http.Request, _ *sessions.Session, _ *auth.User) (string, error) {
		return "done " + r.PostFormValue("a"), nil
	})
	return m.Handler(p.Handler(a.Handler(mux)))
}

// A visitor is a browser at the web.
type visitor struct {
	x       *pair
	web     *web
	cookies map[string]string
}

func (w *web) visitor(x *pair) *visitor { return &visitor{x, w, map[string]string{}} }

// side is who answers: a Keepsake, or nil for the Django.
type side = http.Handler

// reaction is what came of a request.
type reaction struct {
	Status  int
	Body    string
	Cookies []string
}

// get asks one side for a page.
func (v *visitor) get(s side, path string) string {
	v.x.Helper()
	a := v.send(s, "GET", path, nil)
	if a.Status != http.StatusOK {
		v.x.Fatalf("%s: %d", path, a.Status)
	}
	return a.Body
}

// send sends a request as a browser does from a page of the site.
func (v *visitor) send(s side, method, path string, form url.Values) reaction {
	v.x.Helper()
	var cookies []string
	for _, name := range slices.Sorted(maps.Keys(v.cookies)) {
		cookies = append(cookies, name+"="+v.cookies[name])
	}
	headers := map[string]string{"Host": "example.org", "Origin": "https://example.org", "Referer": "https://example.org/form"}
	var o reaction
	if s == nil {
		v.web.d.must("request", args{
			"method": method, "path": path, "cookie": strings.Join(cookies, "; "), "headers": headers, "body": form.Encode(),
		}, &o)
	} else {
		r := httptest.NewRequest(method, "https://example.org"+path, strings.NewReader(form.Encode())).WithContext(v.x.Context())
		for name, value := range headers {
			r.Header.Set(name, value)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if len(cookies) > 0 {
			r.Header.Set("Cookie", strings.Join(cookies, "; "))
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		o = reaction{w.Code, w.Body.String(), w.Header()["Set-Cookie"]}
	}
	for _, line := range o.Cookies {
		pair, attributes, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		v.cookies[name] = value
		if strings.Contains(attributes, "Max-Age=0") {
			delete(v.cookies, name)
		}
	}
	return o
}
