// Package devices shows users the sessions that they are logged in with, and ends
// them: "signed in on three devices". Django has nothing like it, but to decode
// every session that there is.
//
//	index, err := devices.Table(db, devices.TableOptions{})  // or devices.InCache(c, cache.Keys{})
//	d, err := devices.New(m, devices.Options{Index: index})
//	a, err := auth.New(m, auth.Options{Backends: backends, Tracker: d})
//	…
//	mine, next, err := d.List(ctx, user.ID, "")     // Created, LastSeen, Address, UserAgent, Backend, Current
//	err = d.Revoke(ctx, user.ID, mine[1].Handle)    // ends that session, for Django as well
//	ended, err := d.RevokeOthers(ctx, user.ID)      // all but the one of this request
//	ended, err := d.RevokeAll(ctx, user.ID)         // for a user who was disabled or deleted
//
// # The words
//
//	Devices   all of it, on a sessions.Manager
//	Device    a session that a user is logged in with
//	Handle    what names a device towards its user: random, no key, and the same
//	          when the session gets another key
//	Index     where it is kept which sessions a user has; Table and InCache are two
//
// # What to know
//
//   - The index is an index: the session store decides. What the index has and
//     the store has not is dropped when it is met. A session that the store has
//     and the index has not, since Django made it, is entered when its user is
//     first seen here; Rebuild enters all of them at once.
//   - A visitor who is not logged in costs nothing, one who is costs one write of
//     the index in Options.Interval.
//   - Nothing is put into sessions. The index holds no session key, but texts that
//     only the SecretKey turns into keys, each bound to its user.
//   - Let only users who have logged in a moment ago end sessions: put
//     auth.Auth.RequireRecentLogin before the handlers that do.
package devices
