package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// One site of two stacks, as it is while it moves from the one to the other: nginx
// hands /go/ to a Go service and everything else to a Django. They share
// PostgreSQL, Redis and the visitor's cookie.
type twoStacks struct {
	demoSite // nginx
	django   *django
}

func startTwoStacks(t *testing.T, p *python) *twoStacks {
	t.Helper()
	g := onCachedDB(onPostgres, djangoRedis)(t)
	settings := g.django(standard)
	maps.Copy(settings, djangoSettings{"SECRET_KEY": secret, "USE_TZ": true})
	d := p.open(t, djangoConfig{Settings: settings})
	d.must("migrate", nil, nil)
	addMembers(d)

	text, err := json.Marshal(djangoConfig{Settings: settings})
	check(t, err)
	port, err := bufio.NewReader(p.run(t, "django_site.py", string(text))).ReadString('\n')
	check(t, err)

	st := sessions.DefaultSettings()
	st.SecretKey, st.CookieSecure = secret, false
	m, err := sessions.New(st, g.engine(standard))
	check(t, err)
	users, err := auth.Table(g.db, auth.TableOptions{})
	check(t, err)
	a, err := auth.New(m, auth.Options{Backends: []auth.Backend{auth.ModelBackend{Users: users, Hasher: md5Hashers(t)}}})
	check(t, err)
	service := goService{a, users, md5Hashers(t)}
	server := httptest.NewServer(m.Handler(a.Handler(service.routes())))
	t.Cleanup(server.Close)

	nginx := testserver.Nginx(t, fmt.Sprintf(`
		location /go/ { proxy_pass %s; }
		location / { proxy_pass http://127.0.0.1:%s; }`, server.URL, strings.TrimSpace(port)))
	return &twoStacks{demoSite{"http://" + nginx.Addr}, d}
}

// goService is the part of the site that has moved already.
type goService struct {
	auth   *auth.Auth
	users  *auth.UsersTable
	hasher auth.Hasher
}

var goPage = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">
<title>Go</title><h1>Go</h1>
<p id="user">{{.User}}</p>
<p id="cart">{{range $i, $item := .Cart}}{{if $i}} {{end}}{{$item}}{{end}}</p>
<form id="add" method="post" action="/go/add"><input name="item" aria-label="item"><button>Add</button></form>
<form id="login" method="post" action="/go/login"><input name="username" aria-label="username">
<input name="password" type="password" aria-label="password"><button>Log in</button></form>
<form id="logout" method="post" action="/go/logout"><button>Log out</button></form>
<form id="change" method="post" action="/go/password"><input name="new_password1" type="password" aria-label="new"><button>Change</button></form>
`))

func (g goService) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /go/{$}", auth.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sessions.Session, u *auth.User) {
		page := struct {
			User string
			Cart []string
		}{"nobody", sessions.Get(s, "cart", []string(nil))}
		if u != nil {
			page.User = u.Username
		}
		_ = goPage.Execute(w, page)
	}))
	// An action leads back to the page.
	action := func(path string, do func(r *http.Request, s *sessions.Session, u *auth.User) error) {
		mux.Handle("POST /go/"+path, auth.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session, u *auth.User) {
			if err := do(r, s, u); err != nil {
				http.Error(w, err.Error(), http.StatusForbidden)
				return
			}
			http.Redirect(w, r, "/go/", http.StatusSeeOther)
		}))
	}
	action("add", func(r *http.Request, s *sessions.Session, _ *auth.User) error {
		sessions.Update(s, "cart", func(cart []string) []string { return append(slices.Clone(cart), r.FormValue("item")) })
		return nil
	})
	action("login", func(r *http.Request, s *sessions.Session, _ *auth.User) error {
		u, err := g.auth.Authenticate(r.Context(), r.FormValue("username"), r.FormValue("password"))
		if err != nil {
			return err
		}
		return g.auth.Login(r.Context(), s, u)
	})
	action("logout", func(r *http.Request, s *sessions.Session, _ *auth.User) error {
		return g.auth.Logout(r.Context(), s)
	})
	action("password", func(r *http.Request, s *sessions.Session, u *auth.User) error {
		changed := *u
		var err error
		if changed.Password, err = g.hasher.Make(r.Context(), r.FormValue("new_password1")); err != nil {
			return err
		}
		if _, err = g.users.ReplacePassword(r.Context(), u, changed.Password); err != nil {
			return err
		}
		return g.auth.UpdateSessionAuthHash(r.Context(), s, &changed)
	})
	// For scripts.
	mux.Handle("POST /go/put/{name}", sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *sessions.Session) {
		s.Set(r.PathValue("name"), true)
	}))
	mux.Handle("GET /go/who", auth.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, _ *sessions.Session, u *auth.User) {
		if u != nil {
			_, _ = w.Write([]byte(u.Username))
		}
	}))
	mux.Handle("GET /go/count", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		n := 0
		for name := range s.Items() {
			if strings.HasPrefix(name, "put-") {
				n++
			}
		}
		_, _ = w.Write([]byte(strconv.Itoa(n)))
	}))
	return mux
}

// signIn fills in the form of the page that is there.
func (b *tab) signIn(username, password string) *tab {
	b.t.Helper()
	b.fill(`#login [name="username"]`, username).fill(`#login [name="password"]`, password)
	return b.click("#login button")
}

