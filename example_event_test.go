package sessions_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// Who guesses keys is noticed: cookies that name no session are counted for
// each address. Behind a proxy the address is in a header of the proxy's.
func ExampleSettings_onEvent() {
	var mu sync.Mutex
	guesses := map[string]int{}

	st := exampleSettings()
	st.OnEvent = func(ctx context.Context, e sessions.Event) {
		r := sessions.RequestFromContext(ctx)
		if r == nil || e.Kind != sessions.EventUnknownKey && e.Kind != sessions.EventCorrupt {
			return
		}
		address, _, _ := net.SplitHostPort(r.RemoteAddr)
		mu.Lock()
		defer mu.Unlock()
		guesses[address]++
		if guesses[address] == 3 {
			fmt.Println("three wrong keys from", address)
		}
	}
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		panic(err)
	}
	site := m.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		_ = sessions.Get(s, "user", "")
	}))

	for guess := range 4 {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "192.0.2.66:4711"
		r.Header.Set("Cookie", fmt.Sprintf("sessionid=guess%027d", guess))
		site.ServeHTTP(httptest.NewRecorder(), r)
	}
	fmt.Println(guesses)
	// Output:
	// three wrong keys from 192.0.2.66
	// map[192.0.2.66:4]
}
