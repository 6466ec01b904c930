package sessions_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// proto is how a test's server is reached.
type proto struct {
	name  string
	http2 bool
}

var protos = []proto{{"HTTP/1.1", false}, {"HTTP/2", true}}

// listen serves h over p until the test ends.
func (p proto) listen(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(serverLog{t}, "", 0)
	if p.http2 {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

// serverLog is what net/http has to say of mistakes in the use of its writer.
type serverLog struct{ t testing.TB }

func (l serverLog) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "superfluous") {
		l.t.Errorf("net/http says: %s", p)
	}
	return len(p), nil
}

// recoverer is the usual middleware that answers for a handler that panics.
func recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, "recovered", http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func timeout(d time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return http.TimeoutHandler(next, d, "too slow") }
}

// plainWriter hides what a writer can do besides writing; unwrappable leads
// http.ResponseController to it again.
type (
	plainWriter struct{ http.ResponseWriter }
	unwrappable struct{ http.ResponseWriter }
)

func (w unwrappable) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func plain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(plainWriter{w}, r) })
}

func unwrapping(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(unwrappable{w}, r) })
}

// answer is what a client and the store have after a request.
type answer struct {
	status  int    // 0: the connection broke before any
	cookie  string // see announced
	vary    string
	body    string
	stored  string // see stored
	log     string // a part of the one error line; "" none
	hints   int    // 103 responses
	missing string // headers that must not be there, separated by spaces
}

// A responseRow is a handler and what it yields. The visitor of one with a
// cookie has the session {"a":1}.
type responseRow struct {
	name    string
	cookie  bool
	handler func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session)
	want    answer

	only    string                          // a protocol
	outside func(http.Handler) http.Handler // around the middleware
	inside  func(http.Handler) http.Handler // between it and the handler
	down    string                          // the store's operation that fails
}

const (
	hasCookie, noCookie = true, false

	// What is stored in the end.
	unchangedSession = `old{"a":1}`
	changedSession   = `old{"a":1,"b":2}`
	createdSession   = `new{"b":2} old{"a":1}`
)

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func send(t *testing.T, w io.Writer, s string) {
	t.Helper()
	_, err := w.Write([]byte(s))
	noError(t, err)
}

// What each way of answering yields, through real servers.
func TestResponses(t *testing.T) {
	for _, row := range slices.Concat(writingRows, hijackRows, errorRows, lateRows) {
		for _, p := range protos {
			if row.only != "" && row.only != p.name {
				continue
			}
			t.Run(p.name+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				key := s.visitor(map[string]any{"a": 1})
				s.store.failing(row.down, errStoreDown)

				var h http.Handler = sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, session *sessions.Session) {
					if got := fmt.Sprintf("HTTP/%d.%d", r.ProtoMajor, r.ProtoMinor); !strings.HasPrefix(got, p.name) {
						t.Errorf("served over %s", got)
					}
					row.handler(t, w, r, session)
				})
				if row.inside != nil {
					h = row.inside(h)
				}
				h, done := s.Handler(h), make(chan struct{})
				middleware := h
				h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer close(done)
					middleware.ServeHTTP(w, r)
				})
				if row.outside != nil {
					h = row.outside(h)
				}
				server := p.listen(t, h)

				cookie := ""
				if row.cookie {
					cookie = "sessionid=" + key
				}
				resp, got := fetch(t, server, cookie)
				<-done
				if resp != nil {
					got.cookie = s.announced(resp, key)
				}
				got.stored = s.stored(key)
				equal(t, "log lines of the level ERROR", s.log.count("level=ERROR"), min(len(row.want.log), 1))
				if !strings.Contains(s.log.String(), row.want.log) {
					t.Errorf("%q is not in the log:\n%s", row.want.log, s.log)
				}
				for name := range strings.FieldsSeq(row.want.missing) {
					if resp.Header[name] != nil {
						t.Errorf("%s: %q", name, resp.Header[name])
					}
				}
				got.log, got.missing = row.want.log, row.want.missing
				equal(t, "answer", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", row.want))
				s.noKeyIn()
			})
		}
	}
}

// fetch sends a request and reads what comes back.
func fetch(t *testing.T, server *httptest.Server, cookie string) (*http.Response, answer) {
	t.Helper()
	var got answer
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code != http.StatusEarlyHints {
				return nil
			}
			got.hints++
			if len(h["Set-Cookie"]) > 0 || len(h["Vary"]) > 0 {
				t.Errorf("the early hints have %v", h)
			}
			return nil
		},
	})
	req, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Timeout = 10 * time.Second
	resp, err := client.Do(req)
	if err != nil {
		return nil, got
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	got.status, got.vary, got.body = resp.StatusCode, strings.Join(resp.Header.Values("Vary"), "|"), string(body)
	if err != nil {
		got.body += "(broken)"
	}
	return resp, got
}

// The cookie is on its way with the first event, not with the last.
func TestStreamBeginsWithTheCookie(t *testing.T) {
	for _, p := range protos {
		t.Run(p.name, func(t *testing.T) {
			s := newSite(t)
			read := make(chan struct{})
			server := p.listen(t, s.Handler(sessions.HandlerFunc(
				func(w http.ResponseWriter, r *http.Request, session *sessions.Session) {
					session.Set("a", 1)
					_, _ = io.WriteString(w, "data: 0\n")
					w.(http.Flusher).Flush()
					<-read
					_, _ = io.WriteString(w, "data: 1\n")
				})))
			resp, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			line, err := bufio.NewReader(resp.Body).ReadString('\n')
			equal(t, "first event", line, "data: 0\n")
			if err != nil {
				t.Error(err)
			}
			equal(t, "cookie", s.announced(resp, ""), "new")
			equal(t, "stored while it streams", s.stored(""), `new{"a":1}`)
			close(read)
		})
	}
}
