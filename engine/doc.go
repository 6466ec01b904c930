// Package engine says where sessions are kept: Django's SESSION_ENGINE.
//
//   - Database keeps them in Django's own django_session table, over any
//     database/sql driver for SQLite, PostgreSQL, MySQL or MariaDB.
//   - Cache keeps them in a cache, as Django pickles them: see package cache.
//   - File keeps each in a file, with Django's names and contents.
//   - SignedCookies and EncryptedCookies keep each in its cookie, and need no
//     store.
//   - Memory keeps them in the process, for tests and for programs of one
//     process that may forget them.
//
// Every engine is a value for sessions.New:
//
//	m, err := sessions.New(settings, engine.Database(db))
//
// A store of one's own implements sessions.Engine and sessions.Store, and is
// tested with engine/enginetest.
package engine
