// Command bridge lets Django's own tests, and whatever else speaks the protocol,
// run against Keepsake. It reads one JSON object a line on standard input and
// answers each with one on standard output:
//
//	> {"id":1,"op":"settings","settings":{"SECRET_KEY":"…","SESSION_COOKIE_AGE":1209600}}
//	< {"id":1,"ok":null}
//	> {"id":2,"op":"new","engine":"signed_cookies","key":null}
//	< {"id":2,"ok":{"h":1},"st":{"accessed":false,"modified":false,"loaded":false,"key":null}}
//
// Run it with
//
//	go run ./bridge            # in interop
//	go build -o bridge ./interop/bridge
//
// It is an adapter onto the public API and has no behaviour of its own: a request
// is a method or two of a sessions.Session, a sessions.Manager, or of the packages
// signing and auth. What it adds is Python's side of things: names of exceptions
// and their messages, KeyError where Go says false, loading where Django loads by
// itself. What Keepsake does not do on purpose is a NotImplementedError.
//
// The same requests go to a real Django in testdata/django_bridge.py; the tests
// of the folder above compare the two.
//
// Settings may change between any two requests. Then there is a new Manager, and
// each session goes on under it (Session.Become) at its next request.
package main
