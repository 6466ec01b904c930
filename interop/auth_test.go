package interop

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/auth/hashers"
)

// md5Hashers are the passwords of the Djangos of these tests, which are fast.
func md5Hashers(t testing.TB) *hashers.Hashers {
	t.Helper()
	h, err := hashers.New(hashers.Options{Hashers: []string{hashers.MD5}})
	check(t, err)
	return h
}

// members is a site with the users of Django's auth_user: alice and bob, whose
// passwords are their names.
type members struct {
	*sessions.Manager
	auth  *auth.Auth
	users *auth.UsersTable
	t     testing.TB
}

func (s *site) members() *members { return s.membersWith(md5Hashers(s.t)) }

func (s *site) membersWith(hasher auth.Hasher) *members {
	s.t.Helper()
	users, err := auth.Table(s.open(), auth.TableOptions{})
	check(s.t, err)
	m := &members{Manager: s.keepsake(), users: users, t: s.t}
	m.auth, err = auth.New(m.Manager, auth.Options{
		Backends: []auth.Backend{auth.ModelBackend{Users: users, Hasher: hasher}},
		LoginURL: "/login/",
	})
	check(s.t, err)
	return m
}

func bothWithMembers(t *testing.T) (*members, *django) {
	t.Helper()
	s := newSite(t)
	d := s.django()
	addMembers(d)
	return s.members(), d
}

func addMembers(d *django) {
	d.t.Helper()
	d.must("add_user", args{"username": "alice", "password": "alice"}, nil)
	d.must("add_user", args{"username": "bob", "password": "bob"}, nil)
}

// signIn logs in by name and password at Go, with the session of that key, "" for
// a new one, and returns the session's key.
func (m *members) signIn(username, password, key string) string {
	m.t.Helper()
	user, err := m.auth.Authenticate(m.t.Context(), username, password)
	check(m.t, err)
	s := m.Open(key)
	check(m.t, m.auth.Login(m.t.Context(), s, user))
	return s.Key()
}

// visit is who a request with that session is from at Go, "" for nobody, and the
// session's key afterwards.
func (m *members) visit(key string) (who, after string) {
	m.t.Helper()
	s := m.Open(key)
	user, err := m.auth.User(m.t.Context(), s)
	check(m.t, err)
	if user != nil {
		who = user.Username
	}
	return who, s.Key()
}

func (m *members) who(key string) string {
	m.t.Helper()
	who, _ := m.visit(key)
	return who
}

func (d *django) visit(key string) (who, after string) {
	d.t.Helper()
	var visit struct{ User, Key string }
	d.must("visit", args{"key": key}, &visit)
	return visit.User, visit.Key
}

func (d *django) who(key string) string {
	d.t.Helper()
	who, _ := d.visit(key)
	return who
}

func (d *django) signIn(username, password, key string) string {
	d.t.Helper()
	return d.text("sign_in", args{"username": username, "password": password, "key": key})
}

// A login on either side is one on both, and so is a logout.
func TestLoginsAreShared(t *testing.T) {
	m, d := bothWithMembers(t)
	byDjango, byGo := d.signIn("alice", "alice", ""), m.signIn("bob", "bob", "")
	equal(t, "alice at Go", m.who(byDjango), "alice")
	equal(t, "bob at Django", d.who(byGo), "bob")
	equal(t, "alice at Django", d.who(byDjango), "alice")
	equal(t, "bob at Go", m.who(byGo), "bob")

	d.must("logout", args{"key": byGo}, nil)
	equal(t, "bob at Go, logged out by Django", m.who(byGo), "")
	s := load(t, m.Manager, byDjango)
	check(t, m.auth.Logout(t.Context(), s))
	equal(t, "alice at Django, logged out by Go", d.who(byDjango), "")

	if _, err := m.auth.Authenticate(t.Context(), "alice", "bob"); err == nil {
		t.Error("Go takes a wrong password")
	}
	if _, err := m.auth.Authenticate(t.Context(), "Alice", "alice"); err == nil {
		t.Error("Go takes another name")
	}
}

// What a login leaves in the session is what Django's leaves, but for the time.
func TestLoginLeavesTheSame(t *testing.T) {
	m, d := bothWithMembers(t)
	without := func(key string) string {
		s := load(t, m.Manager, key)
		s.Delete("_keepsake_auth_time")
		return payload(s)
	}
	fresh := func() string { return d.text("create", args{"data": `{"cart": 1}`}) }
	signedIn := func(name string) string {
		key := d.signIn(name, name, "")
		d.text("change", args{"key": key, "data": `{"cart": 1}`})
		return key
	}
	stale := func() string {
		key := signedIn("alice")
		d.text("change", args{"key": key, "data": `{"_auth_user_hash": "old"}`})
		return key
	}
	for name, before := range map[string]func() string{
		"no session":     func() string { return "" },
		"a visitor's":    fresh,
		"another user's": func() string { return signedIn("bob") },
		"the same":       func() string { return signedIn("alice") },
		"another hash":   stale,
	} {
		theirs, ours := before(), before()
		byDjango, byGo := d.signIn("alice", "alice", theirs), m.signIn("alice", "alice", ours)
		equal(t, name+", the session", without(byGo), without(byDjango))
		if ours != "" {
			absent(t, m.Manager, ours)
			if name != "the same" { // Django keeps the key then
				absent(t, m.Manager, theirs)
			}
		}
	}
}

