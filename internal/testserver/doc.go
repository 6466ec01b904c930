// Package testserver starts the real servers that tests need, from the packages
// that the machine has installed (scripts/servers installs them), on free ports
// of 127.0.0.1 and in temporary folders:
//
//	func TestMyStore(t *testing.T) {
//		s := testserver.Postgres(t)
//		db, err := sql.Open("pgx", s.URL())
//		…
//		s.Kill()  // as a power cut would
//		s.Start() // the same data on the same port
//	}
//
// Postgres, MariaDB, Redis, Memcached, RedisCluster and RedisSentinel start
// servers of the test's own, which it may stop, kill and freeze as it likes; Nginx
// starts a web server in front of others.
// SharedPostgres and SharedMariaDB give it a database of its own on a server
// that it shares with the other tests of the binary, which saves seconds.
//
// A server ends with its test, and also, on Linux, with the test binary,
// however that ends. Where a server is not installed the test is skipped, with
// the name of the package to install; with KEEPSAKE_STRICT=1 it fails.
package testserver
