package codec

import (
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/pyjson"
	"github.com/keepsake-go/sessions/signing"
)

// JSONOptions are the choices of NewJSON.
type JSONOptions struct {
	// Spaces writes a space behind each comma and colon, as json.dumps does
	// unless it is told otherwise, and so django-redis's JSONSerializer. It is
	// taken out again when a session is read.
	Spaces bool

	// Zlib writes what django-redis does with its ZlibCompressor; see
	// PickleOptions.
	Zlib bool

	// Limit is the size in bytes, after decompression, above which a session is
	// neither read nor written (0: signing.DefaultLimit).
	Limit int
}

// JSON is a session as a JSON object and nothing else: for stores that only
// trusted programs can write to, since whoever can write one makes himself any
// session. With Spaces it is what a Django stores whose cache is django-redis
// with SERIALIZER = "django_redis.serializers.json.JSONSerializer". Make it with
// NewJSON; it is safe for concurrent use.
//
// It remembers the values of sessions that it has read twice, some thousand of them
// and none of more than about 4 KB, each by all that is stored of it, and does not parse those
// again: the same bytes are the same session.
type JSON struct {
	spaces bool
	parsed *parsed
	packing
}

// NewJSON makes the codec.
func NewJSON(o JSONOptions) (*JSON, error) {
	p, err := newPacking(o.Zlib, o.Limit)
	if err != nil {
		return nil, err
	}
	return &JSON{o.Spaces, newParsed(maphash.MakeSeed()), p}, nil
}

// Encode writes a JSON object in ASCII, members in their order.
func (c *JSON) Encode(v sessions.Values) (string, error) {
	var room [1024]byte // most sessions fit, and then cost their text only
	b, err := appendObject(room[:0], &v)
	if err != nil {
		return "", err
	}
	text := string(b)
	if c.spaces {
		text = respaced(text, " ")
	}
	if len(text) > c.limit {
		return "", tooLarge(len(text), c.limit)
	}
	return c.pack(text), nil
}

// Decode reads a JSON object in UTF-8, compressed or not: see Pickle.Decode. An
// error wraps sessions.ErrCorrupt.
func (c *JSON) Decode(data string) (sessions.Values, error) {
	hash := c.parsed.hash(data)
	if known := c.parsed.find(hash, data); known != nil {
		return known.what.values, nil
	}
	text, err := c.unpack(data)
	if err == nil && len(text) > c.limit {
		err = signing.ErrTooLarge
	}
	if err == nil && len(text) > 1 && text[0] == 0x80 && text[1] <= 5 {
		err = errPickled
	}
	if err == nil {
		text, err = pyjson.UTF8ToASCII(text)
	}
	if err != nil {
		return sessions.Values{}, fmt.Errorf("%w: %w", sessions.ErrCorrupt, err)
	}
	v, err := parseObject(text)
	if err == nil && c.spaces { // as values have it that were set in Go
		for m := range v.All() {
			m.JSON = respaced(m.JSON, "")
			v.Set(m)
		}
	}
	if err == nil {
		v = c.parsed.read(hash, data, text, v, time.Time{})
	}
	return v, err
}

var errPickled = errors.New("codec: the value is a pickle, not JSON: use codec.PickleOptions")

// respaced is valid JSON with that behind each comma and colon, and no other
// white space between its tokens.
func respaced(text, behind string) string {
	b := make([]byte, 0, len(text)+len(text)/8)
	inString := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inString && c == '\\':
			b = append(b, c)
			i++
			c = text[i]
		case c == '"':
			inString = !inString
		case inString:
		case c == ',', c == ':':
			b = append(b, c)
			b = append(b, behind...)
			continue
		case c == ' ', c == '\t', c == '\n', c == '\r':
			continue
		}
		b = append(b, c)
	}
	return string(b)
}