// A changed password ends the sessions on both sides, except for the one that it
// was changed in.
func TestPasswordChange(t *testing.T) {
	m, d := bothWithMembers(t)
	logins := func(password string) []string {
		return []string{d.signIn("alice", password, ""), m.signIn("alice", password, "")}
	}
	bobs := d.signIn("bob", "bob", "")
	ended := func(side string, keys []string) {
		t.Helper()
		equal(t, side+": at Go", m.who(keys[0]), "")
		equal(t, side+": at Django", d.who(keys[1]), "")
		for _, key := range keys {
			if d.row(key) != nil {
				t.Errorf("%s: a session is still there", side)
			}
		}
		equal(t, side+": bob", m.who(bobs)+d.who(bobs), "bobbob")
	}

	others, here := logins("alice"), logins("alice")[1]
	key := d.text("update_session_auth_hash", args{"key": here, "password": "second"})
	ended("changed at Django", others)
	equal(t, "here, at Go", m.who(key), "alice")
	equal(t, "here, at Django", d.who(key), "alice")

	// And the other way round.
	others, here = logins("second"), logins("second")[0]
	s := load(t, m.Manager, here)
	user, err := m.auth.User(t.Context(), s)
	check(t, err)
	changed := *user
	changed.Password, err = md5Hashers(t).Make(t.Context(), "third")
	check(t, err)
	_, err = m.users.ReplacePassword(t.Context(), user, changed.Password)
	check(t, err)
	check(t, m.auth.UpdateSessionAuthHash(t.Context(), s, &changed))
	ended("changed at Go", others)
	equal(t, "here, at Django", d.who(s.Key()), "alice")
	equal(t, "here, at Go", m.who(s.Key()), "alice")
	equal(t, "Django takes the new password", d.signIn("alice", "third", "") != "", true)
}

// A password whose hash Go finds out of date is stored anew at a login, as Django
// does it; Django takes the new one, and the session is of it.
func TestPasswordIsStoredAnew(t *testing.T) {
	s := newSite(t)
	d := s.django()
	addMembers(d)
	before := d.signIn("alice", "alice", "")
	pbkdf2, err := hashers.New(hashers.Options{
		Hashers: []string{hashers.PBKDF2SHA256, hashers.MD5}, Factors: hashers.Factors{PBKDF2Iterations: 20},
	})
	check(t, err)
	m := s.membersWith(pbkdf2)
	key := m.signIn("alice", "alice", "")
	var row struct{ Password string }
	d.must("user_row", args{"username": "alice"}, &row)
	if !strings.HasPrefix(row.Password, "pbkdf2_sha256$20$") {
		t.Error("the password is stored as it was")
	}
	equal(t, "at Django", d.who(key), "alice")
	equal(t, "at Go", m.who(key), "alice")
	equal(t, "the session from before", m.who(before), "")
}

func TestInactiveUsers(t *testing.T) {
	m, d := bothWithMembers(t)
	key := m.signIn("alice", "alice", "")
	active := func(is bool) { d.must("change_user", args{"username": "alice", "is_active": is}, nil) }
	active(false)
	equal(t, "at Go", m.who(key), "")
	equal(t, "at Django", d.who(key), "")
	if _, err := m.auth.Authenticate(t.Context(), "alice", "alice"); err == nil {
		t.Error("Go lets her in")
	}
	active(true)
	equal(t, "at Go, active again", m.who(key), "alice")
	equal(t, "at Django, active again", d.who(key), "alice")
}

// A session of a backend that this side does not have is left alone.
func TestUnknownBackend(t *testing.T) {
	m, d := bothWithMembers(t)
	key := d.text("sign_in", args{"username": "alice", "password": "alice", "backend": "AllowAllUsersModelBackend"})
	before := d.load(key).Data
	who, after := m.visit(key)
	equal(t, "at Go", who, "")
	equal(t, "the session's key", after, key)
	equal(t, "at Django, which does not have it either", d.who(key), "")
	equal(t, "the session", d.load(key).Data, before)
}

