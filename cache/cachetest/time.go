package cachetest

import (
	"time"

	"github.com/keepsake-go/sessions/cache"
)

const (
	ruleEnds    = "Ends is when the value ends; zero when it never does, and where the cache does not say"
	ruleRound   = "a ttl is rounded up to what the cache can keep: no value ends before its time"
	ruleTime    = "a value ends when its ttl has passed"
	ruleAtOnce  = "a ttl that is not positive ends the value at once"
	ruleNoEnd   = "NoEnd keeps a value until the cache needs the room"
	ruleExpired = "a value that has ended is treated as absent everywhere"
)

var timeCases = []contractCase{
	{"ends", endsCase},
	{"ttl", ttlCase},
	{"short ttl", shortCase},
	{"no ttl", atOnceCase},
	{"no end", noEndCase},
	{"expired", expiredCase},
}

func endsCase(e *env) {
	check := func(what string, item cache.Item, ttl time.Duration) {
		e.Helper()
		if e.opts.NoEnds || ttl == cache.NoEnd {
			if !item.Ends.IsZero() {
				e.broken(ruleEnds, "%s: it is %v", what, item.Ends)
			}
			return
		}
		if late := item.Ends.Sub(e.clock.now().Add(ttl)); late < 0 || late > e.opts.Round {
			e.broken(ruleEnds, "%s: %v after its time", what, late)
		}
	}
	for _, ttl := range []time.Duration{time.Hour, 90*time.Minute + 123456789, 14 * 24 * time.Hour, cache.NoEnd} {
		added := e.mustAdd(e.a, key1, "one", ttl)
		check("Add", added, ttl)
		for _, c := range []cache.Cache{e.a, e.b} {
			check("Get", e.mustGet(c, key1), ttl)
		}
		swapped, err := e.b.Swap(e.ctx, key1, e.mustGet(e.b, key1), "two", ttl)
		if err != nil {
			e.broken(ruleSwap, "%v", err)
		}
		check("Swap", swapped, ttl)
		current, err := e.a.Swap(e.ctx, key1, added, "late", time.Minute)
		e.wants(ruleConflict, "Swap with an older item", err, cache.ErrConflict)
		check("a conflict", current, ttl)
		if err := e.a.Set(e.ctx, key1, "three", ttl); err != nil {
			e.broken(ruleSet, "%v", err)
		}
		check("Get after Set", e.mustGet(e.b, key1), ttl)
		if err := e.a.Delete(e.ctx, key1); err != nil {
			e.broken(ruleDelete, "%v", err)
		}
	}
}

// each stores a value in every way there is, and has check look at its key.
func (e *env) each(ttl time.Duration, check func(how, key string)) {
	e.Helper()
	e.mustAdd(e.a, key1, "value", ttl)
	e.mustAdd(e.a, key2, "before", time.Minute)
	if _, err := e.b.Swap(e.ctx, key2, e.mustGet(e.b, key2), "value", ttl); err != nil {
		e.broken(ruleSwap, "%v", err)
	}
	for _, before := range []time.Duration{time.Minute, cache.NoEnd} {
		if err := e.a.Set(e.ctx, key3, "before", before); err != nil {
			e.broken(ruleSet, "%v", err)
		}
	}
	if err := e.b.Set(e.ctx, key3, "value", ttl); err != nil {
		e.broken(ruleSet, "%v", err)
	}
	check("Add", key1)
	check("Swap", key2)
	check("Set", key3)
}

func (e *env) clear() {
	e.Helper()
	for _, key := range []string{key1, key2, key3} {
		if err := e.a.Delete(e.ctx, key); err != nil {
			e.broken(ruleDelete, "%v", err)
		}
	}
}

func ttlCase(e *env) {
	keys := []string{key1, key2, key3}
	unit := max(e.opts.Round, time.Microsecond)
	for _, ttl := range []time.Duration{time.Hour, time.Hour + 1, 2*time.Hour + 999_999_999} {
		e.each(ttl, func(string, string) {})
		before := unit/1000 + e.slack()
		e.clock.advance(ttl - before)
		for _, key := range keys {
			e.holds(ruleRound, key, "value")
		}
		e.clock.advance(before + e.opts.Round)
		for _, key := range keys {
			e.absent(ruleTime, key)
		}
	}
}

func shortCase(e *env) {
	for _, ttl := range []time.Duration{1, time.Microsecond, 999 * time.Microsecond, 999_999_999} {
		e.each(ttl, func(how, key string) {
			if e.slack() == 0 {
				e.holds(ruleRound+" ("+how+")", key, "value")
			}
		})
		e.clock.advance(ttl + e.opts.Round + e.slack())
		for _, key := range []string{key1, key2, key3} {
			e.absent(ruleTime, key)
		}
	}
}

func atOnceCase(e *env) {
	for _, ttl := range []time.Duration{0, -1, -time.Second, -time.Hour, -1 << 63} {
		e.each(ttl, func(how, key string) { e.absent(ruleAtOnce+" ("+how+")", key) })
		e.clear()
	}
}

func noEndCase(e *env) {
	keys := []string{key1, key2, key3}
	e.each(cache.NoEnd, func(string, string) {})
	for range 10 {
		e.clock.advance(365 * 24 * time.Hour)
		for _, key := range keys {
			e.holds(ruleNoEnd, key, "value")
		}
	}
	e.clear()
	e.each(2*365*24*time.Hour, func(string, string) {}) // long, but not for ever
	e.clock.advance(365 * 24 * time.Hour)
	for _, key := range keys {
		e.holds(ruleRound, key, "value")
	}
	e.clock.advance(366*24*time.Hour + e.opts.Round + e.slack())
	for _, key := range keys {
		e.absent(ruleTime, key)
	}
}

func expiredCase(e *env) {
	old := e.mustAdd(e.a, key1, "old", time.Minute)
	e.mustAdd(e.a, key2, "old", time.Minute)
	e.mustAdd(e.a, key3, "live", time.Hour)
	e.clock.advance(time.Minute + e.opts.Round + e.slack())
	for _, c := range []cache.Cache{e.a, e.b} {
		for _, item := range []cache.Item{old, {Value: "old"}, {Value: "other"}} {
			_, err := c.Swap(e.ctx, key1, item, "late", time.Hour)
			e.wants(ruleExpired, "Swap", err, cache.ErrMiss)
			e.absent(ruleExpired, key1)
		}
	}
	e.mustAddFree(key2, "new") // before anybody has seen that it has ended
	e.mustAddFree(key1, "new")
	e.mustSwap(e.b, key1, e.mustGet(e.b, key1), "newer")
	e.holds(ruleExpired, key1, "newer")
	e.holds(ruleExpired, key3, "live")
}

func (e *env) mustAddFree(key, value string) {
	e.Helper()
	if _, err := e.a.Add(e.ctx, key, value, time.Hour); err != nil {
		e.broken(ruleExpired, "Add over what has ended: %v", err)
	}
	e.holds(ruleExpired, key, value)
}
