package redis

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// ParseLocation reads a LOCATION of Django's CACHES: a URL, several of them, or
// one string with "," or ";" between them.
//
//	redis://user:password@host:6379/0                 also rediss (TLS), valkey, valkeys
//	unix://user:password@/run/redis.sock?db=1         a Unix socket
//	redis+sentinel://host:26379,host2:26379/mymaster/0   also rediss+sentinel
//	redis+cluster://host:6379,host2:6379              also rediss+cluster
//
// The first server is the one that is used. Django writes to it and reads from
// the others at random; they are replicas, which may be behind, and a session
// that is read must not be older than what was acknowledged. So the other URLs
// are read, and wrong ones reported, but their servers are not used.
//
// URLs are understood as redis-py does, "%" escapes included, with its options:
//
//   - db, username, password (those before the host come first), client_name
//   - protocol (2 or 3)
//   - socket_connect_timeout, socket_timeout, in seconds
//   - ssl_cert_reqs (none, optional, required), ssl_check_hostname, ssl_ca_certs,
//     ssl_ca_path, ssl_certfile, ssl_keyfile
//   - max_connections, timeout, socket_keepalive, retry_on_timeout,
//     retry_on_error, health_check_interval: about redis-py's own connections;
//     nothing depends on them here
//
// Any other option is an error. Errors name what is wrong and never quote a URL.
func ParseLocation(location ...string) (Options, error) {
	var all []Options
	for _, text := range location {
		for _, raw := range splitLocation(text) {
			o, err := parseURL(raw)
			if err != nil {
				if len(all) > 0 {
					return Options{}, fmt.Errorf("redis: URL %d: %w", len(all)+1, err)
				}
				return Options{}, fmt.Errorf("redis: %w", err)
			}
			all = append(all, o)
		}
	}
	if len(all) == 0 {
		return Options{}, errors.New("redis: no URL")
	}
	return all[0], nil
}

// splitLocation splits Django's list of URLs. What follows a "," or ";" and is no
// URL belongs to the one before: a list of hosts, or a password.
func splitLocation(text string) []string {
	var urls []string
	for len(text) > 0 {
		end := len(text)
		for i := range len(text) {
			if text[i] != ',' && text[i] != ';' {
				continue
			}
			next, _, _ := strings.Cut(strings.TrimSpace(text[i+1:]), "://")
			if _, known := schemes[strings.ToLower(next)]; known || strings.TrimSpace(text[i+1:]) == "" {
				end = i
				break
			}
		}
		if url := strings.TrimSpace(text[:end]); url != "" {
			urls = append(urls, url)
		}
		text = text[min(end+1, len(text)):]
	}
	return urls
}

// scheme is what a URL begins with.
type scheme struct{ tls, unix, sentinel, cluster bool }

var schemes = map[string]scheme{
	"redis": {}, "valkey": {},
	"rediss": {tls: true}, "valkeys": {tls: true},
	"unix":            {unix: true},
	"redis+sentinel":  {sentinel: true},
	"rediss+sentinel": {sentinel: true, tls: true},
	"redis+cluster":   {cluster: true},
	"rediss+cluster":  {cluster: true, tls: true},
}

// parseURL reads a URL as Python's urlsplit does, which unlike net/url takes
// most characters in a password, and lists of hosts.
func parseURL(raw string) (Options, error) {
	name, rest, ok := strings.Cut(raw, "://")
	s, known := schemes[strings.ToLower(name)]
	if !ok || !known {
		return Options{}, errors.New("the URL begins with none of redis, rediss, unix, redis+sentinel, redis+cluster and the like")
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	hosts, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		hosts, path = rest[:i], rest[i:]
	}
	user := ""
	if i := strings.LastIndexByte(hosts, '@'); i >= 0 {
		user, hosts = hosts[:i], hosts[i+1:]
	}

	o := Options{Cluster: s.cluster}
	var t tlsOptions
	dbGiven, err := o.parseQuery(query, &t)
	if err != nil {
		return Options{}, err
	}
	username, password, _ := strings.Cut(user, ":")
	if username != "" {
		o.Username = unquote(username)
	}
	if password != "" {
		o.Password = unquote(password)
	}
	if o.TLS, err = t.config(s.tls); err != nil {
		return Options{}, err
	}
	if s.unix {
		if hosts != "" || path == "" {
			return Options{}, errors.New("a unix URL is unix:///path/of/socket")
		}
		o.Addrs = []string{unquote(path)}
		return o, nil
	}
	if err := o.parseHosts(hosts, s); err != nil {
		return Options{}, err
	}
	return o, o.parsePath(path, s, dbGiven)
}

