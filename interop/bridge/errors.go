package main

import (
	"errors"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/signing"
)

// exception is an error in Python's words.
type exception struct{ class, text string }

func (e *exception) Error() string { return e.class + ": " + e.text }

func (e *exception) json() string {
	return `{"type":` + quoted(e.class) + `,"msg":` + quoted(e.text) + `}`
}

func wrong(class, text string) *exception { return &exception{class, text} }

// exceptionOf is what Django raises where Keepsake returns err.
func exceptionOf(err error) *exception {
	var e *exception
	var encode *sessions.EncodeError
	var large *sessions.TooLargeError
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, sessions.ErrExists):
		return wrong("CreateError", "")
	case errors.Is(err, sessions.ErrInterrupted):
		return wrong("UpdateError", "")
	case errors.As(err, &encode):
		return wrong("TypeError", err.Error())
	case errors.As(err, &large), errors.Is(err, sessions.ErrUnsupported), errors.Is(err, signing.ErrTooLarge):
		return wrong("NotImplementedError", err.Error())
	case errors.Is(err, signing.ErrMalformed):
		return wrong("ValueError", err.Error())
	}
	return wrong("RuntimeError", err.Error())
}

// interrupted is the middleware's word for an UpdateError.
const interrupted = "The request's session was deleted before the request completed. " +
	"The user may have logged out in a concurrent request, for example."
