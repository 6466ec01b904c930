package codec

import (
	"errors"
	"fmt"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/pyjson"
)

// Serializer turns a session's values into a text and back: Django's
// SESSION_SERIALIZER, an object with the two methods dumps and loads. It knows
// nothing of what goes around the text, a signature or encryption. It must be
// safe for concurrent use.
//
// One of one's own says in Go what a serializer class in the Django project
// says in Python; see the example.
type Serializer interface {
	// Dumps returns the values as a text of any bytes.
	Dumps(sessions.Values) (string, error)

	// Loads reads what Dumps returns, on either side, and spells each value as
	// it was given to Dumps: Session.Pop takes a value that comes in two
	// spellings for two values. Text that is no session is an error, which the
	// codec makes an ErrCorrupt.
	Loads(text string) (sessions.Values, error)
}

// JSONSerializer is Django's own and the default,
// django.contrib.sessions.serializers.JSONSerializer: compact JSON in ASCII.
type JSONSerializer struct{}

// Dumps writes a JSON object, members in their order.
func (JSONSerializer) Dumps(v sessions.Values) (string, error) {
	var room [1024]byte // most sessions fit, and then cost their text only
	text, err := appendObject(room[:0], &v)
	return string(text), err
}

// Loads reads JSON in Latin-1, as Django does.
func (JSONSerializer) Loads(text string) (sessions.Values, error) {
	return parseObject(pyjson.Latin1ToASCII(text))
}

// PickleSerializer is django.contrib.sessions.serializers.PickleSerializer,
// which Django had until 4.2: a pickle in place of JSON, which keeps tuples,
// dates and Decimals. Python runs whatever a pickle says, so it is only as safe
// as the secret key. Here nothing is run: see Pickle.
type PickleSerializer struct {
	// Protocol is the pickle protocol that is written: 4 or 5. 0 is 5, which
	// Python reads from 3.8 on. Every protocol from 0 to 5 is read.
	Protocol int
}

// Dumps writes the session's dict as a pickle.
func (s PickleSerializer) Dumps(v sessions.Values) (string, error) {
	c, err := forgetfulPickle(PickleOptions{Protocol: s.Protocol})
	if err != nil {
		return "", err
	}
	return c.Encode(v)
}

// Loads reads a pickled dict, in any protocol.
func (s PickleSerializer) Loads(text string) (sessions.Values, error) {
	c, err := forgetfulPickle(PickleOptions{Protocol: s.Protocol})
	if err != nil {
		return sessions.Values{}, err
	}
	v, _, err := c.decode(text)
	return v, err
}

// serializer is s or Django's default, once it has shown that it can write.
func serializer(s Serializer) (Serializer, error) {
	if s == nil {
		return JSONSerializer{}, nil
	}
	if _, err := s.Dumps(sessions.Values{}); err != nil {
		return nil, fmt.Errorf("codec: the serializer can't write an empty session: %w", err)
	}
	return s, nil
}

// loads calls s.Loads; what it can't read is corrupt.
func loads(s Serializer, text string) (sessions.Values, error) {
	v, err := s.Loads(text)
	switch {
	case err == nil:
		return v, nil
	case errors.Is(err, sessions.ErrCorrupt):
		return sessions.Values{}, err
	default:
		return sessions.Values{}, fmt.Errorf("%w: %w", sessions.ErrCorrupt, err)
	}
}

// errOpaque: only a pickle can hold it.
var errOpaque = errors.New("codec: a value that only Python understands can't be written as JSON")

// appendObject appends the values as a JSON object. What the members hold stays as
// it is.
func appendObject(b []byte, v *sessions.Values) ([]byte, error) {
	b = append(b, '{')
	first := true
	for m := range v.All() {
		if m.JSON == "" {
			return nil, fmt.Errorf("%w: %q", errOpaque, m.Name)
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = pyjson.AppendString(b, m.Name)
		b = append(b, ':')
		b = append(b, m.JSON...)
	}
	return append(b, '}'), nil
}

// parseObject reads a JSON object in ASCII.
func parseObject(text string) (sessions.Values, error) {
	var room [12]sessions.Member // as many as most sessions have, to know how many there are
	members := room[:0]
	err := pyjson.ScanObject(text, func(name, raw string) {
		members = append(members, sessions.Member{Name: name, JSON: raw})
	})
	if err != nil {
		return sessions.Values{}, fmt.Errorf("%w: %w", sessions.ErrCorrupt, err)
	}
	var v sessions.Values
	v.Grow(len(members) + 1) // one for what a request adds
	for _, m := range members {
		v.Set(m)
	}
	return v, nil
}
