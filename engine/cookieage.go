package engine

import (
	"errors"
	"time"

	"github.com/keepsake-go/sessions"
)

// WithCookieAge is e with a default life of its own for sessions: Django's
// get_session_cookie_age(), as an extended SessionStore overrides it. Everything
// follows: expiry ages and dates, the cookie's Max-Age, when the store drops a
// session, how long a cookie engine accepts one. age is whole seconds, at least
// one.
//
// Two Managers may give sessions in one store different ages: those of members
// of the staff half an hour, say.
func WithCookieAge(e sessions.Engine, age time.Duration) sessions.Engine {
	return cookieAgeEngine{e, age}
}

type cookieAgeEngine struct {
	inner sessions.Engine
	age   time.Duration
}

func (e cookieAgeEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	if e.inner == nil {
		return sessions.Backend{}, errors.New("engine: WithCookieAge needs an engine")
	}
	st.CookieAge = e.age
	b, err := e.inner.Open(st)
	if err != nil {
		return sessions.Backend{}, err
	}
	if b.CookieAge = e.age; e.age == 0 { // which would mean the settings' own
		return sessions.Backend{}, errors.New("engine: WithCookieAge needs an age of at least one second")
	}
	return b, nil
}