func (b *tab) add(item string) *tab {
	b.t.Helper()
	return b.fill(`#add [name="item"]`, item).click("#add button")
}

// is checks what the page of either stack shows.
func (b *tab) is(stack, user, cart string) *tab {
	b.t.Helper()
	b.shows("h1", stack)
	b.shows("#user", user)
	b.shows("#cart", cart)
	return b
}

// another opens another tab of the same visitor.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, end := chromedp.NewContext(b.ctx)
	b.t.Cleanup(end)
	_, err := chromedp.Run(ctx, chromedp.Navigate("about:blank")) // a tab lives as long as its first context
	check(b.t, err)
	return &tab{b.t, ctx, b.url}
}

// burst starts 25 requests at once, each of which sets another value.
func (b *tab) burst(name string) {
	b.t.Helper()
	b.eval(`void (window.burst = Promise.all([...Array(25).keys()].map(i => fetch("/go/put/put-` + name + `-" + i, {method: "POST"}))))`)
}

// acknowledged is how many requests of the burst succeeded.
func (b *tab) acknowledged() string {
	b.t.Helper()
	return b.fetch(`window.burst.then(all => all.filter(r => r.ok).length)`)
}

func number(t testing.TB, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	check(t, err)
	return n
}

// fetch is the result of a JavaScript expression, a promise.
func (b *tab) fetch(expression string) string {
	b.t.Helper()
	return do(b, chromedp.Evaluate[string]("("+expression+").then(String)", chromedp.EvalAwaitPromise))
}

