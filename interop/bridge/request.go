package main

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
)

// request is one line. What is missing or of another type panics with a
// badRequest, which perform answers.
type request struct{ fields sessions.Values }

type badRequest string

// python reads and writes JSON as Python does.
var python = func() *codec.JSON {
	c, err := codec.NewJSON(codec.JSONOptions{Limit: 1 << 30})
	if err != nil {
		panic(err)
	}
	return c
}()

// parseObject reads an object, its members not decoded.
func parseObject(text string) (sessions.Values, error) { return python.Decode(text) }

func bad(name, what string) badRequest { return badRequest("the field " + name + " must be " + what) }

// null reports whether a field is absent or null.
func (r *request) null(name string) bool {
	m, found := r.fields.Get(name)
	return !found || m.JSON == "null"
}

func (r *request) decode(name string, into any, what string) {
	if found, err := r.fields.Decode(name, into); err != nil || !found {
		panic(bad(name, what))
	}
}

func (r *request) text(name string) (s string) {
	r.decode(name, &s, "a string")
	return s
}

// optional is a text that is "" for null.
func (r *request) optional(name string) string {
	if r.null(name) {
		return ""
	}
	return r.text(name)
}

func (r *request) integer(name string) (n int64) {
	r.decode(name, &n, "an integer")
	return n
}

func (r *request) boolean(name string) (b bool) {
	r.decode(name, &b, "true or false")
	return b
}

func (r *request) texts(name string) (all []string) {
	if !r.null(name) {
		r.decode(name, &all, "a list of strings")
	}
	return all
}

// object is a field that is an object.
func (r *request) object(name string) sessions.Values {
	m, _ := r.fields.Get(name)
	v, err := parseObject(m.JSON)
	if err != nil {
		panic(bad(name, "an object"))
	}
	return v
}

// bytes is base64.
func (r *request) bytes(name string) string { return fromBase64(name, r.text(name)) }

func fromBase64(name, text string) string {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(bad(name, "base64"))
	}
	return string(b)
}

// name is the field key as a name in the dictionary: the JSON of a string.
func (r *request) name() string {
	v, err := parseObject("{" + r.text("key") + ":0}")
	if err != nil || v.Len() != 1 {
		panic(bad("key", "the JSON of a string"))
	}
	for m := range v.All() {
		return m.Name
	}
	return ""
}

// value is a field of JSON in a string.
func (r *request) value(name string) json.RawMessage {
	v, err := parseObject(`{"value":` + r.text(name) + "}")
	m, _ := v.Get("value")
	if err != nil || v.Len() != 1 {
		panic(bad(name, "JSON in a string"))
	}
	return json.RawMessage(m.JSON)
}

// dict is such a field whose JSON is an object.
func (r *request) dict(name string) sessions.Values {
	v, err := parseObject(r.text(name))
	if err != nil {
		panic(bad(name, "the JSON of an object"))
	}
	return v
}

// now is the instant at which the clock is to stand: seconds with six decimals.
func (r *request) now() time.Time {
	text := r.text("now")
	seconds, fraction, _ := strings.Cut(text, ".")
	whole, err := strconv.ParseInt(seconds, 10, 64)
	micro, fractionErr := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
	if err != nil || fractionErr != nil || micro < 0 {
		panic(bad("now", "seconds since the epoch"))
	}
	if strings.HasPrefix(seconds, "-") {
		micro = -micro
	}
	return time.Unix(whole, micro*1000).UTC()
}

// Results, as JSON.

const null = "null"

// quoted is a string as JSON in ASCII; s may have lone surrogates.
func quoted(s string) string {
	var v sessions.Values
	v.Set(sessions.Member{Name: s, JSON: "0"})
	text, err := python.Encode(v)
	if err != nil {
		panic(err) // nothing but a pickle's values can't be written
	}
	return text[1 : len(text)-len(":0}")]
}

// orNull is a key, or null for none.
func orNull(key string) string {
	if key == "" {
		return null
	}
	return quoted(key)
}

// inString is JSON as the protocol carries values: in a string.
func inString(json string) string { return quoted(json) }

func list(items []string) string { return "[" + strings.Join(items, ",") + "]" }
