package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/keepsake-go/sessions"
)

// plainJSON implements sessions.Codec: the session's dictionary as JSON, in the
// order in which its values were set.
type plainJSON struct{}

func (plainJSON) Encode(v sessions.Values) (string, error) {
	var b strings.Builder
	separator := "{"
	for m := range v.All() {
		if m.Opaque != "" {
			return "", fmt.Errorf("the value of %q is not JSON", m.Name)
		}
		name, err := json.Marshal(m.Name)
		if err != nil {
			return "", err
		}
		b.WriteString(separator + string(name) + ":" + m.JSON)
		separator = ","
	}
	if v.Len() == 0 {
		b.WriteString("{")
	}
	return b.String() + "}", nil
}

func (plainJSON) Decode(data string) (sessions.Values, error) {
	var v sessions.Values
	d := json.NewDecoder(strings.NewReader(data))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return v, sessions.ErrCorrupt
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return v, fmt.Errorf("%w: %w", sessions.ErrCorrupt, err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return v, fmt.Errorf("%w: %w", sessions.ErrCorrupt, err)
		}
		if err := v.Encode(name.(string), value); err != nil {
			return v, fmt.Errorf("%w: %w", sessions.ErrCorrupt, err)
		}
	}
	if _, err := d.Token(); err != nil || d.More() {
		return v, sessions.ErrCorrupt
	}
	return v, nil
}
