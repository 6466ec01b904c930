package codec_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
)

// brokenSerializer fails as it is told.
type brokenSerializer struct{ dumps, loads error }

func (s brokenSerializer) Dumps(v sessions.Values) (string, error) {
	if v.Len() == 0 {
		return "{}", s.dumps
	}
	return "", errors.New("no values today")
}

func (s brokenSerializer) Loads(string) (sessions.Values, error) {
	var v sessions.Values
	v.Set(sessions.Member{Name: "a", JSON: "1"})
	return v, s.loads
}

// frames are the codecs around a serializer.
func frames(s codec.Serializer) map[string]codec.Maker {
	return map[string]codec.Maker{"signed": codec.SignedOptions{Serializer: s}, "encrypted": codec.EncryptedOptions{Serializer: s}}
}

// A serializer that can't write is refused when the codec is made; text that it
// can't read is corrupt, and nothing of it gets through.
func TestSerializerErrors(t *testing.T) {
	reason := errors.New("a reason")
	for name, maker := range frames(brokenSerializer{dumps: reason}) {
		if _, err := maker.Make(settings()); !errors.Is(err, reason) {
			t.Errorf("%s: a serializer that can't write: %v", name, err)
		}
	}
	for name, maker := range frames(codec.PickleSerializer{Protocol: 3}) {
		if _, err := maker.Make(settings()); err == nil || !strings.Contains(err.Error(), "protocol 3") {
			t.Errorf("%s: protocol 3: %v", name, err)
		}
	}
	for name, maker := range frames(brokenSerializer{loads: reason}) {
		c, err := maker.Make(settings())
		check(t, err)
		data, err := c.Encode(sessions.Values{})
		check(t, err)
		if v, err := c.Decode(data); !errors.Is(err, sessions.ErrCorrupt) || !errors.Is(err, reason) || v.Len() != 0 {
			t.Errorf("%s: text that can't be read: %d values, %v", name, v.Len(), err)
		}
		var values sessions.Values
		check(t, values.Encode("a", 1))
		if data, err := c.Encode(values); err == nil || data != "" {
			t.Errorf("%s: values that can't be written: %q, %v", name, data, err)
		}
	}
}

// What JSON can't express goes through a signature and through encryption, and
// a pickle under a good signature still runs nothing.
func TestPickleSerializer(t *testing.T) {
	for name, maker := range frames(codec.PickleSerializer{}) {
		c, err := maker.Make(settings())
		check(t, err)
		values, err := newPickle(t, codec.PickleOptions{}).Decode("\x80\x05}(\x8c\x05pointK\x01K\x02\x86\x8c\x03catX\x03\x00\x00\x00dogu.")
		check(t, err)
		data, err := c.Encode(values)
		check(t, err)
		c, err = maker.Make(settings()) // another one, which has not seen it
		check(t, err)
		got, err := c.(sessions.DatedCodec).Decode(data)
		check(t, err)
		for m := range values.All() {
			if again, _ := got.Get(m.Name); again != m {
				t.Errorf("%s: %q became %+v", name, m.Name, again)
			}
		}
		if _, written, err := c.(sessions.DatedCodec).DecodeDated(data); err != nil || !written.Equal(time.Unix(1790000000, 0)) {
			t.Errorf("%s: written %v, %v", name, written, err)
		}
	}
	attack, err := codec.NewSigned(settings(), codec.SignedOptions{Serializer: raw("cos\nsystem\n(Vreboot\ntR.")})
	check(t, err)
	data, err := attack.Encode(sessions.Values{})
	check(t, err)
	c, err := codec.NewSigned(settings(), codec.SignedOptions{Serializer: codec.PickleSerializer{}})
	check(t, err)
	if _, err := c.Decode(data); !errors.Is(err, codec.ErrForbidden) || !errors.Is(err, sessions.ErrCorrupt) {
		t.Errorf("a signed attack: %v", err)
	}
	// JSON in place of a pickle: SESSION_SERIALIZER was changed.
	c, err = codec.NewSigned(settings(), codec.SignedOptions{})
	check(t, err)
	if _, err := c.Decode(data); !errors.Is(err, sessions.ErrCorrupt) {
		t.Errorf("a pickle where JSON is expected: %v", err)
	}
}

// raw writes always the same.
type raw string

func (r raw) Dumps(sessions.Values) (string, error)       { return string(r), nil }
func (r raw) Loads(string) (v sessions.Values, err error) { return v, nil }
