// Package sqldialect is what differs between the databases that Django keeps
// tables in: SQLite, PostgreSQL, and MySQL with MariaDB, over database/sql and
// whatever driver. The database engine and the database cache are written on it.
//
// Payloads and dates are bound as strings: SQLite never finds text equal to a
// blob, and PostgreSQL takes bytes for bytea.
package sqldialect
