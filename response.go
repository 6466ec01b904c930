package sessions

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
)

// responseWriter commits the session before the first byte of the response, by
// whatever way that leaves: a header, a body, a Flush, a file, a hijacked
// connection. What the wrapped writer can do it can do as well.
type responseWriter struct{ rq *request }

// writer is the responseWriter with the methods that depend on what the server's
// own writer is.
func (rq *request) writer() http.ResponseWriter {
	w := responseWriter{rq}
	pusher := false
	for inner := rq.w; ; {
		if _, ok := inner.(http.Hijacker); ok {
			return hijackableWriter{w}
		}
		if _, ok := inner.(http.Pusher); ok {
			pusher = true
		}
		wrapper, ok := inner.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		inner = wrapper.Unwrap()
	}
	if pusher {
		return pushableWriter{w}
	}
	return w
}

// Header is the server's.
func (w responseWriter) Header() http.Header { return w.rq.w.Header() }

// begin commits the session for a response of that status; the error says why
// the response is not the handler's any more.
func (w responseWriter) begin(status int) error {
	if !w.rq.committed {
		if err := w.rq.commit(status); err != nil {
			w.rq.fail(err)
		}
	}
	if w.rq.failed {
		return w.rq.session.failure
	}
	return nil
}

// WriteHeader passes informational headers (103 Early Hints) through; the
// session belongs to the final one, and to 101.
func (w responseWriter) WriteHeader(status int) {
	informational := status >= 100 && status < 200 && status != http.StatusSwitchingProtocols
	if informational && !w.rq.failed || !informational && w.begin(status) == nil {
		w.rq.w.WriteHeader(status)
	}
}

// Write drops the body, with the error, of a response that failed to commit.
func (w responseWriter) Write(b []byte) (int, error) {
	if err := w.begin(http.StatusOK); err != nil {
		return 0, err
	}
	return w.rq.w.Write(b)
}

func (w responseWriter) WriteString(s string) (int, error) {
	if err := w.begin(http.StatusOK); err != nil {
		return 0, err
	}
	return io.WriteString(w.rq.w, s)
}

// ReadFrom lets the server send files without copying them.
func (w responseWriter) ReadFrom(r io.Reader) (int64, error) {
	if err := w.begin(http.StatusOK); err != nil {
		return 0, err
	}
	return io.Copy(w.rq.w, r)
}

// FlushError is what http.ResponseController calls.
func (w responseWriter) FlushError() error {
	if err := w.begin(http.StatusOK); err != nil {
		return err
	}
	return http.NewResponseController(w.rq.w).Flush()
}

// Flush is http.Flusher's.
func (w responseWriter) Flush() { _ = w.FlushError() }

// Unwrap lets http.ResponseController reach deadlines and full duplex. It is not
// for writing: that would go past the session.
func (w responseWriter) Unwrap() http.ResponseWriter { return w.rq.w }

type hijackableWriter struct{ responseWriter }

// Hijack saves the session and hands the connection over. No header is sent by
// the server any more: a session that needs a new cookie is ErrCookieNotSent,
// and the connection stays with the server. Save it before, with its key from
// an earlier request, or answer 101 with WriteHeader first.
func (w hijackableWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !w.rq.committed && w.rq.needsCookie() {
		return nil, nil, ErrCookieNotSent
	}
	if err := w.begin(http.StatusSwitchingProtocols); err != nil {
		return nil, nil, err
	}
	return http.NewResponseController(w.rq.w).Hijack()
}

type pushableWriter struct{ responseWriter }

// Push is http.Pusher's.
func (w pushableWriter) Push(target string, opts *http.PushOptions) error {
	for inner := w.rq.w; inner != nil; {
		if pusher, ok := inner.(http.Pusher); ok {
			return pusher.Push(target, opts)
		}
		wrapper, ok := inner.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		inner = wrapper.Unwrap()
	}
	return http.ErrNotSupported
}

// needsCookie reports whether the browser must be told of a key that it doesn't
// have.
func (rq *request) needsCookie() bool {
	s := &rq.session
	s.lock()
	defer s.mu.Unlock()
	return s.key != "" && s.key != s.sentKey && !slices.Contains(s.others, s.key) || (s.key == "" || s.m.store == nil) && len(s.edits) > 0
}

// startedWriter notices whether anything was answered.
type startedWriter struct {
	http.ResponseWriter
	started bool
}

func (w *startedWriter) WriteHeader(status int) {
	w.started = w.started || status >= 200 || status == http.StatusSwitchingProtocols
	w.ResponseWriter.WriteHeader(status)
}

func (w *startedWriter) Write(b []byte) (int, error) {
	w.started = true
	return w.ResponseWriter.Write(b)
}

func (w *startedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
