package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"

	"github.com/keepsake-go/sessions/signing"
)

// logs are the lines of a request that Django would have written.
type logs struct {
	mu    sync.Mutex
	lines []string
}

func (l *logs) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = nil
}

func (l *logs) json() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == 0 {
		return ""
	}
	return "[" + strings.Join(l.lines, ",") + "]"
}

const corrupted = "Session data corrupted"

// suspicious is Django's line about a session whose signature is wrong.
func (l *logs) suspicious() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, `["django.security.SuspiciousSession","WARNING","`+corrupted+`"]`)
}

// logHandler gets Keepsake's lines. The one that Django has, too, it passes on:
// Django says nothing of data whose signature is right, nor of any cookie.
type logHandler struct {
	logs   *logs
	engine string
}

func (h logHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Message != corrupted || h.engine == "signed_cookies" {
		return nil
	}
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok && errors.Is(err, signing.ErrBadSignature) {
			h.logs.suspicious()
			return false
		}
		return true
	})
	return nil
}

func (h logHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h logHandler) WithGroup(string) slog.Handler      { return h }
