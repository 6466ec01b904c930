package codec

import (
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/pickle"
	"github.com/keepsake-go/sessions/internal/pyjson"
)

// ErrForbidden: loading a pickle would run code in Python that is not known to
// be harmless: a model object, a lazy string, an attack. The error's text has
// the name of the class or function. Nothing is ever run here.
var ErrForbidden = pickle.ErrForbidden

// PickleOptions are the choices of NewPickle. The zero value is that of
// Django's own cache backends.
type PickleOptions struct {
	// Protocol is the pickle protocol that is written: 4 or 5. 0 is 5, as
	// Django's backends have it; django-redis writes 4 up to Python 3.13, unless
	// its PICKLE_VERSION says otherwise. Every protocol from 0 to 5 is read, here
	// and by every Python 3.8.
	Protocol int

	// Zlib compresses what is written, where it is longer than 15 bytes: for a
	// django-redis whose COMPRESSOR is
	// "django_redis.compressors.zlib.ZlibCompressor", with smaller values in
	// Redis. No other Django can read that; and that one, like a django-redis
	// with any compressor, reads what is not compressed, too.
	Zlib bool

	// Limit is the size in bytes, after decompression, above which a session is
	// neither read nor written (0: signing.DefaultLimit).
	Limit int
}

// Pickle is a session as its dict, pickled: what Django's cache engine has its
// cache backends store. There is no signature: whoever can write to the cache
// can write sessions, but unlike Django this codec runs nothing that a pickle
// names. Make it with NewPickle; it is safe for concurrent use.
//
// A member that JSON can express gets its JSON. Any other one (a tuple, a set,
// bytes, a datetime, a Decimal, a UUID, an OrderedDict, a SafeString, a dict
// with keys that are no strs) is Opaque: a pickle of its own in protocol 4, from
// which Encode makes an equal object of the same type. A datetime under
// "_session_expiry", where a Django before 4.1 has it, has its isoformat() as
// JSON beside it.
//
// A key of the session's dict that is no str (session[1] = "x") is kept, too, as
// is a str with two surrogates that JSON would join: the member's name is the
// byte 0xFF, which no str has, followed by a pickle of the key, and the member
// is always Opaque. A key of type SafeString counts as
// the str that it equals.
//
// It remembers the values of sessions that it has read twice; see JSON.
type Pickle struct {
	protocol int
	parsed   *parsed // nil in a serializer, which only calls decode
	packing
}

// NewPickle makes the codec.
func NewPickle(o PickleOptions) (*Pickle, error) {
	c, err := forgetfulPickle(o)
	if err != nil {
		return nil, err
	}
	c.parsed = newParsed(maphash.MakeSeed())
	return c, nil
}

// forgetfulPickle makes one without a memory, for decode and Encode.
func forgetfulPickle(o PickleOptions) (*Pickle, error) {
	if o.Protocol == 0 {
		o.Protocol = 5
	}
	if o.Protocol != 4 && o.Protocol != 5 {
		return nil, fmt.Errorf("codec: pickle protocol %d: want 4 or 5", o.Protocol)
	}
	p, err := newPacking(o.Zlib, o.Limit)
	if err != nil {
		return nil, err
	}
	return &Pickle{o.Protocol, nil, p}, nil
}

var errNoKey = errors.New("codec: not hashable")

const (
	opaqueProtocol = 4
	notStr         = "\xff"
)

// A session may be larger once what it shares is written out, by this many
// times and bytes.
const (
	expandFactor = 16
	expandBytes  = 1 << 20
)

// Decode reads a pickled dict and ignores what follows it, as Python does. What
// django-redis has compressed with zlib, gzip or zstd is decompressed, whatever
// the options say; its lzma and lz4, its MSGPackSerializer and its HerdClient
// are refused by name. An error wraps sessions.ErrCorrupt, and ErrForbidden where
// that is the reason.
func (c *Pickle) Decode(data string) (sessions.Values, error) {
	hash := c.parsed.hash(data)
	if known := c.parsed.find(hash, data); known != nil {
		return known.what.values, nil
	}
	v, text, err := c.decode(data)
	if err == nil {
		v = c.parsed.read(hash, data, text, v, time.Time{})
	}
	return v, err
}

// decode returns the pickle, too.
func (c *Pickle) decode(data string) (v sessions.Values, text string, err error) {
	if text, err = c.unpack(data); err != nil {
		return sessions.Values{}, "", fmt.Errorf("%w: %w", sessions.ErrCorrupt, err)
	}
	v, _, err = c.DecodePrefix(text)
	return v, text, err
}

// IgnoresTail implements TailTolerant: Python's unpickler stops at the end of the
// pickle, and its zlib at the end of the stream.
func (c *Pickle) IgnoresTail() bool { return true }

// DecodePrefix is Decode for what is not compressed, and says how many bytes of
// data the pickle has.
func (c *Pickle) DecodePrefix(data string) (sessions.Values, int, error) {
	if v, n, ok := readPlain(data, c.limit); ok {
		return v, n, nil
	}
	return readTree(data, c.limit)
}

// readPlain reads what most sessions are. What it does not take is for readTree.
func readPlain(data string, limit int) (v sessions.Values, n int, ok bool) {
	n, ok = pickle.ReadPlain(data, limit, expandBytes, func(name, json string, more int) {
		v.Grow(more + 2) // itself, and one for what a request adds
		v.Set(sessions.Member{Name: name, JSON: json})
	})
	return v, n, ok
}

