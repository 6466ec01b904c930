package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/keepsake-go/sessions"
)

// A request's handler is the judge, which works between two requests. So the
// middleware runs twice: mw_request takes the session from it, mw_response gives
// it back, or another one, for the response.

// through runs the middleware with a handler.
func through(m *manager, cookies sessions.Values, handler func(w http.ResponseWriter, s *sessions.Session)) (*httptest.ResponseRecorder, error) {
	var err error
	r, _ := http.NewRequestWithContext(context.WithValue(ctx, failure{}, &err), http.MethodGet, "http://localhost/", nil)
	for cookie := range cookies.All() {
		var value string
		if found, err := cookies.Decode(cookie.Name, &value); err != nil || !found {
			panic(bad("cookies", "an object of strings"))
		}
		r.Header["Cookie"] = append(r.Header["Cookie"], cookie.Name+"="+quotedCookie(value))
	}
	w := httptest.NewRecorder()
	m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler(w, m.Session(r.Context()))
	})).ServeHTTP(w, r)
	return w, err
}

// quotedCookie is a value as a browser sends back what Python's http.cookies has
// written.
func quotedCookie(value string) string {
	const plain = "!#$%&'*+-.^_`|~:/?@[]{}()<>=0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if strings.Trim(value, plain) == "" {
		return value
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(value) {
		switch c := value[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f || c == ';' || c == ',':
			b.WriteByte('\\')
			b.WriteByte('0' + c>>6)
			b.WriteByte('0' + c>>3&7)
			b.WriteByte('0' + c&7)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// mwRequest is the first half. The handler's panic leaves the second one out.
func (b *bridge) mwRequest(r *request) (string, *handle, error) {
	h, err := b.open(b.site.engine, "")
	if err != nil {
		return "", nil, err
	}
	func() {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		_, err = through(h.m, r.object("cookies"), func(_ http.ResponseWriter, s *sessions.Session) {
			h.Become(s)
			panic(http.ErrAbortHandler)
		})
	}()
	if err != nil {
		return "", nil, err
	}
	b.last++
	b.handles[b.last] = h
	n := number(float64(b.last))
	return `{"h":` + n + `,"m":` + n + `}`, h, nil
}

// mwResponse is the second half.
func (b *bridge) mwResponse(r *request) (string, *handle, error) {
	h := b.handles[r.integer("h")]
	if h == nil {
		return "", nil, wrong("ValueError", "there is no such session")
	}
	if err := b.rehome(h); err != nil {
		return "", h, err
	}
	status := int(r.integer("status"))
	if status < 200 || status > 999 {
		return "", h, wrong("ValueError", "HTTP status code must be an integer from 200 to 999.")
	}
	var headers [][2]string
	r.decode("headers", &headers, "pairs of strings")

	var after *sessions.Session
	w, err := through(h.m, r.object("cookies"), func(w http.ResponseWriter, s *sessions.Session) {
		s.Become(h.Session)
		after = s
		for _, header := range headers {
			w.Header().Add(header[0], header[1])
		}
		w.WriteHeader(status)
	})
	h.Session = h.m.Open("")
	h.Become(after)
	if errors.Is(err, sessions.ErrInterrupted) {
		return "", h, wrong("SessionInterrupted", interrupted)
	}
	if err != nil {
		return "", h, err
	}
	var all []string
	for name, values := range w.Header() {
		for _, value := range values {
			all = append(all, "["+quoted(name)+","+quoted(value)+"]")
		}
	}
	return `{"status":` + number(float64(w.Code)) + `,"headers":` + list(all) + `}`, h, nil
}
