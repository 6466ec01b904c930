package interop

import (
	"errors"
	"time"

	"github.com/keepsake-go/sessions"
)

func (s *stack) signed() bool   { return s.table() || s.file() || s.cookie() }
func (s *stack) stored() bool   { return !s.cookie() }
func (s *stack) cleared() bool  { return s.table() || s.file() }
func (s *stack) cachedDB() bool { return s.engine == "cached_db" }

// cycle_key and flush by Django.
func djangoChangesKeys(x *pair) {
	old := x.put(x.sides, `{"one":1.0}`)
	key := x.d.text("cycle", args{"key": old})
	x.same("values under the new key", payload(load(x, x.m, key)), `{"one":1.0}`)
	if x.stack.cookie() {
		return // nothing ends a copy of a cookie
	}
	x.goneForGo("the old key", old)
	s := load(x, x.m, key) // a request on its way
	x.d.must("flush", args{"key": key}, nil)
	x.goneForGo("a flushed session", key)
	s.Set("late", 1)
	x.same("a save after it is interrupted", errors.Is(s.Save(x.Context()), sessions.ErrInterrupted), true)
	x.goneForGo("a flushed session, after the save", key)
}

// CycleKey and Flush by Keepsake.
func goChangesKeys(x *pair) {
	old := x.d.text("create", args{"data": `{"one": 1.0}`})
	s := load(x, x.m, old)
	if x.stack.stored() {
		x.d.must("open", args{"key": old}, nil) // a request on its way
	}
	check(x, s.CycleKey(x.Context()))
	x.same("values under the new key", x.d.load(s.Key()).Data, `{"one": 1.0}`)
	if x.stack.cookie() {
		return
	}
	x.d.fails("UpdateError", "finish", args{"key": old, "data": `{"late": 1}`})
	x.checks++
	x.goneForDjango("the old key", old)
	key := s.Key()
	x.d.must("open", args{"key": key}, nil)
	check(x, s.Flush(x.Context()))
	x.same("a flushed session is stored", x.stored(x.sides, key), false)
	x.goneForDjango("a flushed session", key)
	x.d.fails("UpdateError", "finish", args{"key": key, "data": `{"late": 1}`})
	x.checks++
	x.goneForDjango("a flushed session, after the save", key)
}

func djangoDeletes(x *pair) {
	for _, key := range []string{x.put(x.sides, `{"a":1}`), x.d.text("create", args{"data": `{"a": 1}`})} {
		s := load(x, x.m, key)
		x.existsForGo(key, true)
		x.d.must("delete", args{"key": key}, nil)
		x.existsForGo(key, false)
		x.goneForGo("a deleted session", key)
		s.Set("late", 1)
		x.same("a save after it is interrupted", errors.Is(s.Save(x.Context()), sessions.ErrInterrupted), true)
		x.existsForGo(key, false)
	}
}

func goDeletes(x *pair) {
	for _, key := range []string{x.put(x.sides, `{"a":1}`), x.d.text("create", args{"data": `{"a": 1}`})} {
		x.d.must("open", args{"key": key}, nil)
		x.same("is stored", x.stored(x.sides, key), true)
		check(x, x.m.Delete(x.Context(), key))
		x.same("is stored after it was deleted", x.stored(x.sides, key), false)
		x.goneForDjango("a deleted session", key)
		x.d.fails("UpdateError", "finish", args{"key": key, "data": `{"late": 1}`})
		x.checks++
		x.same("is stored after a late save", x.stored(x.sides, key), false)
	}
}

func (x *pair) existsForGo(key string, want bool) {
	x.Helper()
	exists, err := x.m.Exists(x.Context(), key)
	check(x, err)
	x.same("exists", exists, want)
}

// long is longer ago than SESSION_COOKIE_AGE.
const long = 20 * 24 * time.Hour

// endedAndLive makes two sessions, of which one has ended and is still stored.
func endedAndLive(x *pair, g ground, s *sides, create func() string) (dead, live string) {
	x.Helper()
	if g.age != nil {
		dead = create()
		g.age(x, dead, long)
	} else {
		s.freeze(time.Now().Add(-long))
		dead = create()
		s.freeze(time.Time{})
	}
	x.same("an ended session is stored", x.stored(s, dead), true)
	return dead, create()
}

// toClear is a store of its own: Django's clearsessions, for files, fails when it
// comes across a time of a site with another USE_TZ.
func (x *pair) toClear() (ground, *sides) {
	g, s := x.fresh()
	for _, op := range g.prepare {
		s.d.must(op, nil, nil)
	}
	return g, s
}

// Keepsake clears what Django has written.
func goClearsDjangos(x *pair) {
	g, s := x.toClear()
	dead, live := endedAndLive(x, g, s, func() string { return s.d.text("create", args{"data": `{"a": 1}`}) })
	n, err := s.m.ClearExpired(x.Context(), nil)
	check(x, err)
	x.same("cleared", n, 1)
	x.same("an ended session is stored", x.stored(s, dead), false)
	x.same("a live session's values", payload(load(x, s.m, live)), `{"a":1}`)
}

// Django's clearsessions clears what Keepsake has written.
func djangoClearsGos(x *pair) {
	g, s := x.toClear()
	dead, live := endedAndLive(x, g, s, func() string { return x.put(s, `{"a":1}`) })
	rotated := load(x, s.m, x.put(s, `{"a":1}`))
	check(x, rotated.CycleKey(x.Context())) // what this leaves does no harm
	s.d.must("clearsessions", nil, nil)
	x.same("an ended session is stored", x.stored(s, dead), false)
	x.same("a live session's values", s.d.load(live).Data, `{"a": 1}`)
	x.same("a rotated session's values", s.d.load(rotated.Key()).Data, `{"a": 1}`)
}

// otherNames are KEY_PREFIX and VERSION, another SessionStore and another cookie,
// as far as they matter on the stack. Who has not set them sees nothing.
func (x *pair) otherNames() *sides {
	v := standard
	if x.stack.cached() {
		v.prefix, v.version = "shop", 7
	}
	if x.stack.table() || x.stack.file() {
		v.storeClass = "ShopStore"
	}
	if x.stack.file() {
		v.cookieName = "shopid"
	}
	return x.as(v)
}

func djangoUnderOtherNames(x *pair) {
	shop := x.otherNames()
	key := shop.d.text("create", args{"data": `{"cat": "dog"}`})
	x.same("values", payload(load(x, shop.m, key)), `{"cat":"dog"}`)
	x.goneForGo("under the usual names", key)
}

func goUnderOtherNames(x *pair) {
	shop := x.otherNames()
	key := x.put(shop, `{"cat":"dog"}`)
	x.same("values", shop.d.load(key).Data, `{"cat": "dog"}`)
	x.same("under the usual names", x.d.load(key).Data, "{}")
}

// What Keepsake's cached_db has put into the cache is what Django's reads: it is
// there without the row.
func gosAreInDjangosCache(x *pair) {
	for _, s := range []*sides{x.sides, x.otherNames()} {
		key := x.put(s, `{"one":1.0}`)
		x.change(s, key, `{"cat":"dog"}`)
		result, err := x.ground.db.Exec("DELETE FROM django_session WHERE session_key = '" + key + "'")
		check(x, err)
		n, err := result.RowsAffected()
		check(x, err)
		x.same("rows deleted", n, int64(1))
		x.same("values from the cache", s.d.load(key).Data, `{"one": 1.0, "cat": "dog"}`)
	}
}
