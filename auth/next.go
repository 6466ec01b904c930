package auth

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// nextField is Django's REDIRECT_FIELD_NAME.
const nextField = "next"

// loginURL is a URL to which the parameter next is added. Scheme and host are ""
// where it has none.
type loginURL struct {
	text          string // "": there is none
	scheme, host  string
	before, after string // next's value
}

func parseLoginURL(text string) (loginURL, error) {
	if text == "" {
		return loginURL{}, nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return loginURL{}, errors.New("is not a URL")
	case u.Host != "" && (u.Scheme == "" || u.Scheme == "http" || u.Scheme == "https"):
	case u.Host == "" && u.Scheme == "" && strings.HasPrefix(u.Path, "/"):
	default:
		return loginURL{}, errors.New("must begin with a slash, or with https:// and a host")
	}
	login := loginURL{text: text, scheme: u.Scheme, host: u.Host}

	// As Django's QueryDict: the other parameters stay, a next is replaced.
	pairs, at := []string{}, -1
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, value = unquote(name), unquote(value)
		switch {
		case pair == "":
		case name != nextField:
			pairs = append(pairs, quote(name)+"="+quote(value))
		case at < 0:
			at = len(pairs)
		}
	}
	if at < 0 {
		at = len(pairs)
	}
	fragment := ""
	if u.Fragment != "" {
		fragment = "#" + u.EscapedFragment()
	}
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = "", false, "", ""
	login.before = u.String() + "?" + strings.Join(append(pairs[:at:at], nextField+"="), "&")
	for _, pair := range pairs[at:] {
		login.after += "&" + pair
	}
	login.after += fragment
	return login, nil
}

// withNext is the login page that leads back to r's: to its path, or, when the
// login is at another site, to its whole URL.
func (l loginURL) withNext(r *http.Request) string {
	path := r.RequestURI // r.URL may lack a prefix that was stripped
	if u, err := url.ParseRequestURI(path); err == nil && u.Host != "" {
		path = u.RequestURI()
	}
	if !strings.HasPrefix(path, "/") { // "*", or a request that no server has read
		path = "/" + strings.TrimLeft(r.URL.RequestURI(), "*/")
	}
	if strings.HasPrefix(path, "//") { // a browser would take it for a host
		path = "/%2F" + path[2:]
	}
	scheme := "http"
	if secure(r) {
		scheme = "https"
	}
	if l.scheme != "" && l.scheme != scheme || l.host != "" && l.host != r.Host {
		path = scheme + "://" + r.Host + path
	}
	return l.before + quote(path) + l.after
}

// SafeRedirect returns target, where a login view sends its user, if that is a
// page of this site, else fallback: Django's url_has_allowed_host_and_scheme. A
// login view that redirects to whatever its parameter next holds sends users to
// any site. A target is a path that begins with one slash, or a URL on r's host,
// by HTTPS if r came so.
func SafeRedirect(r *http.Request, target, fallback string) string {
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c == 0x7f || c == '\\' { // browsers drop or change them
			return fallback
		}
	}
	if strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") {
		return target
	}
	u, err := url.Parse(target)
	if err != nil || u.User != nil || u.Host == "" || u.Host != r.Host ||
		u.Scheme != "https" && (u.Scheme != "http" || secure(r)) {
		return fallback
	}
	return target
}

// secure reports whether the browser has sent r by HTTPS.
func secure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// quote is Python's urllib.parse.quote(text, safe="/").
func quote(text string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("_.-~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// unquote is lenient, as Python is.
func unquote(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}
