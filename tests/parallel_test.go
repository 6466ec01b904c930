package tests

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// TestParallelRequests sends 200 requests that each add their own key and 200
// that each count a visit, all at once and all on one session, through real
// HTTP, to one process and to two processes on one SQLite file.
func TestParallelRequests(t *testing.T) {
	const n = 200
	for processes := 1; processes <= 2; processes++ {
		t.Run(fmt.Sprintf("%d processes", processes), func(t *testing.T) {
			ms := managers(t, processes)
			var servers []*httptest.Server
			for _, m := range ms {
				servers = append(servers, serve(t, m, answer(func(r *http.Request, s *sessions.Session) string {
					if name := r.URL.Query().Get("add"); name != "" {
						s.Set(name, true)
					} else {
						sessions.Update(s, "visit_count", func(n int) int { return n + 1 })
					}
					return ""
				})))
			}
			key := stored(t, ms[0], map[string]any{"visit_count": 0})

			begin := time.Now()
			var all sync.WaitGroup
			for i := range 2 * n {
				path := "/"
				if i%2 == 0 {
					path = "/?add=key" + strconv.Itoa(i/2)
				}
				all.Go(func() {
					if status, body, _ := get(t, servers[(i/2)%processes], path, key); status != http.StatusOK {
						t.Errorf("%s: %d %s", path, status, body)
					}
				})
			}
			all.Wait()
			t.Logf("%d requests on one session took %v", 2*n, time.Since(begin).Round(time.Millisecond))

			s := loaded(t, ms[processes-1], key)
			if got := sessions.Get(s, "visit_count", -1); got != n {
				t.Errorf("visit_count is %d after %d visits", got, n)
			}
			for i := range n {
				if !s.Has("key" + strconv.Itoa(i)) {
					t.Errorf("the key of request %d is lost", i)
				}
			}
			if s.Len() != n+1 {
				t.Errorf("the session has %d values, not %d", s.Len(), n+1)
			}
		})
	}
}

// TestTokenIsSpentOnce has 50 parallel requests pop one token.
func TestTokenIsSpentOnce(t *testing.T) {
	for processes := 1; processes <= 2; processes++ {
		t.Run(fmt.Sprintf("%d processes", processes), func(t *testing.T) {
			ms := managers(t, processes)
			// All have seen the token before any of them saves.
			var seen sync.WaitGroup
			seen.Add(50)
			var servers []*httptest.Server
			for _, m := range ms {
				servers = append(servers, serve(t, m, answer(func(_ *http.Request, s *sessions.Session) string {
					token := sessions.Pop(s, "token", "none")
					seen.Done()
					seen.Wait()
					return token
				})))
			}
			key := stored(t, ms[0], map[string]any{"token": "t", "other": 1})
			var statuses [600]atomic.Int64
			var all sync.WaitGroup
			for i := range 50 {
				all.Go(func() {
					status, body, _ := get(t, servers[i%processes], "/", key)
					statuses[status].Add(1)
					if (status == http.StatusOK) != (body == "t") {
						t.Errorf("%d %q", status, body)
					}
				})
			}
			all.Wait()
			if ok, conflict := statuses[200].Load(), statuses[409].Load(); ok != 1 || conflict != 49 {
				t.Errorf("%d requests got the token, %d were told that it was taken", ok, conflict)
			}
			if s := loaded(t, ms[0], key); s.Has("token") || !s.Has("other") {
				t.Errorf("the session has %q", s.Keys())
			}
		})
	}
}

