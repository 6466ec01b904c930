package sessions_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// OnError answers in the handler's place, once, whatever fails.
func TestFailingStore(t *testing.T) {
	set := func(s *sessions.Session, _ *http.Request) { s.Set("b", 2) }
	cycle := func(s *sessions.Session, r *http.Request) {
		if err := s.CycleKey(r.Context()); !errors.Is(err, errStoreDown) {
			panic(fmt.Sprint("CycleKey: ", err))
		}
		s.Set("b", 2)
	}
	flush := func(s *sessions.Session, r *http.Request) {
		if err := s.Flush(r.Context()); !errors.Is(err, errStoreDown) {
			panic(fmt.Sprint("Flush: ", err))
		}
		if s.Key() == "" || sessions.Get(s, "a", 0) != 1 {
			panic("the session that could not be flushed is gone")
		}
	}
	for _, row := range []struct {
		name      string
		operation string
		cookie    bool
		every     bool
		handler   func(*sessions.Session, *http.Request)
		status    int
		vary      string
		stored    string
	}{
		{"load", "load", true, false, set, 503, "", `old{"a":1}`},
		{"load, every request", "load", true, true, nil, 503, "", `old{"a":1}`},
		{"load for the handler, every request", "load", true, true, set, 503, "", `old{"a":1}`},
		{"create", "create", false, false, set, 503, "Cookie", `old{"a":1}`},
		{"replace", "replace", true, false, set, 503, "Cookie", `old{"a":1}`},
		{"touch", "touch", true, true, nil, 503, "Cookie", `old{"a":1}`},
		{"rotate", "rotate", true, false, cycle, 200, "Cookie", `old{"a":1,"b":2}`},
		{"delete", "delete", true, false, flush, 200, "Cookie", `old{"a":1}`},
	} {
		for _, answer := range []string{"default", "own", "silent", "redirect"} {
			t.Run(row.name+"/"+answer, func(t *testing.T) {
				var reported []error
				s := newSite(t, func(st *sessions.Settings) {
					st.SaveEveryRequest = row.every
					st.OnError = map[string]func(http.ResponseWriter, *http.Request, error){
						"own": func(w http.ResponseWriter, _ *http.Request, err error) {
							reported = append(reported, err)
							w.WriteHeader(sessions.StatusCode(err))
							_, _ = io.WriteString(w, "sorry")
						},
						"silent": func(_ http.ResponseWriter, _ *http.Request, err error) {
							reported = append(reported, err)
						},
						"redirect": func(w http.ResponseWriter, r *http.Request, err error) {
							reported = append(reported, err)
							http.Redirect(w, r, "/sorry", http.StatusFound)
						},
					}[answer]
				})
				key := s.visitor(map[string]any{"a": 1})
				s.clock.Advance(time.Second)
				s.store.failing(row.operation, errStoreDown)
				cookie := ""
				if row.cookie {
					cookie = "sessionid=" + key
				}
				var resp *http.Response
				if row.handler == nil {
					resp = s.get(cookie, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				} else {
					resp = s.visit(cookie, row.handler)
				}
				s.store.failing(row.operation, nil)

				body, _ := io.ReadAll(resp.Body)
				status, text, times := row.status, "", 1
				if row.status == 503 {
					switch answer {
					case "default":
						text = "Service Unavailable\n"
					case "own":
						text = "sorry"
					case "redirect":
						status, text = 302, "<a href=\"/sorry\">Found</a>.\n\n"
					}
				} else {
					times = 0
				}
				equal(t, "status", resp.StatusCode, status)
				equal(t, "body", string(body), text)
				if row.status == 503 {
					equal(t, "cookie", s.announced(resp, key), "")
				}
				if answer == "default" {
					equal(t, "log lines", s.log.count("level=ERROR"), times)
				} else {
					equal(t, "calls of OnError", len(reported), times)
					for _, err := range reported {
						if !errors.Is(err, errStoreDown) {
							t.Errorf("OnError was told %v", err)
						}
					}
				}
				equal(t, "Vary", resp.Header.Get("Vary"), row.vary)
				equal(t, "stored", s.stored(key), row.stored)
				s.noKeyIn()
			})
		}
	}
}

// OnError may answer with a header alone.
func TestOnErrorWithoutABody(t *testing.T) {
	for _, p := range protos {
		t.Run(p.name, func(t *testing.T) {
			s := newSite(t, func(st *sessions.Settings) {
				st.OnError = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusTeapot) }
			})
			s.store.failing("create", errStoreDown)
			server := p.listen(t, s.Handler(showSession(func(session *sessions.Session) { session.Set("a", 1) })))
			_, got := fetch(t, server, "")
			equal(t, "answer", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", answer{status: 418, vary: "Cookie"}))
		})
	}
}

