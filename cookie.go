package sessions

import (
	"iter"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// cookieWriter writes Set-Cookie as Django does, byte for byte: the attributes
// in the order and the case of Python's http.cookies.Morsel, which net/http's
// own writer has not.
type cookieWriter struct {
	name        string
	domain      string // "Domain=…; "
	httpOnly    string
	partitioned string
	path        string
	sameSite    string
	secure      string
	deletion    string
	noStore     bool
	former      []string // the deletions of cookies of former domains
}

func newCookieWriter(st *Settings) cookieWriter {
	attribute := func(on bool, text string) string {
		if on {
			return "; " + text
		}
		return ""
	}
	domain := func(name string) string { return attribute(name != "", "Domain="+name) }
	c := cookieWriter{
		name:        st.CookieName,
		domain:      domain(st.CookieDomain),
		httpOnly:    attribute(st.CookieHTTPOnly, "HttpOnly"),
		partitioned: attribute(st.Partitioned, "Partitioned"),
		path:        attribute(st.CookiePath != "", "Path="+st.CookiePath),
		sameSite:    attribute(st.CookieSameSite != "", "SameSite="+st.CookieSameSite),
		secure:      attribute(st.CookieSecure, "Secure"),
		noStore:     st.Hardened,
	}
	// Django's delete_cookie sets no HttpOnly, and Secure only where browsers
	// would refuse the deletion without it.
	name := strings.ToLower(st.CookieName) // the prefixes count in any case
	deletionSecure := attribute(strings.HasPrefix(name, "__secure-") ||
		strings.HasPrefix(name, "__host-") || strings.EqualFold(st.CookieSameSite, "none") || st.Partitioned, "Secure")
	deletionHTTPOnly := ""
	if st.Hardened {
		deletionHTTPOnly, deletionSecure = c.httpOnly, c.secure
	}
	deletion := func(domain string) string {
		return c.name + `=""` + domain + "; expires=Thu, 01 Jan 1970 00:00:00 GMT" + deletionHTTPOnly + "; Max-Age=0" +
			c.partitioned + c.path + c.sameSite + deletionSecure
	}
	c.deletion = deletion(c.domain)
	for _, name := range st.FormerCookieDomains {
		c.former = append(c.former, deletion(domain(name)))
	}
	return c
}

// set is the cookie that carries value for age from now, or until the browser
// closes.
func (c *cookieWriter) set(value string, now time.Time, age time.Duration, browserClose bool) string {
	var text strings.Builder
	text.Grow(len(c.name) + len("=") + len(value) + len(c.domain) +
		len("; expires=") + len(http.TimeFormat) + len(c.httpOnly) + len("; Max-Age=") + len("315360000") +
		len(c.partitioned) + len(c.path) + len(c.sameSite) + len(c.secure))
	text.WriteString(c.name)
	text.WriteByte('=')
	text.WriteString(value)
	text.WriteString(c.domain)
	var room [len(http.TimeFormat)]byte
	if !browserClose {
		text.WriteString("; expires=")
		text.Write(cookieDate(now, age).AppendFormat(room[:0], http.TimeFormat))
	}
	text.WriteString(c.httpOnly)
	if !browserClose {
		text.WriteString("; Max-Age=")
		text.Write(strconv.AppendInt(room[:0], int64(age/time.Second), 10))
	}
	text.WriteString(c.partitioned)
	text.WriteString(c.path)
	text.WriteString(c.sameSite)
	text.WriteString(c.secure)
	return text.String()
}

// cookieDate is now+age within the years that an HTTP date can express.
func cookieDate(now time.Time, age time.Duration) time.Time {
	date := now.Add(age).UTC()
	if date.Before(minDate) {
		return minDate
	}
	if date.After(maxDate) {
		return maxDate
	}
	return date
}

// find returns the value of the cookie in a Cookie header's lines, as Django's
// parse_cookie reads it: of several the last, a quoted one without its quotes.
// several is true when there are different values under the name.
func (c *cookieWriter) find(lines []string) (value string, found, several bool) {
	for raw := range c.values(lines) {
		several = several || found && raw != value
		value, found = raw, true
	}
	return value, found, several
}

// values are all values under the name, as the browser has sent them.
func (c *cookieWriter) values(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range lines {
			for len(line) > 0 {
				var pair string
				pair, line, _ = strings.Cut(line, ";")
				name, raw, ok := strings.Cut(pair, "=")
				if ok && strings.TrimSpace(name) == c.name && !yield(unquoteCookie(strings.TrimSpace(raw))) {
					return
				}
			}
		}
	}
}

