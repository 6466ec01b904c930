package auth

import (
	"context"
	"log/slog"
)

// What happens, one struct a kind. For now they are log lines, which name nobody.

// loggedIn: a user was logged in.
type loggedIn struct{ UserID, Backend string }

// loginFailed: Authenticate has refused credentials.
type loginFailed struct{}

// ended: a login has ended.
type ended struct{ UserID, Why string }

type event interface{ line() (slog.Level, string) }

func (e loggedIn) line() (slog.Level, string)  { return slog.LevelInfo, "auth: login" }
func (loginFailed) line() (slog.Level, string) { return slog.LevelInfo, "auth: wrong credentials" }
func (e ended) line() (slog.Level, string)     { return slog.LevelInfo, "auth: login ended: " + e.Why }

func (a *Auth) emit(ctx context.Context, e event) {
	level, text := e.line()
	a.log.Log(ctx, level, text)
}