// readTree reads everything else, and says what is wrong.
func readTree(data string, limit int) (sessions.Values, int, error) {
	dict, n, err := pickle.Parse(data, limit)
	if err != nil {
		return sessions.Values{}, 0, fmt.Errorf("%w: %w", sessions.ErrCorrupt, explained(data, err))
	}
	if dict.Kind != pickle.Dict {
		return sessions.Values{}, 0, fmt.Errorf("%w: the pickle is no dict", sessions.ErrCorrupt)
	}
	d := decoder{budget: expandFactor*n + expandBytes, buffer: make([]byte, 0, n+64)}
	d.members = make([]decoded, 0, len(dict.Items)/2)
	for i := 0; i < len(dict.Items); i += 2 {
		if err := d.member(dict.Items[i], dict.Items[i+1]); err != nil {
			return sessions.Values{}, 0, fmt.Errorf("%w: %w", sessions.ErrCorrupt, err)
		}
	}
	return d.values(), n, nil
}

// explained adds what the user can do about values that are something else than
// a pickled session.
func explained(data string, err error) error {
	var forbidden *pickle.ForbiddenError
	switch {
	case errors.As(err, &forbidden) && forbidden.Name == "django_redis.client.herd.Marker":
		return fmt.Errorf("codec: a value of django-redis's HerdClient; use its DefaultClient: %w", err)
	case strings.HasPrefix(data, "{") && errors.Is(err, pickle.ErrSyntax):
		return fmt.Errorf("codec: the value is JSON, not a pickle: use codec.JSONOptions: %w", err)
	}
	return err
}

type decoder struct {
	members []decoded
	buffer  []byte // the JSON of all members, one behind the other
	budget  int    // bytes that may still be written
}

// decoded is a member whose JSON, unless it has its own, is part of the buffer.
type decoded struct {
	sessions.Member
	start, end int
}

// values makes one string of the buffer, and the members parts of it.
func (d *decoder) values() sessions.Values {
	var v sessions.Values
	v.Grow(len(d.members) + 1) // one for what a request adds
	text := string(d.buffer)
	for _, m := range d.members {
		if m.end > m.start {
			m.JSON = text[m.start:m.end]
		}
		v.Set(m.Member)
	}
	return v
}

func (d *decoder) member(key, value *pickle.Value) error {
	var m decoded
	text, isStr := key.StrText()
	if isStr && pyjson.ValidName(text) {
		m.Name = text
		out, ok, err := pickle.AppendJSON(d.buffer, value, &d.budget)
		if err != nil {
			return err
		}
		if ok {
			m.start, m.end = len(d.buffer), len(out)
			d.buffer = out
			d.members = append(d.members, m)
			return nil
		}
	} else {
		fragment, err := d.fragment(key)
		if err != nil {
			return err
		}
		m.Name = notStr + fragment
	}
	var err error
	if m.Opaque, err = d.fragment(value); m.Name == expiryName {
		m.JSON, _ = isoFormat(value)
	}
	d.members = append(d.members, m)
	return err
}

// fragment cuts v out of what it shares with others.
func (d *decoder) fragment(v *pickle.Value) (string, error) {
	b, err := pickle.Append(nil, v, opaqueProtocol, d.budget)
	d.budget -= len(b)
	return string(b), err
}

// Encode writes the dict as CPython's pickler would write it when it was just
// read from JSON: see pickle.Append for what that means where a str repeats.
func (c *Pickle) Encode(v sessions.Values) (string, error) {
	data, ok := writePlain(&v, c.protocol, c.limit)
	if !ok {
		var err error
		if data, err = writeTree(&v, c.protocol, c.limit); err != nil {
			return "", err
		}
	}
	return c.pack(data), nil
}

// writePlain writes what most sessions are. What it does not take is for
// writeTree.
func writePlain(v *sessions.Values, protocol, limit int) (string, bool) {
	w := pickle.NewPlainWriter(protocol, v.Len())
	defer w.Done()
	for m := range v.All() {
		if m.Opaque != "" || !w.Member(m.Name, m.JSON) {
			return "", false
		}
	}
	return w.End(limit)
}

// writeTree writes everything else, and says what is wrong.
func writeTree(v *sessions.Values, protocol, limit int) (string, error) {
	e := encoder{limit: limit}
	items := make([]*pickle.Value, 0, 2*v.Len())
	for m := range v.All() {
		key, err := e.key(m.Name)
		var value *pickle.Value
		if err == nil {
			value, err = e.value(m)
		}
		if err != nil {
			return "", &sessions.EncodeError{Name: m.Name, Err: err}
		}
		items = append(items, key, value)
	}
	b, err := pickle.Append(make([]byte, 0, 512), e.Dict(items), protocol, limit)
	if err != nil {
		return "", fmt.Errorf("codec: %w", err)
	}
	return string(b), nil
}

type encoder struct {
	pickle.Arena
	limit int
}

func (e *encoder) key(name string) (*pickle.Value, error) {
	if fragment, ok := strings.CutPrefix(name, notStr); ok {
		key, err := e.opaque(fragment)
		if err == nil && !key.Hashable() {
			err = errNoKey
		}
		return key, err
	}
	if !pyjson.ValidName(name) {
		return nil, pyjson.ErrUTF8
	}
	return e.Str(name), nil
}

func (e *encoder) value(m sessions.Member) (*pickle.Value, error) {
	if m.JSON != "" && m.Opaque == "" {
		return e.FromJSON(m.JSON)
	}
	return e.opaque(m.Opaque)
}

func (e *encoder) opaque(fragment string) (*pickle.Value, error) {
	v, n, err := pickle.Parse(fragment, e.limit)
	if err == nil && n != len(fragment) {
		err = pickle.ErrSyntax
	}
	return v, err
}
