// Package csrf is Django's protection against cross site request forgeries, so that
// a form of a Go handler can be posted to a Django view, and the other way round:
// the same secret, in the same cookie or in the session, the same masked tokens,
// and the same checks of Origin and Referer.
//
//	p, err := csrf.New(m, csrf.Options{})
//	…
//	http.ListenAndServe(addr, m.Handler(p.Handler(mux)))
//
//	field, err := csrf.Field(r)        // {% csrf_token %}, for html/template
//	token, err := csrf.Token(r)        // get_token(), for a script's X-CSRFToken
//	err = csrf.Rotate(r)               // rotate_token(), after auth.Auth.Login
//
// A site whose forms never go to a Django needs no tokens:
// net/http.CrossOriginProtection is enough, and simpler.
//
// # The words
//
//	Protection           CsrfViewMiddleware
//	Options.UseSessions  CSRF_USE_SESSIONS
//	Options, others      CSRF_COOKIE_NAME …, CSRF_HEADER_NAME, CSRF_TRUSTED_ORIGINS
//	Options.OnFailure    CSRF_FAILURE_VIEW
//
// # What differs from Django
//
//   - The secret is stored behind its mask, as with CSRF_COOKIE_MASKED: every
//     Django from 3.2 on reads it.
//   - The cookie is Secure where the session's is.
//   - A right token in the header is enough: the body is not read then. Django
//     looks for the form's field first.
//   - With UseSessions, two pages that are loaded at once in a session without a
//     secret get the same one. In Django the one that is saved first doesn't work.
//   - A session that can't be read is answered by sessions.Settings.OnError, not
//     with a 403.
//   - There is no csrf_exempt: a handler outside of Protection.Handler is not
//     protected.
package csrf
