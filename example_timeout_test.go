package sessions_test

import (
	"context"
	"fmt"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// Half an hour without a request, or twelve hours, end a session; those of
// administrators end sooner.
func ExampleTimeouts() {
	now := exampleNow
	st := exampleSettings()
	st.Clock = func() time.Time { return now }
	st.Timeouts = sessions.AAL2()
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		panic(err)
	}

	login := func(user string, admin bool) {
		s := m.Open("")
		s.Set("user", user)
		if admin {
			s.SetTimeouts(sessions.Timeouts{Idle: 5 * time.Minute, Absolute: time.Hour})
		}
		if err := s.Save(context.Background()); err != nil {
			panic(err)
		}
		fmt.Printf("%s: after %v without a request, or at %s\n", user, s.IdleTimeout(), s.Deadline().Format("15:04"))
	}
	login("ann", false)
	login("root", true)
	// Output:
	// ann: after 30m0s without a request, or at 00:00
	// root: after 5m0s without a request, or at 13:00
}
