package testserver

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// SQLOptions are the choices of a database server.
type SQLOptions struct {
	// Durable: commits wait for the disk. Otherwise they survive everything
	// but a crash of the machine itself.
	Durable bool

	// Args are further arguments of the server's command line.
	Args []string
}

// account is the name of the account on each server, and its password.
const account = "keepsake"

// PostgresDatabase is a database on a PostgreSQL server.
type PostgresDatabase struct {
	Addr string // of the server
	Name string
}

// URL is what drivers open. Its account may do everything.
func (d PostgresDatabase) URL() string {
	return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", account, account, d.Addr, d.Name)
}

// PostgresServer is a PostgreSQL server. Its methods URL and the like are those
// of its first database, "keepsake".
type PostgresServer struct {
	*Server
	superuser string // runs psql
}

// Postgres starts a PostgreSQL server.
func Postgres(t testing.TB, opts ...SQLOptions) *PostgresServer {
	t.Helper()
	initdb := find(t, "initdb", "postgresql")
	postgres := find(t, "postgres", "postgresql")
	psql := find(t, "psql", "postgresql")
	s := newServer(t, "postgres")
	s.user = "postgres" // it refuses to be root
	s.halt, s.quit = os.Interrupt, syscall.SIGQUIT
	password := s.file("password", account)
	data := s.folder("data")
	if err := run(s.user, initdb, "--pgdata="+data, "--username="+account, "--pwfile="+password,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"); err != nil {
		t.Fatal(err)
	}
	settings := []string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "shared_buffers=64MB",
		"dynamic_shared_memory_type=mmap", // leaves nothing outside of its folder when it is killed
		"timezone=UTC", "log_timezone=UTC",
	}
	s.command = func() (string, []string) {
		args := []string{"-D", data, "-p", port(s.Addr)}
		for _, setting := range settings {
			args = append(args, "-c", setting)
		}
		for _, o := range opts {
			args = append(args, o.Args...)
		}
		return postgres, args
	}
	if len(opts) == 0 || !opts[0].Durable {
		settings = append(settings, "fsync=off", "full_page_writes=off")
	}
	s.ready = func(ctx context.Context) error { return postgresReady(ctx, s.Addr) }
	s.begin()
	p := &PostgresServer{Server: s, superuser: psql}
	if _, err := p.create(account); err != nil {
		t.Fatal(err)
	}
	return p
}

// Database is the server's first database.
func (p *PostgresServer) Database() PostgresDatabase { return PostgresDatabase{p.Addr, account} }

// URL is Database's.
func (p *PostgresServer) URL() string { return p.Database().URL() }

// create makes a database.
func (p *PostgresServer) create(name string) (PostgresDatabase, error) {
	return PostgresDatabase{p.Addr, name}, run("", p.superuser, "-qX", "-v", "ON_ERROR_STOP=1",
		PostgresDatabase{p.Addr, "postgres"}.URL(), "-c", "CREATE DATABASE "+name)
}

// postgresReady asks for a connection: a server that starts or recovers refuses
// before it asks for the password.
func postgresReady(ctx context.Context, addr string) error {
	conn, err := dial(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	message := "user\x00" + account + "\x00database\x00postgres\x00\x00"
	packet := binary.BigEndian.AppendUint32(nil, uint32(8+len(message)))
	packet = binary.BigEndian.AppendUint32(packet, 3<<16) // the protocol's version
	if _, err := conn.Write(append(packet, message...)); err != nil {
		return err
	}
	switch kind, err := bufio.NewReader(conn).ReadByte(); {
	case err != nil:
		return err
	case kind != 'R':
		return errors.New("it does not ask for a password")
	}
	return nil
}

// dial connects for one short exchange.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err == nil {
		_ = conn.SetDeadline(time.Now().Add(time.Second))
	}
	return conn, err
}
