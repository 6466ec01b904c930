// Package auth is Django's django.contrib.auth as far as sessions are concerned:
// who is logged in, kept in the session exactly as Django keeps it. A visitor who
// logged in at Django is logged in at Go, and the other way round; a change of
// the password in either ends the user's other sessions in both. It needs no
// Django.
//
//	users, err := auth.Table(db, auth.TableOptions{})       // Django's auth_user
//	a, err := auth.New(m, auth.Options{
//		Backends: []auth.Backend{auth.ModelBackend{Users: users, Hasher: passwords}},
//		LoginURL: "/login/",
//	})
//	…
//	http.ListenAndServe(addr, m.Handler(a.Handler(mux)))
//
// A handler gets the user from HandlerFunc, or from FromContext; nil is nobody,
// Django's AnonymousUser:
//
//	mux.Handle("GET /", auth.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session, u *auth.User) {
//		if u == nil { … }
//	}))
//	mux.Handle("GET /account/", a.RequireLogin(account))
//
//	user, err := a.Authenticate(ctx, username, password)    // authenticate()
//	err = a.Login(ctx, s, user)                             // login()
//	err = a.Logout(ctx, s)                                  // logout()
//	err = a.UpdateSessionAuthHash(ctx, s, user)             // after a change of the password
//
// # The words
//
//	User          who is logged in                          User, AbstractBaseUser
//	Users         where users are kept                      UserManager
//	Table         Users in Django's table or another one    auth_user
//	Backend       who vouches for users                     AUTHENTICATION_BACKENDS
//	ModelBackend  the Backend of Users and passwords        ModelBackend
//	Hasher        makes and checks passwords                PASSWORD_HASHERS    module auth/hashers
//	Auth          all of it, on a sessions.Manager          AuthenticationMiddleware
//
// # What to know
//
//   - When the store or the users' database fails, that is an error, not a
//     visitor who is not logged in.
//   - Each request looks up its user once, when it first asks: a user who was
//     deactivated, or whose password was changed, is logged out at once.
//   - Login gives the session a new key, and stores who is logged in in the same
//     write.
//   - What is in the session before a login stays in it, as in Django, unless it
//     was another user's. Options.KeepAtLogin is stricter.
//
// Programs that keep their users elsewhere, and only want Django's values in the
// session, use SessionLogin, SessionIdentity, SessionVerify, SessionUpdateHash
// and SessionHash.
package auth