// A new secret key with the old one as a fallback: the session is renewed by
// whichever side sees it first, and the other one knows it.
func TestSecretKeyFallbacksOfLogins(t *testing.T) {
	s := newSite(t)
	oldDjango := s.django()
	addMembers(oldDjango)
	keys := []string{s.members().signIn("alice", "alice", ""), oldDjango.signIn("alice", "alice", "")}

	next := *s
	next.settings.SecretKey = "the next " + secret
	next.settings.SecretKeyFallbacks = []string{"another " + secret, secret}
	m, d := next.members(), next.django()
	if d.before(4, 1) {
		t.Log("this Django has no SECRET_KEY_FALLBACKS: only Keepsake's are tested")
	}
	for i, old := range keys {
		var who, key string
		if i == 0 || d.before(4, 1) {
			who, key = m.visit(old)
		} else {
			who, key = d.visit(old)
		}
		equal(t, "who", who, "alice")
		if key == old || d.row(old) != nil {
			t.Error("the key is still the old one")
		}
		equal(t, "afterwards, at Go", m.who(key), "alice")
		equal(t, "afterwards, at Django", d.who(key), "alice")
	}
}

// last_login is the moment of the login, as Django reads it, in every zone.
func TestLastLogin(t *testing.T) {
	eachZone(t, func(t *testing.T, s *site) {
		for i, now := range []time.Time{
			time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC),
			time.Date(2026, 7, 1, 23, 59, 59, 0, time.UTC),
		} {
			s.freeze(now)
			d := s.django()
			if i == 0 {
				addMembers(d)
			}
			s.members().signIn("alice", "alice", "")
			var row struct {
				LastLogin int64 `json:"last_login"`
			}
			d.must("user_row", args{"username": "alice"}, &row)
			equal(t, "last_login", row.LastLogin, now.UnixMicro())
		}
	})
}

// CSRF_USE_SESSIONS: after a login at Go a form from before is refused, and a new
// one accepted, by every Django.
func TestCSRFSecret(t *testing.T) {
	m, d := bothWithMembers(t)
	accepts := func(key, token string) (ok bool) {
		t.Helper()
		d.must("csrf_accepts", args{"key": key, "token": token}, &ok)
		return ok
	}
	visitor := d.text("create", args{"data": `{"a": 1}`})
	before := d.text("csrf_token", args{"key": visitor})
	equal(t, "before the login", accepts(visitor, before), true)
	key := m.signIn("alice", "alice", visitor)
	after := d.text("csrf_token", args{"key": key})
	equal(t, "a form from before", accepts(key, before), false)
	equal(t, "a new form", accepts(key, after), true)
	equal(t, "who", d.who(key), "alice")
}

// A page for members sends others to the login, as login_required does.
func TestRequireLoginBesideDjango(t *testing.T) {
	m, d := bothWithMembers(t)
	h := m.Handler(m.auth.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, err := auth.FromContext(r.Context())
		check(t, err)
		_, _ = w.Write([]byte(user.Username))
	})))
	get := func(target, key string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", target, nil)
		r.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	equal(t, "with Django's login", get("/", d.signIn("alice", "alice", "")).Body.String(), "alice")
	for _, target := range []string{"/", "/a/?b=c&d=%C3%A9%20+x", "/%C3%A9/~a/b,d@e:f/!$'()*", "/a?next=/b"} {
		w := get(target, "")
		equal(t, "status", w.Code, http.StatusFound)
		equal(t, "the way to log in from "+target, w.Header().Get("Location"), d.text("login_required", args{"target": target}))
	}
}

// Where SafeRedirect lets a visitor go, Django does.
func TestSafeRedirectBesideDjango(t *testing.T) {
	d := newSite(t).django()
	accepted := 0
	for _, target := range []string{
		"/", "/a?b=c#d", "/é/%2F//x", "/a:b", "//example.com/", "//evil.example/", "///x", "/\\x", "\\x", "x", "x:y", "",
		"http://example.com/", "http://example.com", "https://example.com/a?b", "https://example.com:443/", "https://example.com@x/",
		"HTTPS://example.com/", "https://EXAMPLE.com/", "http:///x", "http:x", "https:/x", "javascript:x", "ftp://example.com/",
		" /x", "/x ", "\x08//x", "/\t/x", "http://[::1", "https://example.com?x", "https://example.com#x",
	} {
		for _, https := range []bool{false, true} {
			r := httptest.NewRequest("GET", "http://example.com/login/", nil)
			if https {
				r.Header.Set("X-Forwarded-Proto", "https")
			}
			if auth.SafeRedirect(r, target, "no") == "no" {
				continue
			}
			accepted++
			var theirs bool
			d.must("safe_url", args{"url": target, "https": https}, &theirs)
			equal(t, "Django lets go to "+target, theirs, true)
		}
	}
	if accepted < 10 {
		t.Errorf("%d targets were accepted", accepted)
	}
}
