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

// A cursor that no page has returned is no reason to panic.
func TestMemoryMadeUpCursor(t *testing.T) {
	st := sessions.DefaultSettings()
	st.SecretKey = "Vn3kq8ZsW0aYt5RjL2mXc7bDf9hGp4uE1oTi6KxQyBvNwMzCrSe"
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		t.Fatal(err)
	}
	for _, cursor := range []string{"-1", "-9223372036854775808", "999999999", "x"} {
		if _, _, err := m.List(t.Context(), cursor, 10); err != nil {
			t.Errorf("%q: %v", cursor, err)
		}
	}
}
