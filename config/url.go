package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// errURL does not quote the URL: there may be a password in it.
var errURL = errors.New("the URL can't be read: percent-encode the special characters of its user and password")

// errScheme is for host:port and the like. It does not quote the text either.
var errScheme = errors.New("it is no URL")

// splitURL takes a URL apart. Unlike net/url it takes several hosts with commas,
// and it never quotes the URL.
type splitURL struct {
	scheme, user, password, hosts, path string
	query                               url.Values
}

func parseURL(text string) (splitURL, error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found || scheme == "" {
		return splitURL{}, errScheme
	}
	if strings.Contains(text, "#") {
		return splitURL{}, errURL
	}
	u := splitURL{scheme: strings.ToLower(scheme)}
	rest, query, _ := strings.Cut(rest, "?")
	var err error
	if u.query, err = url.ParseQuery(query); err != nil {
		return splitURL{}, errURL
	}
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, password, _ := strings.Cut(authority[:i], ":")
		authority = authority[i+1:]
		if u.user, err = url.PathUnescape(user); err != nil {
			return splitURL{}, errURL
		}
		if u.password, err = url.PathUnescape(password); err != nil {
			return splitURL{}, errURL
		}
	}
	if u.hosts, err = url.PathUnescape(authority); err != nil {
		return splitURL{}, errURL
	}
	if u.path, err = url.PathUnescape(path); err != nil {
		return splitURL{}, errURL
	}
	return u, nil
}

// hostPort takes the only host and its port apart. A host that begins with a
// slash is a socket's path.
func (u splitURL) hostPort() (host, port string) {
	host = u.hosts
	if strings.HasPrefix(host, "/") {
		return host, ""
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host, port = host[:i], host[i+1:]
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), port
}

// databaseSchemes are the schemes of dj-database-url and django-environ.
var databaseSchemes = map[string]string{
	"postgres": "postgresql", "postgresql": "postgresql", "pgsql": "postgresql", "psql": "postgresql",
	"mysql": "mysql", "mysql2": "mysql", "mariadb": "mysql",
	"sqlite": "sqlite3", "sqlite3": "sqlite3",
}

// databaseURL makes an entry of DATABASES of a URL, as django-environ and
// dj-database-url do.
func databaseURL(at place, text string) (table, error) {
	if text == "sqlite://:memory:" || text == "sqlite://" {
		text = "sqlite:///:memory:"
	}
	u, err := parseURL(text)
	if errors.Is(err, errScheme) {
		return nil, errors.New("a database is a URL, for instance postgres://user@127.0.0.1:5432/name")
	}
	if err != nil {
		return nil, err
	}
	engine, known := databaseSchemes[u.scheme]
	if !known {
		return nil, fmt.Errorf("no database has URLs with %q; there is postgres, mysql and sqlite", u.scheme+"://")
	}
	if strings.Contains(u.hosts, ",") {
		return nil, errors.New("the URL has several hosts: sessions need one database, the primary")
	}
	host, port := u.hostPort()
	t := table{}
	put := func(in table, name, value string) { in[name] = &raw{place: at, value: value, text: true} }
	put(t, "ENGINE", databasePackage+engine)
	put(t, "NAME", strings.TrimPrefix(u.path, "/"))
	put(t, "USER", u.user)
	put(t, "PASSWORD", u.password)
	put(t, "HOST", host)
	put(t, "PORT", port)
	if engine == "sqlite3" && host != "" {
		return nil, errors.New("a SQLite URL has no host: sqlite:///relative.db or sqlite:////absolute/path.db")
	}
	options := table{}
	for _, name := range slices.Sorted(maps.Keys(u.query)) {
		if name == "ssl" { // would be taken for the table of ssl-ca and the like
			return nil, errors.New("the URL's option ssl is not known: PostgreSQL has sslmode, MySQL ssl_mode")
		}
		value := u.query.Get(name)
		switch upper := strings.ToUpper(name); {
		case slices.Contains(names(databaseIgnored+" CONN_MAX_AGE TIME_ZONE DISABLE_SERVER_SIDE_CURSORS"), upper):
			put(t, upper, value)
		case strings.HasPrefix(name, "ssl-"): // ssl-ca, dj-database-url's for MySQL
			if options["ssl"] == nil {
				options["ssl"] = &raw{place: at, value: table{}}
			}
			put(options["ssl"].value.(table), strings.TrimPrefix(name, "ssl-"), value)
		case engine == "mysql" && name == "unix_socket":
			put(t, "HOST", value)
		case engine == "postgresql" && name == "host": // libpq's way to name a socket
			put(t, "HOST", value)
		default:
			put(options, name, value)
		}
	}
	if len(options) > 0 {
		t["OPTIONS"] = &raw{place: at, value: options}
	}
	return t, nil
}
