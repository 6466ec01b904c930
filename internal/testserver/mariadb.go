package testserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
)

// MariaDBDatabase is a database on a MariaDB server.
type MariaDBDatabase struct {
	Addr string // of the server
	Name string
}

// DSN is what the driver go-sql-driver/mysql opens; params are its parameters,
// "parseTime=true&clientFoundRows=true". The account may do everything.
func (d MariaDBDatabase) DSN(params string) string {
	if params != "" {
		params = "?" + params
	}
	return fmt.Sprintf("%s:%s@tcp(%s)/%s%s", account, account, d.Addr, d.Name, params)
}

// MariaDBServer is a MariaDB server, whose character set is utf8mb4.
type MariaDBServer struct {
	*Server
	client string
}

// MariaDB starts a MariaDB server.
func MariaDB(t testing.TB, opts ...SQLOptions) *MariaDBServer {
	t.Helper()
	install := find(t, "mariadb-install-db", "mariadb-server")
	mariadbd := find(t, "mariadbd", "mariadb-server")
	client := find(t, "mariadb", "mariadb-server")
	s := newServer(t, "mariadb")
	// Not its --user: a process that changes its account no longer ends with us.
	s.user = "mysql"
	data := s.folder("data")
	temp := s.folder("run")
	if err := run(s.user, install, "--no-defaults", "--datadir="+data, "--tmpdir="+temp,
		"--auth-root-authentication-method=normal", "--skip-test-db"); err != nil {
		t.Fatal(err)
	}
	first := s.file("first.sql", fmt.Sprintf("CREATE DATABASE IF NOT EXISTS %[1]s;\n"+
		"CREATE USER IF NOT EXISTS %[1]s@'127.0.0.1' IDENTIFIED BY '%[1]s';\n"+
		"GRANT ALL ON *.* TO %[1]s@'127.0.0.1' WITH GRANT OPTION;\n", account))
	s.command = func() (string, []string) {
		args := []string{
			"--no-defaults", "--datadir=" + data, "--tmpdir=" + temp,
			"--bind-address=127.0.0.1", "--port=" + port(s.Addr), "--skip-name-resolve",
			"--socket=" + filepath.Join(temp, "socket"), "--pid-file=" + filepath.Join(temp, "pid"),
			"--init-file=" + first, "--character-set-server=utf8mb4", "--max-connections=200",
			"--innodb-buffer-pool-size=64M", "--innodb-use-native-aio=0",
		}
		if len(opts) == 0 || !opts[0].Durable {
			args = append(args, "--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync", "--innodb-doublewrite=0")
		}
		for _, o := range opts {
			args = append(args, o.Args...)
		}
		return mariadbd, args
	}
	s.ready = func(ctx context.Context) error { return mariadbReady(ctx, s.Addr) }
	s.begin()
	return &MariaDBServer{Server: s, client: client}
}

// Database is the server's first database.
func (m *MariaDBServer) Database() MariaDBDatabase { return MariaDBDatabase{m.Addr, account} }

// DSN is Database's.
func (m *MariaDBServer) DSN(params string) string { return m.Database().DSN(params) }

// create makes a database.
func (m *MariaDBServer) create(name string) (MariaDBDatabase, error) {
	return MariaDBDatabase{m.Addr, name}, run("", m.client, "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--port="+port(m.Addr),
		"--user="+account, "--password="+account, "--execute=CREATE DATABASE "+name)
}

// mariadbReady reads the greeting: the server connects nobody before it is ready.
func mariadbReady(ctx context.Context, addr string) error {
	conn, err := dial(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	greeting := make([]byte, 5) // length, number, then the protocol's version
	if _, err := io.ReadFull(bufio.NewReader(conn), greeting); err != nil {
		return err
	}
	if greeting[4] != 10 {
		return errors.New("it does not greet")
	}
	return nil
}
