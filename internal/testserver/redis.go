package testserver

import (
	"cmp"
	"context"
	"crypto/tls"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// RedisOptions are the choices of a Redis server.
type RedisOptions struct {
	// Program is "redis-server" or "valkey-server". "" is what the environment
	// variable KEEPSAKE_REDIS_SERVER says, or else redis-server.
	Program string

	// TLS: the server speaks TLS only, with a certificate that ClientTLS trusts.
	TLS bool

	// ACL: the server knows only the account that URL names, "keepsake", and
	// refuses whoever gives no password.
	ACL bool

	// UnixSocket: it listens on a socket in its folder, beside its port.
	UnixSocket bool

	// Volatile: it forgets everything when it ends. Otherwise it keeps an
	// append-only file, as a session store should.
	Volatile bool

	// Durable: writes wait for the disk.
	Durable bool

	// Args are further arguments of the server's command line:
	// "--maxmemory", "10mb".
	Args []string
}

// find returns the path of the program, whose package has its name.
func (o RedisOptions) find(t testing.TB) string {
	t.Helper()
	name := cmp.Or(o.Program, os.Getenv("KEEPSAKE_REDIS_SERVER"), "redis-server")
	return find(t, name, name)
}

// RedisServer is a Redis or Valkey server.
type RedisServer struct {
	*Server
	Socket   string // the path of its socket, "" without UnixSocket
	CertFile string // the path of its certificate, "" without TLS

	opts RedisOptions
	tls  *tls.Config
}

// Redis starts a Redis or Valkey server.
func Redis(t testing.TB, opts RedisOptions) *RedisServer {
	t.Helper()
	r := newRedis(t, "redis", opts)
	r.begin()
	return r
}

// newRedis is a Redis server that is yet to start.
func newRedis(t testing.TB, name string, opts RedisOptions) *RedisServer {
	t.Helper()
	program := opts.find(t)
	r := &RedisServer{Server: newServer(t, name), opts: opts}
	data := r.folder("data")
	args := []string{"--bind", "127.0.0.1", "--dir", data, "--save", "", "--daemonize", "no"}
	if !opts.Volatile {
		sync := "no"
		if opts.Durable {
			sync = "always"
		}
		args = append(args, "--appendonly", "yes", "--appendfsync", sync)
	}
	if opts.ACL {
		args = append(args, "--user", "default", "off", "--user", account, "on", ">"+account, "~*", "&*", "+@all")
	}
	if opts.UnixSocket {
		r.Socket = filepath.Join(r.dir, "socket")
		args = append(args, "--unixsocket", r.Socket, "--unixsocketperm", "700")
	}
	portOption := "--port"
	if opts.TLS {
		portOption = "--tls-port"
		var certificate, key string
		certificate, key, r.tls = r.certificate()
		r.CertFile = certificate
		args = append(args, "--port", "0", "--tls-cert-file", certificate, "--tls-key-file", key,
			"--tls-ca-cert-file", certificate, "--tls-auth-clients", "no")
	}
	r.command = func() (string, []string) {
		return program, append([]string{portOption, port(r.Addr)}, append(args, opts.Args...)...)
	}
	r.ready = func(ctx context.Context) error {
		_, err := r.Do(ctx, "PING")
		return err
	}
	return r
}

// URL is the server's, as Django's LOCATION and most libraries take it.
func (r *RedisServer) URL() string {
	u := url.URL{Scheme: "redis", Host: r.Addr, Path: "/0"}
	if r.opts.TLS {
		u.Scheme = "rediss"
	}
	if r.opts.ACL {
		u.User = url.UserPassword(account, account)
	}
	return u.String()
}

// SocketURL is the URL of the server's socket.
func (r *RedisServer) SocketURL() string {
	u := url.URL{Scheme: "unix", Path: r.Socket, RawQuery: "db=0"}
	if r.opts.ACL {
		u.User = url.UserPassword(account, account)
	}
	return u.String()
}

// ClientTLS trusts the server's certificate; nil without TLS.
func (r *RedisServer) ClientTLS() *tls.Config { return r.tls.Clone() }

// Do sends one command on a connection of its own and returns the reply: a
// string, an int64, nil, or a []any of these.
func (r *RedisServer) Do(ctx context.Context, args ...string) (any, error) {
	conn, err := dial(ctx, "tcp", r.Addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if r.tls != nil {
		conn = tls.Client(conn, r.tls)
	}
	if r.opts.ACL {
		if _, err := resp(conn, "AUTH", account, account); err != nil {
			return nil, err
		}
	}
	return resp(conn, args...)
}