// parseHosts reads host:port, of which Sentinels and Clusters have several.
func (o *Options) parseHosts(hosts string, s scheme) error {
	all := strings.Split(hosts, ",")
	if len(all) > 1 && !s.sentinel && !s.cluster {
		return errors.New("several hosts in a URL for one server: write redis+cluster:// or redis+sentinel://")
	}
	for _, host := range all {
		defaultPort := "6379"
		if s.sentinel {
			defaultPort = "26379"
		}
		name, port := host, defaultPort
		if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
			name, port = host[:i], host[i+1:]
			if port == "" {
				port = defaultPort
			}
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("the port is no number from 1 to 65535")
		}
		name = unquote(name)
		if inner, ok := strings.CutPrefix(name, "["); ok {
			if name, ok = strings.CutSuffix(inner, "]"); !ok {
				name = "["
			}
		}
		if strings.ContainsAny(name, "[]") {
			return errors.New("the brackets around the host don't match")
		}
		if name == "" {
			name = "localhost"
		}
		o.Addrs = append(o.Addrs, net.JoinHostPort(name, port))
	}
	return nil
}

// parsePath reads the database's number, and before it the name of the master
// that Sentinels are asked for.
func (o *Options) parsePath(path string, s scheme, dbGiven bool) error {
	path = unquote(strings.Trim(path, "/"))
	if s.sentinel {
		o.Master, path, _ = strings.Cut(path, "/")
		if o.Master == "" {
			return errors.New("a Sentinel's URL needs the master's name: redis+sentinel://host:26379/name/0")
		}
	}
	if path == "" || dbGiven {
		return nil
	}
	db, err := strconv.ParseUint(path, 10, 31)
	if err != nil {
		return errors.New("the path is not the number of a database")
	}
	o.DB = int(db)
	return nil
}

// ignored are redis-py's options that are about its own connections.
var ignored = map[string]bool{
	"max_connections": true, "timeout": true, "socket_keepalive": true,
	"retry_on_timeout": true, "retry_on_error": true, "health_check_interval": true,
}

// parseQuery reads the options, and says whether the database is one of them,
// which then comes before the path's.
func (o *Options) parseQuery(query string, t *tlsOptions) (dbGiven bool, err error) {
	if strings.Contains(query, "@") {
		return false, errors.New(`a "@" among the options: a "?" in a password is written %3F, a "#" %23, a "/" %2F`)
	}
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name = unquote(strings.ReplaceAll(name, "+", " "))
		value = unquote(unquote(strings.ReplaceAll(value, "+", " "))) // twice: redis-py does
		if value == "" || seen[name] {
			continue
		}
		seen[name] = true
		ok := true
		switch name {
		case "db":
			db, err := strconv.ParseUint(value, 10, 31)
			o.DB, ok, dbGiven = int(db), err == nil, true
		case "username":
			o.Username = value
		case "password":
			o.Password = value
		case "client_name":
			o.ClientName = value
		case "protocol":
			o.RESP2, ok = value == "2", value == "2" || value == "3"
		case "socket_timeout":
			o.Timeout, ok = seconds(value)
		case "socket_connect_timeout":
			o.ConnectTimeout, ok = seconds(value)
		default:
			if ok = ignored[name]; !ok {
				var known bool
				if known, ok = t.set(name, value); !known {
					return false, fmt.Errorf("the option %q is not known", name)
				}
			}
		}
		if !ok {
			return false, fmt.Errorf("the value of the option %s can't be used", name)
		}
	}
	return dbGiven, nil
}

// seconds is Python's float.
func seconds(value string) (time.Duration, bool) {
	f, err := strconv.ParseFloat(value, 64)
	return time.Duration(f * float64(time.Second)), err == nil && f > 0 && f < 1e9
}

// truth is redis-py's to_bool.
func truth(value string) bool {
	switch strings.ToUpper(value) {
	case "0", "F", "FALSE", "N", "NO":
		return false
	}
	return true
}

// unquote is Python's: what is no escape stays as it is.
func unquote(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
