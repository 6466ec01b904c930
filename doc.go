// Package sessions is Django's session framework for Go: a dictionary for each
// visitor of a site, kept on the server, found again by a cookie. A Django and a
// Go program that share a SECRET_KEY and a store share their sessions.
//
// A Manager puts Settings and an Engine together, and its Handler is the
// middleware:
//
//	st := sessions.DefaultSettings()
//	st.SecretKey = os.Getenv("SECRET_KEY")
//	m, err := sessions.New(st, engine.Database(db))
//	…
//	http.ListenAndServe(addr, m.Handler(mux))
//
// A handler gets the Session from HandlerFunc, or from FromContext:
//
//	mux.Handle("GET /", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
//		s.Set("favorite_color", "blue")
//		color := sessions.Get(s, "favorite_color", "red")
//		sessions.Update(s, "visits", func(n int) int { return n + 1 })
//	}))
//
// The session is loaded when it is first asked for, and saved once, right before
// the response's first byte. A request that leaves it alone costs nothing.
//
// # What to know
//
//   - Get returns a copy. To change a value, Set it again, or use Update, which
//     is exact however many requests a visitor sends at once.
//   - A save applies the request's changes to what is stored by then: parallel
//     requests that change different values lose nothing.
//   - At a login call CycleKey, at a logout Flush, and check their errors: both
//     write at once.
//   - ExpireAfter slides with each save, ExpireAt is fixed, ExpireAtBrowserClose
//     is about the cookie. Settings.SaveEveryRequest makes each request a save.
//   - The cookie is Secure unless Settings.CookieSecure is switched off: over
//     plain HTTP browsers drop it.
//   - Names that begin with an underscore are reserved.
//
// # The words
//
//	Session    one visitor's dictionary   request.session, SessionStore
//	Manager    settings and engine        SessionMiddleware
//	Settings   plain data                 settings.SESSION_*, SECRET_KEY
//	Engine     where sessions are kept    SESSION_ENGINE       package engine
//	Store      records under keys         the backend's half of SessionBase
//	Codec      values as stored bytes     SESSION_SERIALIZER   package codec
//	Signer     Django's core.signing      Signer, dumps        package signing
//
// Outside of requests, Manager.Open is Django's SessionStore(key), and
// Manager.ClearExpired its clearsessions.
package sessions
