package enginetest

import (
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/engine"
)

// cookieEngine is the signed_cookies engine with its codec spoiled.
type cookieEngine struct {
	spoil func(sessions.Codec) sessions.Codec
}

func (e cookieEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	backend, err := engine.SignedCookies().Open(st)
	if err == nil {
		backend.Codec = e.spoil(backend.Codec)
	}
	return backend, err
}

// TestBrokenCookieEnginesAreRejected: as for stores, one defect each.
func TestBrokenCookieEnginesAreRejected(t *testing.T) {
	cases := Options{NoStore: true}.cases()
	sound := cookieEngine{func(c sessions.Codec) sessions.Codec { return c }}
	if said := verdict(t.Context(), sound, cases, true); len(said) > 0 {
		t.Errorf("the suite says of a correct engine:\n%s", strings.Join(said, "\n"))
	}
	for name, broken := range map[string]struct {
		spoil func(sessions.Codec) sessions.Codec
		rule  string
	}{
		"unsigned": {func(sessions.Codec) sessions.Codec {
			c, err := codec.NewJSON(codec.JSONOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}, ruleForged},
		"without a date":         {func(c sessions.Codec) sessions.Codec { return undated{c} }, ruleEnds},
		"dated anew":             {func(c sessions.Codec) sessions.Codec { return young{c.(sessions.DatedCodec)} }, ruleEnds},
		"a value forgotten":      {func(c sessions.Codec) sessions.Codec { return forgetful{c.(sessions.DatedCodec)} }, ruleRoundTrip},
		"the expiry of a moment": {func(c sessions.Codec) sessions.Codec { return ancient{c.(sessions.DatedCodec)} }, ruleEnds},
	} {
		t.Run(name, func(t *testing.T) {
			said := strings.Join(verdict(t.Context(), cookieEngine{broken.spoil}, cases, true), "\n")
			if !strings.Contains(said, broken.rule) {
				t.Errorf("the suite does not complain of:\n%s\nbut says:\n%.2000s", broken.rule, said)
			}
		})
	}
}

type undated struct{ sessions.Codec }

type young struct{ sessions.DatedCodec }

func (c young) DecodeDated(data string) (sessions.Values, time.Time, error) {
	v, _, err := c.DatedCodec.DecodeDated(data)
	return v, time.Now().AddDate(100, 0, 0), err
}

type ancient struct{ sessions.DatedCodec }

func (c ancient) DecodeDated(data string) (sessions.Values, time.Time, error) {
	v, written, err := c.DatedCodec.DecodeDated(data)
	return v, written.Add(-time.Minute), err
}

type forgetful struct{ sessions.DatedCodec }

func (c forgetful) Encode(v sessions.Values) (string, error) {
	v = v.Clone()
	v.Delete("huge")
	return c.DatedCodec.Encode(v)
}