// A store's error says what it likes; ours around it never names the key.
func TestUnknownOutcomeIsNotAcknowledged(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"a": 1})
	s.store.failing("replace", fmt.Errorf("reply lost: %w", sessions.ErrUnknownOutcome))
	resp := s.visit("sessionid="+key, func(session *sessions.Session, _ *http.Request) { session.Set("b", 2) })
	equal(t, "status", resp.StatusCode, 503)
	equal(t, "cookie", s.announced(resp, key), "")
	equal(t, "store calls", s.store.calls(), "load replace")
	s.noKeyIn()
}

// A save that takes longer than SaveTimeout ends, with one clean response.
func TestSaveTimeout(t *testing.T) {
	s := newSite(t, func(st *sessions.Settings) { st.SaveTimeout = 20 * time.Millisecond })
	key := s.visitor(map[string]any{"a": 1})
	s.store.hook(func(operation string) {
		if operation == "replace" {
			time.Sleep(60 * time.Millisecond)
		}
	})
	var ctxErr error
	resp := s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
		session.Set("b", 2)
		ctxErr = r.Context().Err()
	})
	equal(t, "the request's context", ctxErr, context.Context.Err(t.Context()))
	equal(t, "status", resp.StatusCode, 503)
	s.store.hook(nil)
	equal(t, "stored", s.stored(key), `old{"a":1}`)
}

// A handler that answers a failed Save itself does so once: its changes are not
// tried again for that answer, whatever its status.
func TestAnsweredErrorIsAnsweredOnce(t *testing.T) {
	for _, own := range []bool{false, true} {
		for _, status := range []int{0, http.StatusOK, http.StatusFound, http.StatusTeapot} {
			t.Run(fmt.Sprint(own, status), func(t *testing.T) {
				var answered []error
				s := newSite(t, func(st *sessions.Settings) {
					if own {
						st.OnError = func(w http.ResponseWriter, _ *http.Request, err error) {
							answered = append(answered, err)
							if status == 0 {
								status = sessions.StatusCode(err)
							}
							w.WriteHeader(status)
							_, _ = io.WriteString(w, "sorry")
						}
					}
				})
				key := s.visitor(map[string]any{"a": 1})
				resp := s.get("sessionid="+key, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					session, err := sessions.FromContext(r.Context())
					noError(t, err)
					noError(t, s.Delete(r.Context(), key)) // logged out in another tab
					s.store.reset()
					session.Set("b", 2)
					if err := session.Save(r.Context()); !errors.Is(err, sessions.ErrInterrupted) {
						t.Errorf("Save: %v", err)
					} else {
						s.Error(w, r, err)
					}
					session.Set("c", 3) // too late, for this answer
				}))
				body, _ := io.ReadAll(resp.Body)
				if own {
					equal(t, "calls of OnError", len(answered), 1)
					equal(t, "answer", fmt.Sprint(resp.StatusCode, " ", string(body)), fmt.Sprint(status, " sorry"))
				} else {
					equal(t, "log lines", s.log.count("request failed"), 1)
					equal(t, "answer", fmt.Sprint(resp.StatusCode, " ", string(body)), "400 Bad Request\n")
				}
				equal(t, "store calls", s.store.calls(), "replace")
				equal(t, "cookie", s.announced(resp, key), "")
				equal(t, "stored", s.stored(key), "")
			})
		}
	}
}