// maxCookies is how many of several cookies are tried.
const maxCookies = 4

// keys are the different values that can be keys, the last one first.
func (c *cookieWriter) keys(lines []string) []string {
	var keys []string
	for value := range c.values(lines) {
		keys = slices.DeleteFunc(keys, func(key string) bool { return key == value })
		if assignableKey(value) {
			keys = append(keys, value)
		}
	}
	slices.Reverse(keys)
	return keys[:min(len(keys), maxCookies)]
}

// unquoteCookie is Python's http.cookies._unquote: a value in double quotes
// loses them, \ooo is a character in octal and \x is x.
func unquoteCookie(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\' || i+1 == len(s):
			b = append(b, s[i])
		case i+3 < len(s) && s[i+1] >= '0' && s[i+1] <= '3' && isOctal(s[i+2]) && isOctal(s[i+3]):
			b = utf8.AppendRune(b, rune(s[i+1]-'0')<<6|rune(s[i+2]-'0')<<3|rune(s[i+3]-'0'))
			i += 3
		default:
			i++
			b = append(b, s[i])
		}
	}
	return string(b)
}

func isOctal(c byte) bool { return c >= '0' && c <= '7' }

// add puts Set-Cookie lines of this cookie in the place of any others, and tells
// caches. room is varyOnCookie's.
func (c *cookieWriter) add(h http.Header, room *[1]string, lines ...string) {
	var kept []string
	for _, other := range h["Set-Cookie"] {
		if name, _, _ := strings.Cut(other, "="); strings.TrimSpace(name) != c.name {
			kept = append(kept, other)
		}
	}
	h["Set-Cookie"] = append(kept, lines...)
	varyOnCookie(h, room)
	c.forbidCaching(h)
}

// forbidCaching is no-cache="Set-Cookie", which few caches understand, in words
// that all of them do.
func (c *cookieWriter) forbidCaching(h http.Header) {
	if c.noStore {
		h["Cache-Control"] = []string{"no-store"}
	}
}

// varyOnCookie is Django's patch_vary_headers: caches must tell visitors apart. The
// header's value, mostly the only one, is kept in room.
func varyOnCookie(h http.Header, room *[1]string) {
	lines := h["Vary"]
	if len(lines) == 0 {
		h["Vary"] = append(room[:0], "Cookie")
		return
	}
	if len(lines) == 1 && lines[0] == "Cookie" {
		return
	}
	var names []string
	cookie := false
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			switch name = strings.TrimSpace(name); {
			case name == "*":
				h["Vary"] = []string{"*"}
				return
			case name != "":
				cookie = cookie || strings.EqualFold(name, "Cookie")
				names = append(names, name)
			}
		}
	}
	if !cookie {
		names = append(names, "Cookie")
	}
	h["Vary"] = []string{strings.Join(names, ", ")}
}

// plainHTTP reports whether r came unencrypted from somewhere else than this
// machine, so that the browser will drop a Secure cookie.
func plainHTTP(r *http.Request) bool {
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") ||
		strings.Contains(strings.ToLower(r.Header.Get("Forwarded")), "proto=https") {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if ip := net.ParseIP(host); ip != nil {
		return !ip.IsLoopback()
	}
	return host != "localhost" && !strings.HasSuffix(host, ".localhost")
}
