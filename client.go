package sessions

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
)

// clientName is where a session keeps who sent its last request.
const clientName = "_keepsake_client"

// Client is who has sent a request, as far as a server sees.
type Client struct {
	Address   string `json:"address"`
	UserAgent string `json:"user_agent"`
}

// ClientWatch notices that a session's requests come from another client than
// before: a stolen cookie, or a telephone that has changed its network. So all that
// happens by itself is an event, EventClientChanged, and a log line, neither of
// which says where the client is. What else to do is the program's to decide.
//
// The zero value is ready for use. Address and User-Agent are kept in the session,
// readable as its values are: personal data in many countries. They are written
// with the first request of a session that is stored, and with each change; every
// request loads its session.
type ClientWatch struct {
	// Address is the client's, by a header of a proxy that the program trusts for
	// instance; "" is never a change. Nil: the host of RemoteAddr.
	Address func(*http.Request) string

	// Changed is told of a change before the request's handler is called; no lock
	// is held. To end the session it calls s.Flush. Its error is answered through
	// Settings.OnError, and the session keeps the client that it has. Nil: the
	// request goes on.
	Changed func(r *http.Request, s *Session, old, now Client) error
}

// maxUserAgent is how much of a User-Agent is kept and compared, in bytes.
const maxUserAgent = 256

// WatchClients is a middleware for the inside of Handler.
func (m *Manager) WatchClients(watch ClientWatch, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.Session(r.Context())
		if err := s.Load(r.Context()); err != nil {
			m.Error(w, r, err)
			return
		}
		if s.Key() != "" {
			if err := watch.look(m, r, s); err != nil {
				m.Error(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (c ClientWatch) look(m *Manager, r *http.Request, s *Session) error {
	now := c.client(r)
	old, found, err := Lookup[Client](s, clientName)
	if err != nil {
		found = false // somebody else's
	}
	if now.Address == "" {
		now.Address = old.Address
	}
	if found && old == now {
		return nil
	}
	if found {
		m.log.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelInfo, "sessions: the client of a session has changed",
			m.keyAttr(s.Key()), slog.Bool("address", old.Address != now.Address), slog.Bool("user_agent", old.UserAgent != now.UserAgent))
		s.Emit(r.Context(), Event{Kind: EventClientChanged})
		if c.Changed != nil {
			if err := c.Changed(r, s, old, now); err != nil {
				return err
			}
		}
	}
	if s.Key() != "" { // it was not flushed
		s.Set(clientName, now)
	}
	return nil
}

func (c ClientWatch) client(r *http.Request) Client {
	agent := r.UserAgent()
	now := Client{UserAgent: strings.ToValidUTF8(agent[:min(len(agent), maxUserAgent)], "")}
	if c.Address != nil {
		now.Address = c.Address(r)
	} else if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		now.Address = host
	}
	return now
}