// TestLogoutIsFinal logs out among parallel writers: no write brings the session
// back, and each is either acknowledged before or refused.
func TestLogoutIsFinal(t *testing.T) {
	for processes := 1; processes <= 2; processes++ {
		t.Run(fmt.Sprintf("%d processes", processes), func(t *testing.T) {
			ms := managers(t, processes)
			var servers []*httptest.Server
			for _, m := range ms {
				servers = append(servers, serve(t, m, func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
					if r.URL.Path == "/logout" {
						if err := s.Flush(r.Context()); err != nil {
							http.Error(w, err.Error(), http.StatusServiceUnavailable)
						}
						return
					}
					if s.Key() == "" {
						http.Error(w, "not logged in", http.StatusUnauthorized)
						return
					}
					sessions.Update(s, "n", func(n int) int { return n + 1 })
				}))
			}
			for round := range 5 {
				key := stored(t, ms[0], map[string]any{"user": 1, "n": 0})
				var ended atomic.Bool
				var all sync.WaitGroup
				for i := range 16 {
					all.Go(func() {
						for range 6 {
							after := ended.Load()
							status, _, cookie := get(t, servers[i%processes], "/", key)
							switch {
							case status == http.StatusOK && after:
								t.Error("a request after the logout was served")
							case status != http.StatusOK && status != http.StatusUnauthorized && status != http.StatusBadRequest:
								t.Errorf("status %d", status)
							case status == http.StatusUnauthorized && (cookie == nil || cookie.MaxAge >= 0):
								t.Error("the browser keeps the cookie of an ended session")
							}
						}
					})
				}
				all.Go(func() {
					time.Sleep(time.Duration(round) * 5 * time.Millisecond)
					if status, body, cookie := get(t, servers[0], "/logout", key); status != http.StatusOK {
						t.Errorf("logout: %d %s", status, body)
					} else if cookie == nil || cookie.MaxAge >= 0 {
						t.Error("the logout's response keeps the cookie")
					}
					ended.Store(true)
				})
				all.Wait()
				for _, m := range ms {
					if alive, err := m.Exists(t.Context(), key); alive || err != nil {
						t.Errorf("the session exists after its logout: %v, %v", alive, err)
					}
				}
			}
		})
	}
}

// TestRotationLosesNoEdit logs in while parallel requests write under the old
// key: what was acknowledged is in the new session, everything else was refused.
func TestRotationLosesNoEdit(t *testing.T) {
	for processes := 1; processes <= 2; processes++ {
		t.Run(fmt.Sprintf("%d processes", processes), func(t *testing.T) {
			ms := managers(t, processes)
			var servers []*httptest.Server
			for _, m := range ms {
				servers = append(servers, serve(t, m, func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
					if r.URL.Path == "/login" {
						s.Set("user", 7)
						if err := s.CycleKey(r.Context()); err != nil {
							http.Error(w, err.Error(), http.StatusServiceUnavailable)
						}
						return
					}
					s.Set(r.URL.Query().Get("add"), true)
				}))
			}
			for round := range 4 {
				key := stored(t, ms[0], map[string]any{"basket": 3})
				var mu sync.Mutex
				acknowledged := map[string]bool{}
				newKey := ""
				var all sync.WaitGroup
				for i := range 40 {
					all.Go(func() {
						name := "k" + strconv.Itoa(i)
						status, _, cookie := get(t, servers[i%processes], "/?add="+name, key)
						switch status {
						case http.StatusOK:
							mu.Lock()
							acknowledged[name] = true
							mu.Unlock()
						case http.StatusBadRequest:
							if cookie != nil {
								t.Error("a request under the old key touched the cookie")
							}
						default:
							t.Errorf("status %d", status)
						}
					})
				}
				all.Go(func() {
					time.Sleep(time.Duration(round) * 2 * time.Millisecond)
					status, body, cookie := get(t, servers[0], "/login", key)
					if status != http.StatusOK || cookie == nil {
						t.Errorf("login: %d %s", status, body)
						return
					}
					newKey = cookie.Value
				})
				all.Wait()
				if newKey == "" || newKey == key {
					t.Fatal("the login gave no new key")
				}
				t.Logf("%d of 40 edits came before the login", len(acknowledged))
				s := loaded(t, ms[processes-1], newKey)
				for i := range 40 {
					name := "k" + strconv.Itoa(i)
					if s.Has(name) != acknowledged[name] {
						t.Errorf("%s: acknowledged %v, stored %v", name, acknowledged[name], s.Has(name))
					}
				}
				if sessions.Get(s, "user", 0) != 7 || sessions.Get(s, "basket", 0) != 3 {
					t.Errorf("the session has %q", s.Keys())
				}
				if alive, err := ms[0].Exists(t.Context(), key); alive || err != nil {
					t.Errorf("the old key is alive: %v, %v", alive, err)
				}
			}
		})
	}
}