// A visitor of a site that is moved from Django to Go one view at a time, in a real
// browser: they do not notice which of the two answers.
func TestBrowserTwoStacks(t *testing.T) {
	chromium := startChromium(t)
	all, err := allPythons()
	check(t, err)
	if len(all) == 0 {
		newest(t)
	}
	for _, p := range all {
		t.Run("Django "+p.django, func(t *testing.T) {
			if !slices.Contains(p.clients, "psycopg2") || !slices.Contains(p.clients, "django_redis") {
				missing(t, "this Python has no psycopg2 or no django_redis")
			}
			t.Parallel()
			site := startTwoStacks(t, p)

			t.Run("from Django to Go and back", func(t *testing.T) {
				b := chromium.tab(t, &site.demoSite, screen{})
				elsewhere := chromium.tab(t, &site.demoSite, screen{})
				elsewhere.open("/").signIn("alice", "alice").is("Django", "alice", "")

				b.open("/").is("Django", "nobody", "")
				b.add("apple").is("Django", "nobody", "apple")
				b.shows("#messages", "info: apple is in the cart")
				b.signIn("alice", "alice").is("Django", "alice", "apple")
				b.open("/go/").is("Go", "alice", "apple")
				b.add("bread").is("Go", "alice", "apple bread")
				b.open("/").is("Django", "alice", "apple bread")

				b.fill(`#change [name="old_password"]`, "alice")
				b.fill(`#change [name="new_password1"]`, "second").fill(`#change [name="new_password2"]`, "second")
				b.click("#change button").is("Django", "alice", "apple bread")
				b.open("/go/").is("Go", "alice", "apple bread")
				elsewhere.open("/go/").is("Go", "nobody", "")

				b.click("#logout button").is("Go", "nobody", "")
				b.open("/").is("Django", "nobody", "")
			})

			t.Run("from Go to Django and back", func(t *testing.T) {
				b := chromium.tab(t, &site.demoSite, screen{})
				elsewhere := chromium.tab(t, &site.demoSite, screen{})
				elsewhere.open("/go/").signIn("bob", "bob").is("Go", "bob", "")

				b.open("/go/").add("apple").is("Go", "nobody", "apple")
				b.signIn("bob", "bob").is("Go", "bob", "apple")
				b.open("/").is("Django", "bob", "apple")
				b.add("bread").is("Django", "bob", "apple bread")
				b.shows("#messages", "info: bread is in the cart")
				b.open("/go/").is("Go", "bob", "apple bread")

				b.fill(`#change [name="new_password1"]`, "second").click("#change button").is("Go", "bob", "apple bread")
				b.open("/").is("Django", "bob", "apple bread")
				elsewhere.open("/").is("Django", "nobody", "")

				b.click("#logout button").is("Django", "nobody", "")
				b.open("/go/").is("Go", "nobody", "")
				b.signIn("bob", "second").is("Go", "bob", "")
			})

			t.Run("in several tabs", func(t *testing.T) {
				left := chromium.tab(t, &site.demoSite, screen{mayRefuse: true})
				left.open("/").add("apple").is("Django", "nobody", "apple")
				right := left.another()
				right.open("/go/").is("Go", "nobody", "apple")

				// Both change the session at once: nothing is lost.
				left.burst("left")
				right.burst("right")
				equal(t, "changes in the one tab", left.acknowledged(), "25")
				equal(t, "changes in the other tab", right.acknowledged(), "25")
				equal(t, "values", left.fetch(`fetch("/go/count").then(r => r.text())`), "50")

				// A login at Go among changes of both tabs: whatever the order of the
				// responses, the visitor is logged in, and what was acknowledged is there.
				key := right.cookie().Value
				left.burst("left-again")
				right.burst("right-again")
				equal(t, "the login", right.fetch(`fetch("/go/login", {method: "POST", body: new URLSearchParams({username: "alice", password: "second"})})
					.then(r => r.status)`), "200")
				changes := 50 + number(t, left.acknowledged()) + number(t, right.acknowledged())
				c := right.cookie()
				if c == nil || c.Value == key {
					t.Fatal("the browser has no cookie of the login")
				}
				equal(t, "the session of before, at Django", site.django.who(key), "")
				equal(t, "the session of the login, at Django", site.django.who(c.Value), "alice")
				equal(t, "values after the login", left.fetch(`fetch("/go/count").then(r => r.text())`), strconv.Itoa(changes))
				left.open("/").is("Django", "alice", "apple")
				right.open("/go/").is("Go", "alice", "apple")

				// A logout in one tab is one in the other, whoever answers there.
				left.click("#logout button").is("Django", "nobody", "")
				right.open("/go/").is("Go", "nobody", "")
				equal(t, "the session of the login", site.django.who(c.Value), "")
			})
		})
	}
}
