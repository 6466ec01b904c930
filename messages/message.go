package messages

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/keepsake-go/sessions/internal/pyjson"
)

// Level is how important a message is. Others than these can be used, as in
// Django; they have no tag.
type Level int

// Django's levels.
const (
	LevelDebug   Level = 10
	LevelInfo    Level = 20
	LevelSuccess Level = 25
	LevelWarning Level = 30
	LevelError   Level = 40
)

// Tag is Django's tag of the level, "" for a level that is none of these.
func (l Level) Tag() string {
	switch l {
	case LevelDebug:
		return "debug"
	case LevelInfo:
		return "info"
	case LevelSuccess:
		return "success"
	case LevelWarning:
		return "warning"
	case LevelError:
		return "error"
	}
	return ""
}

// Message is one notice.
type Message struct {
	Level Level
	Text  string

	// ExtraTags are CSS classes beside the level's, with spaces between them.
	ExtraTags string

	// Safe says that Text is HTML, to be shown without escaping it: Django's
	// mark_safe. What Safe is true for must never come from a visitor.
	Safe bool
}

// Tags are ExtraTags and the level's tag: what a page uses as CSS classes.
func (m Message) Tags() string {
	return strings.TrimSpace(m.ExtraTags + " " + m.Level.Tag())
}

// String is the text.
func (m Message) String() string { return m.Text }

// marker begins a message in Django's JSON: MessageEncoder.message_key.
const marker = "__json_message"

// encode writes the message as Django's MessageEncoder does.
func (m Message) encode() string {
	b := append([]byte(`["`), marker...)
	b = append(b, `", `...)
	if m.Safe {
		b = append(b, '1')
	} else {
		b = append(b, '0')
	}
	b = append(b, ", "...)
	b = strconv.AppendInt(b, int64(m.Level), 10)
	b = append(b, ", "...)
	b = pyjson.AppendString(b, m.Text)
	b = append(b, ", "...)
	b = pyjson.AppendString(b, m.ExtraTags)
	return string(append(b, ']'))
}

var errNotMessages = errors.New("not a list of messages as Django writes it")

// decode reads one message of Django's JSON.
func decode(raw json.RawMessage) (Message, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil || len(parts) < 4 || len(parts) > 5 {
		return Message{}, errNotMessages
	}
	var (
		m    Message
		key  string
		safe int
		tags *string
	)
	into := []any{&key, &safe, &m.Level, &m.Text, &tags}
	for i, part := range parts {
		if err := pyjson.Unmarshal(string(part), into[i]); err != nil {
			return Message{}, errNotMessages
		}
	}
	if key != marker {
		return Message{}, errNotMessages
	}
	if m.Safe = safe != 0; tags != nil {
		m.ExtraTags = *tags
	}
	return m, nil
}

// list is the value in the session: a text that holds a JSON list. Each message
// stays as it was written, also one that we could not read.
type list []json.RawMessage

// UnmarshalJSON reads what SessionStorage has stored. Nothing, null and "" are no
// messages, as in Django.
func (l *list) UnmarshalJSON(data []byte) error {
	var text *string
	if err := json.Unmarshal(data, &text); err != nil {
		return errNotMessages // of another type
	}
	*l = nil
	if text == nil || *text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(*text), (*[]json.RawMessage)(l)); err != nil {
		return errNotMessages
	}
	for _, raw := range *l {
		if _, err := decode(raw); err != nil {
			return err
		}
	}
	return nil
}

// MarshalJSON writes what SessionStorage would store.
func (l list) MarshalJSON() ([]byte, error) {
	text := []byte{'['}
	for i, raw := range l {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = append(text, raw...)
	}
	return pyjson.AppendString(nil, string(append(text, ']'))), nil
}

// messages are those of the list, which was checked when it was read.
func (l list) messages() []Message {
	all := make([]Message, 0, len(l))
	for _, raw := range l {
		if m, err := decode(raw); err == nil {
			all = append(all, m)
		}
	}
	return all
}
