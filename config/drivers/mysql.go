package drivers

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/keepsake-go/sessions/config"
)

// MySQL opens a database on a MySQL or MariaDB server with go-sql-driver. HOST may
// be the path of a socket; without one, and for localhost, the socket in its
// usual place is tried first, as Django's driver does. Of mysqlclient's options
// charset, collation, init_command, isolation_level, sql_mode, ssl, ssl_mode,
// connect_timeout, read_timeout, write_timeout, compress and unix_socket are
// honoured.
func MySQL(d config.Database) (*sql.DB, error) {
	o := readOptions(d, d.Options)
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName = d.User, d.Password, d.Name
	c.ClientFoundRows = true // as Django: a row that is left as it was counts
	if d.Name == "" {
		o.errs = append(o.errs, d.Errorf("NAME", "is empty"))
	}
	socket := o.text("unix_socket")
	if strings.HasPrefix(d.Host, "/") {
		socket = d.Host
	}
	if socket == "" && d.Port == 0 && (d.Host == "" || d.Host == "localhost") {
		socket = usualSocket()
	}
	host, port := d.Host, d.Port
	if host == "" {
		host = "127.0.0.1"
	}
	if port == 0 {
		port = 3306
	}
	c.Net, c.Addr = "tcp", net.JoinHostPort(host, strconv.Itoa(port))
	if socket != "" {
		c.Net, c.Addr = "unix", socket
	}
	c.Timeout = o.seconds("connect_timeout", 0)
	c.ReadTimeout = o.seconds("read_timeout", 0)
	c.WriteTimeout = o.seconds("write_timeout", 0)
	c.Collation = o.text("collation")
	if charset := o.text("charset"); charset != "" {
		_ = c.Apply(mysql.Charset(charset, c.Collation)) // never fails
	}
	_ = c.Apply(mysql.EnableCompression(o.boolean("compress", false)))
	tlsOptions(o, c, host)
	commands := mysqlCommands(o)
	o.ignore("use_unicode", "autocommit", "local_infile")
	o.refuse(map[string]string{
		"read_default_file": "only libmysqlclient reads it: put its settings here", "read_default_group": "put its settings here",
		"conv": "it is a dict of Python's", "cursorclass": "it is a class of Python's", "client_flag": "it is libmysqlclient's",
	})
	if err := o.err(); err != nil {
		return nil, err
	}
	inner, err := mysql.NewConnector(c)
	if err != nil {
		return nil, d.Errorf("OPTIONS", "can't be used: %v", err)
	}
	return sql.OpenDB(connector{inner, commands}), nil
}

// mysqlCommands are the statements for each new connection.
func mysqlCommands(o *optionReader) (commands []string) {
	if level := o.one("isolation_level", "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"); level != "" {
		commands = append(commands, "SET SESSION TRANSACTION ISOLATION LEVEL "+level)
	}
	if mode := o.text("sql_mode"); mode != "" {
		commands = append(commands, "SET SESSION sql_mode = '"+strings.ReplaceAll(mode, "'", "''")+"'")
	}
	if command := o.text("init_command"); command != "" {
		commands = append(commands, command)
	}
	return commands
}

// usualSocket is the socket of a server on this machine, "" when there is none.
func usualSocket() string {
	for _, path := range []string{"/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"} {
		if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
			return path
		}
	}
	return ""
}

// tlsOptions reads ssl_mode and ssl = {ca, cert, key}.
func tlsOptions(o *optionReader, c *mysql.Config, host string) {
	mode := o.one("ssl_mode", "DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")
	files := readOptions(o.entry, o.table("ssl"))
	ca, cert, key := files.text("ca"), files.text("cert"), files.text("key")
	if err := files.err(); err != nil {
		o.errs = append(o.errs, err)
	}
	if mode == "" && ca == "" && cert == "" {
		return
	}
	if mode == "" { // libmysqlclient verifies as soon as it has an authority
		mode = "REQUIRED"
		if ca != "" {
			mode = "VERIFY_CA"
		}
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		settings.RootCAs = x509.NewCertPool()
		if err != nil || !settings.RootCAs.AppendCertsFromPEM(pem) {
			o.wrong("ssl", "has no certificates in ca: %s", ca)
		}
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			o.wrong("ssl", "cert and key can't be used: %v", err)
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	switch mode {
	case "DISABLED":
		return
	case "PREFERRED":
		c.AllowFallbackToPlaintext = true
		settings.InsecureSkipVerify = true
	case "REQUIRED":
		settings.InsecureSkipVerify = true
	case "VERIFY_CA":
		settings.InsecureSkipVerify = true // of the name alone
		settings.VerifyConnection = func(state tls.ConnectionState) error {
			return verifyChain(state, settings.RootCAs)
		}
	}
	c.TLS = settings
}

// verifyChain verifies a certificate, but not whose it is.
func verifyChain(state tls.ConnectionState, roots *x509.CertPool) error {
	between := x509.NewCertPool()
	for _, cert := range state.PeerCertificates[1:] {
		between.AddCert(cert)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}
