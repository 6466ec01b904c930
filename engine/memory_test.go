package engine_test

import (
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
)

func TestMemory(t *testing.T) {
	enginetest.Run(t, func(*testing.T, sessions.Settings) sessions.Engine { return engine.Memory() }, enginetest.Options{Name: "memory"})
}
