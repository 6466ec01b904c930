package messages

import (
	"context"
	"fmt"

	"github.com/keepsake-go/sessions"
)

// name is where Django's SessionStorage keeps messages.
const name = "_messages"

// Add leaves a message for the next page that shows messages: Django's
// add_message. One without a text is dropped, as in Django. What can't be stored,
// and a stored value that holds no messages, are errors in s.Err, which fail the
// save.
func Add(s *sessions.Session, m Message) {
	if m.Text == "" {
		return
	}
	text := []byte(m.encode())
	sessions.Update(s, name, func(latest list) list { return append(latest[:len(latest):len(latest)], text) })
}

// Debug adds a message of that level.
func Debug(s *sessions.Session, text string) { Add(s, Message{Level: LevelDebug, Text: text}) }

// Info adds a message of that level.
func Info(s *sessions.Session, text string) { Add(s, Message{Level: LevelInfo, Text: text}) }

// Success adds a message of that level.
func Success(s *sessions.Session, text string) { Add(s, Message{Level: LevelSuccess, Text: text}) }

// Warning adds a message of that level.
func Warning(s *sessions.Session, text string) { Add(s, Message{Level: LevelWarning, Text: text}) }

// Error adds a message of that level.
func Error(s *sessions.Session, text string) { Add(s, Message{Level: LevelError, Text: text}) }

// Take removes the messages and returns them, oldest first: Django's
// get_messages, iterated. It saves the session at once, with what else was changed
// in it, because only then they are this request's to show: each message is taken
// once, however many pages are loaded in parallel, and what is added meanwhile
// stays for the next. Without messages nothing is written.
//
// The error is the save's. The messages are then not this request's to show; they
// are still stored unless the error is sessions.ErrUnknownOutcome or the handler
// goes on and the session is saved after all. A stored value that holds no
// messages is a *sessions.TypeError, and is left alone.
func Take(ctx context.Context, s *sessions.Session) ([]Message, error) {
	here, found, err := sessions.Lookup[list](s, name)
	if err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	if !found || len(here) == 0 {
		return nil, nil
	}
	// The last run of the function is the one whose result was stored.
	var taken list
	sessions.Update(s, name, func(latest list) list {
		taken = latest
		return nil
	})
	if err := s.Save(ctx); err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	return taken.messages(), nil
}

// Peek returns the messages and leaves them for the next page. The error is a
// *sessions.TypeError where the stored value holds no messages.
func Peek(s *sessions.Session) ([]Message, error) {
	here, _, err := sessions.Lookup[list](s, name)
	if err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	return here.messages(), nil
}

// Count is how many messages there are, 0 where the stored value holds none.
func Count(s *sessions.Session) int {
	here, _, err := sessions.Lookup[list](s, name)
	if err != nil {
		return 0
	}
	return len(here)
}
