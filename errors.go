package sessions

import (
	"errors"
	"fmt"
	"net/http"
)

// Errors of a Store. A store returns them bare or wrapped; callers test them
// with errors.Is. Any other error of a store means that it failed, and that
// what was asked for was not done.
var (
	// ErrNotFound: nothing is stored under the key, or what was has expired.
	ErrNotFound = errors.New("sessions: no such session")

	// ErrRotated: the key was replaced by another one a moment ago, at a login
	// for instance. It is an ErrNotFound too.
	ErrRotated = fmt.Errorf("%w: its key was rotated", ErrNotFound)

	// ErrExists: Create found a live record under the key.
	ErrExists = errors.New("sessions: the session key is taken")

	// ErrConflict: what is stored is no longer what the writer had read. A save
	// that returns it has tried until its deadline.
	ErrConflict = errors.New("sessions: the session was changed by another request")

	// ErrUnknownOutcome: the store's answer to a write was lost. The write may
	// or may not have been done; it is neither repeated nor acknowledged.
	ErrUnknownOutcome = errors.New("sessions: the outcome of the write is unknown")
)

// errExpired is ErrNotFound where what was found is genuine, but over.
var errExpired = fmt.Errorf("%w: it has expired", ErrNotFound)

// Errors of a Codec.
var (
	// ErrCorrupt: the stored bytes are not a session: forged, truncated, or
	// signed with another key.
	ErrCorrupt = errors.New("sessions: session data corrupted")
)

// Errors of a Session and of the middleware.
var (
	// ErrInterrupted: the session ended between this request's load and its
	// save, by a logout in a parallel request for instance. Nothing was saved:
	// an ended session stays ended. Django's SessionInterrupted, HTTP 400.
	ErrInterrupted = errors.New("sessions: the session was deleted before the request completed; " +
		"the user may have logged out in a concurrent request, for example")

	// ErrTaken: a value that this request popped was changed or popped by a
	// parallel request first. Nothing of this request was saved.
	ErrTaken = errors.New("sessions: a popped value was changed or taken by a parallel request")

	// ErrOverloaded: as many calls of the store are under way as
	// Settings.MaxStoreCalls allows. The session was not loaded.
	ErrOverloaded = errors.New("sessions: too many requests are waiting for the session store")

	// ErrNoSession: the context comes from no request that passed through
	// Manager.Handler.
	ErrNoSession = errors.New("sessions: no session in the context: is the handler wrapped by Manager.Handler?")

	// ErrNotLoaded: a Session made by Manager.Open or Manager.Session was used
	// before Load.
	ErrNotLoaded = errors.New("sessions: the session is not loaded: call Load first")

	// ErrClosed: the session was used after its request had ended.
	ErrClosed = errors.New("sessions: the session's request has ended")

	// ErrCookieNotSent: the response has begun, or its connection was hijacked,
	// so the browser can't be told of a new session key.
	ErrCookieNotSent = errors.New("sessions: the session cookie can no longer be sent")

	// ErrUnsupported: the engine can't do what was asked of it.
	ErrUnsupported = errors.New("sessions: not supported by the session engine")
)

// TypeError says that a stored value could not be read as the type that was
// asked for. It carries no part of the value.
type TypeError struct {
	Name string // of the value in the session
	Want string // the Go type
	Err  error  // what the decoder said; may be nil
}

func (e *TypeError) Error() string {
	text := fmt.Sprintf("sessions: the value of %q can't be read as %s", e.Name, e.Want)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *TypeError) Unwrap() error { return e.Err }

// StatusCode is the HTTP status that says best what err means to a client:
// 400 for ErrInterrupted, as Django answers; 409 for ErrTaken; 500 for a defect
// of the program (ErrNoSession, ErrNotLoaded, ErrClosed, ErrCookieNotSent,
// a TypeError, a value that can't be encoded, a session that is too large); else
// 503, the store failed.
func StatusCode(err error) int {
	var typeError *TypeError
	var encodeError *EncodeError
	var tooLarge *TooLargeError
	switch {
	case errors.Is(err, ErrInterrupted):
		return http.StatusBadRequest
	case errors.Is(err, ErrTaken):
		return http.StatusConflict
	case errors.Is(err, ErrNoSession), errors.Is(err, ErrNotLoaded), errors.Is(err, ErrClosed),
		errors.Is(err, ErrCookieNotSent), errors.As(err, &typeError), errors.As(err, &encodeError),
		errors.As(err, &tooLarge):
		return http.StatusInternalServerError
	default:
		return http.StatusServiceUnavailable
	}
}

// EncodeError says that a value could not be written as JSON, or that its name
// is not UTF-8. It carries no part of the value.
type EncodeError struct {
	Name string // of the value in the session
	Err  error  // what the encoder said
}

func (e *EncodeError) Error() string {
	return fmt.Sprintf("sessions: the value of %q can't be stored: %v", e.Name, e.Err)
}

func (e *EncodeError) Unwrap() error { return e.Err }

// TooLargeError says that a session was not saved because of its size. What was
// stored before is untouched.
type TooLargeError struct {
	Size     int      // bytes, as it would be stored; for a cookie, name and value
	Limit    int      // bytes
	Heaviest []Weight // the values that weigh most, heaviest first
}

// Weight is how much of a session one value is.
type Weight struct {
	Name string
	Size int // bytes of its name and its JSON
}

func (e *TooLargeError) Error() string {
	text := fmt.Sprintf("sessions: the session has %d bytes, of which %d are allowed", e.Size, e.Limit)
	if len(e.Heaviest) > 0 {
		text += "; heaviest:" + weightText(e.Heaviest)
	}
	return text
}

func weightText(weights []Weight) string {
	text := ""
	for _, w := range weights {
		text += fmt.Sprintf(" %q (%d bytes)", w.Name, w.Size)
	}
	return text
}
