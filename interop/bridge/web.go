package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// web is the server of http_start.
type web struct {
	b      *bridge
	server *http.Server

	// standing is held by a request during which the clock stands, and shared by
	// those during which it does not.
	standing sync.RWMutex
	managers sync.Mutex
}

func (b *bridge) httpStart(*request) (string, *handle, error) {
	if b.web != nil {
		return "", nil, wrong("RuntimeError", "the server is running")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	b.web = &web{b: b}
	b.web.server = &http.Server{Handler: b.web, ReadHeaderTimeout: time.Minute}
	go b.web.server.Serve(listener) //nolint:errcheck // it ends with http_stop
	return `{"port":` + number(float64(listener.Addr().(*net.TCPAddr).Port)) + `}`, nil, nil
}

func (b *bridge) httpStop(*request) (string, *handle, error) {
	if b.web == nil {
		return null, nil, nil
	}
	err := b.web.close()
	b.web = nil
	return null, nil, err
}

func (s *web) close() error { return s.server.Close() }

// ServeHTTP runs the script in the request's body behind the middleware.
func (s *web) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fields, err := parseObject(string(body))
	if err != nil {
		http.Error(w, "the body is no JSON object", http.StatusBadRequest)
		return
	}
	script := &request{fields: fields}
	defer func() {
		if p := recover(); p != nil {
			bad, ok := p.(badRequest)
			if !ok {
				panic(p)
			}
			http.Error(w, string(bad), http.StatusBadRequest)
		}
	}()
	if script.null("now") {
		s.standing.RLock()
		defer s.standing.RUnlock()
	} else {
		now := script.now()
		s.standing.Lock()
		defer s.standing.Unlock()
		defer s.b.clock.freeze(now)()
	}
	h, err := s.open()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.Session = h.m.Session(r.Context())
		s.handle(w, h, script)
	})).ServeHTTP(w, r)
}

// open finds the Manager for the settings in effect.
func (s *web) open() (*handle, error) {
	s.managers.Lock()
	defer s.managers.Unlock()
	return s.b.open(s.b.site.engine, "")
}

// handle is the scripted handler.
func (s *web) handle(w http.ResponseWriter, h *handle, script *request) {
	var steps []json.RawMessage
	script.decode("script", &steps, "a list of objects")
	var headers [][2]string
	if !script.null("headers") {
		script.decode("headers", &headers, "pairs of strings")
	}
	var results []string
	for _, step := range steps {
		results = append(results, s.step(h, string(step)))
	}
	for _, header := range headers {
		w.Header().Add(header[0], header[1])
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(int(orDefault(script, "status", int64(http.StatusOK))))
	_, _ = io.WriteString(w, `{"results":[`+strings.Join(results, ",")+`]}`)
}

// step is one operation on the request's session.
func (s *web) step(h *handle, text string) string {
	result, err := func() (result string, err error) {
		defer func() {
			if p := recover(); p != nil {
				bad, ok := p.(badRequest)
				if !ok {
					panic(p)
				}
				err = wrong("ValueError", string(bad))
			}
		}()
		fields, err := parseObject(text)
		if err != nil {
			return "", wrong("ValueError", "a step must be an object")
		}
		r := &request{fields: fields}
		op := operations[r.text("op")]
		if op == nil {
			return "", wrong("NotImplementedError", "there is no request "+r.text("op"))
		}
		return op(s.b, h, r)
	}()
	if err != nil {
		return `{"err":` + quoted(exceptionOf(err).class) + `}`
	}
	return `{"ok":` + result + `}`
}
