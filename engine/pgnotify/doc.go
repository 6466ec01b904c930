// Package pgnotify tells processes of each other's logouts through PostgreSQL's
// LISTEN and NOTIFY, for sessions.Session.Done:
//
//	settings.Notifier = pgnotify.New(db)
//
// It needs the driver pgx (github.com/jackc/pgx/v5/stdlib), and of any engine's
// processes only that they reach one database. Behind a pooler that shares
// connections between transactions, as PgBouncer may, give it a *sql.DB of its own
// that goes around it.
package pgnotify
