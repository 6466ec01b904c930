package interop

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/keepsake-go/sessions/csrf"
)

// A changingSite is a Django below /django/ and a Keepsake below /go/, whose
// SESSION_COOKIE_DOMAIN changes while a browser is there.
type changingSite struct {
	x   *pair
	web *web

	mu  sync.Mutex
	now http.Handler // Keepsake's part
}

// startChangingSite serves the site and says where.
func startChangingSite(t *testing.T) (*changingSite, *demoSite) {
	t.Helper()
	place := newPlace(t, newest(t), &stacks[0])
	c := &changingSite{x: &pair{T: t, place: place, sides: place.open(standard, place.ground, nil)}}
	c.web = c.x.web()
	c.web.d.must("set", args{"ALLOWED_HOSTS": []string{"*"}, "SESSION_COOKIE_SECURE": false}, nil)
	c.set("")
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return c, &demoSite{"http://www.example.localhost" + server.URL[strings.LastIndex(server.URL, ":"):]}
}

// set changes the domain on both sides.
func (c *changingSite) set(domain string, former ...string) {
	c.x.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	theirs := any(domain)
	if domain == "" {
		theirs = nil
	}
	c.web.d.must("set", args{"SESSION_COOKIE_DOMAIN": theirs}, nil)
	st := c.web.settings
	st.CookieSecure, st.CookieDomain, st.FormerCookieDomains = false, domain, former
	c.now = c.web.site(c.x, st, csrf.Options{})
}

// ServeHTTP gives Django what the browser has sent, and the browser what Django
// has.
func (c *changingSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if strings.HasPrefix(r.URL.Path, "/go/") {
		http.StripPrefix("/go", c.now).ServeHTTP(w, r)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/django")
	if !ok {
		w.WriteHeader(http.StatusNoContent) // an icon
		return
	}
	var a reaction
	err := c.web.d.call("request", args{
		"method": r.Method, "path": path, "cookie": r.Header.Get("Cookie"), "headers": map[string]string{"Host": r.Host}, "body": "",
	}, &a)
	if err != nil {
		c.x.Error(err)
	}
	w.Header()["Set-Cookie"] = a.Cookies
	w.WriteHeader(a.Status)
	_, _ = io.WriteString(w, a.Body)
}

// domains are those of the browser's session cookies.
func (b *tab) domains() string {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{b.url}})
	check(b.t, err)
	var domains []string
	for _, c := range result.Cookies {
		if c.Name == "sessionid" {
			domains = append(domains, c.Domain)
		}
	}
	slices.Sort(domains)
	return fmt.Sprint(domains)
}

// says opens a page, which must be that text.
func (b *tab) says(path, want string) {
	b.t.Helper()
	b.open(path)
	equal(b.t, path, b.text("body"), want)
}

// A SESSION_COOKIE_DOMAIN that changes on a live site, in a real Chromium, which
// then has two cookies of one name.
func TestBrowserCookieDomain(t *testing.T) {
	chromium := startChromium(t)
	c, url := startChangingSite(t)
	const domain, hostOnly, ofDomain = "example.localhost", "www.example.localhost", ".example.localhost"

	t.Run("nobody notices", func(t *testing.T) {
		c.set("")
		b := chromium.tab(t, url, screen{})
		b.says("/django/login", "in")
		b.says("/go/count", "alice 1")
		equal(t, "cookies", b.domains(), "["+hostOnly+"]")
		c.set(domain, "")
		b.says("/go/count", "alice 2")
		equal(t, "cookies", b.domains(), "["+ofDomain+"]")
		b.says("/django/count", "alice 3")
		c.set("", domain) // and back
		b.says("/go/count", "alice 4")
		equal(t, "cookies", b.domains(), "["+hostOnly+"]")
		b.says("/django/count", "alice 5")
	})

	t.Run("Django leaves two", func(t *testing.T) {
		c.set("")
		b := chromium.tab(t, url, screen{})
		b.says("/go/login", "in")
		c.set(domain, "")
		b.says("/django/count", "alice 1")
		equal(t, "cookies", b.domains(), "["+ofDomain+" "+hostOnly+"]")
		b.says("/django/logout", "out")
		equal(t, "cookies after Django's logout", b.domains(), "["+hostOnly+"]")
		b.says("/go/show", "[]") // which looks
		equal(t, "cookies after a page of Keepsake", b.domains(), "[]")
		b.says("/django/login", "in")
		b.says("/go/count", "alice 1")
	})

	// A cookie of the domain, from another host's login, is the younger one, which
	// the browser sends last; and its session has been ended.
	stale := func(t *testing.T) *tab {
		c.set("")
		b := chromium.tab(t, url, screen{})
		b.says("/go/login", "in")
		c.set(domain)
		other := &tab{t, b.ctx, strings.Replace(url.url, "www", "other", 1)}
		other.says("/django/login", "in")
		check(t, c.x.m.Delete(t.Context(), other.cookie().Value))
		c.set("")
		equal(t, "cookies", b.domains(), "["+ofDomain+" "+hostOnly+"]")
		return b
	}
	t.Run("the last is dead at Django", func(t *testing.T) {
		stale(t).says("/django/count", "1") // it is nobody's
	})
	t.Run("the last is dead here", func(t *testing.T) {
		b := stale(t)
		b.says("/go/count", "alice 1")
		c.set("", domain)
		b.says("/go/show", "[]")
		equal(t, "cookies", b.domains(), "["+hostOnly+"]")
		b.says("/django/count", "alice 2")
	})
}
