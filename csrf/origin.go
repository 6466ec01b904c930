package csrf

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// origin is Django's check of where a request comes from: by its Origin, or over
// HTTPS by its Referer, which is then strict.
func (p *Protection) origin(r *http.Request) error {
	scheme := "http"
	if secure(r) {
		scheme = "https"
	}
	if lines, ok := r.Header["Origin"]; ok {
		origin := strings.Join(lines, ",")
		if origin == scheme+"://"+r.Host || p.exact[origin] {
			return nil
		}
		u, err := url.Parse(origin)
		if err != nil {
			return ErrBadOrigin
		}
		for _, domain := range p.below[u.Scheme] {
			if sameDomain(u.Host, domain) {
				return nil
			}
		}
		return ErrBadOrigin
	}
	if scheme == "http" {
		return nil
	}
	return p.referer(r)
}

func (p *Protection) referer(r *http.Request) error {
	text := r.Header.Get("Referer")
	if text == "" {
		return ErrNoReferer
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "" || u.User != nil:
		return ErrBadReferer
	case u.Scheme != "https":
		return ErrInsecureReferer
	}
	for _, host := range p.hosts {
		if sameDomain(u.Host, host) {
			return nil
		}
	}
	good := p.options.CookieDomain
	if p.options.UseSessions {
		good = p.settings.CookieDomain
	}
	if good == "" {
		good = r.Host
	} else if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "443" && port != "80" {
		good += ":" + port
	}
	if !sameDomain(u.Host, good) {
		return ErrBadReferer
	}
	return nil
}

// sameDomain is Django's is_same_domain: pattern is a host, or with a leading dot a
// domain and all below it.
func sameDomain(host, pattern string) bool {
	host, pattern = strings.ToLower(host), strings.ToLower(pattern)
	return pattern != "" && (host == pattern ||
		pattern[0] == '.' && (strings.HasSuffix(host, pattern) || host == pattern[1:]))
}

// secure reports whether the browser has used HTTPS. No other site can make a
// browser send X-Forwarded-Proto.
func secure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}
