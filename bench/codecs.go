package main

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gorilla/securecookie"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
)

// The codecs alone, as what they do for each save of a cookie engine: a session with
// another number is made a signed text, and that is checked and read.

// keepsakeCodec reads what another codec has written, as another process would have:
// what a codec has written itself it does not check again.
func keepsakeCodec(s spec) (*subject, error) {
	options := codec.SignedOptions{Uncompressed: s.As == "plain" || s.As == "own"}
	writer, err := codec.NewSigned(settings(), options)
	if err != nil {
		return nil, err
	}
	reader := writer
	if s.As != "own" {
		if reader, err = codec.NewSigned(settings(), options); err != nil {
			return nil, err
		}
	}
	var v sessions.Values
	eachValue(func(name string, value any) { err = errors.Join(err, v.Encode(name, value)) })
	n := 0
	return codecSubject(func() error {
		n++
		if err := v.Encode(nameCount, n); err != nil {
			return err
		}
		text, err := writer.Encode(v)
		if err != nil {
			return err
		}
		read, err := reader.Decode(text)
		if err != nil {
			return err
		}
		var got int
		if _, err := read.Decode(nameCount, &got); err != nil || got != n {
			return fmt.Errorf("%d was read as %d: %w", n, got, err)
		}
		return nil
	}), err
}

// gorillaCodec is securecookie's, which gorilla/sessions uses.
func gorillaCodec() *subject {
	registerGob()
	codecs := securecookie.CodecsFromPairs([]byte(secretKey))
	values := map[any]any{}
	eachValue(func(name string, value any) { values[name] = value })
	n := 0
	return codecSubject(func() error {
		n++
		values[nameCount] = n
		text, err := securecookie.EncodeMulti("session", values, codecs...)
		if err != nil {
			return err
		}
		read := map[any]any{}
		if err := securecookie.DecodeMulti("session", text, &read, codecs...); err != nil {
			return err
		}
		if got, _ := read[nameCount].(int); got != n {
			return fmt.Errorf("%d was read as %d", n, got)
		}
		return nil
	})
}

// codecSubject calls f for each request, of which there is one at a time.
func codecSubject(f func() error) *subject {
	return &subject{close: func() {}, ops: map[string]http.Handler{
		opSave: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if err := f(); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		}),
	}}
}
