package cachetest

import (
	"context"
	"errors"
	"time"

	"github.com/keepsake-go/sessions/cache"
)

// The sentences of the contract: cache.Cache's documentation, as the cases quote
// it.
const (
	ruleGet        = "Get returns what is stored under the key"
	ruleMiss       = "Get of what was never stored is ErrMiss"
	ruleAdd        = "Add stores a value under a free key and returns it as later calls want it"
	ruleExists     = "Add of a taken key changes nothing and returns ErrExists"
	ruleSwap       = "Swap puts a value in place of old while that is what is stored, and returns it as later calls want it"
	ruleConflict   = "Swap of what is no longer old changes nothing and returns what is there with ErrConflict"
	ruleNoCreation = "Swap never creates: where nothing is stored it is ErrMiss"
	ruleBytes      = "an old without a Token is compared by its bytes"
	ruleSet        = "Set stores a value under the key, whatever is there"
	ruleDelete     = "Delete removes what is under the key, and nothing else"
	ruleDeleteNone = "that nothing is there to Delete is no error"
	ruleKeys       = "keys are compared byte for byte, case included"
	ruleValues     = "values are any bytes"
	ruleAliasing   = "a value that was passed in or returned is never changed afterwards"
	ruleContext    = "a call whose context has ended fails, changes nothing, and never says that something is not there, is there, or has changed"
	ruleVisible    = "what a write acknowledged every later call sees, whatever process it comes from"
)

const (
	key1 = ":1:django.contrib.sessions.cacheabcdefghijklmnopqrstuvwxyz012345"
	key2 = ":1:django.contrib.sessions.cachezyxwvutsrqponmlkjihgfedcba543210"
	key3 = ":1:django.contrib.sessions.cache0123456789abcdefghijklmnopqrstuv"
)

var storeCases = []contractCase{
	{"get", getCase},
	{"add", addCase},
	{"swap", swapCase},
	{"swap never creates", noCreationCase},
	{"set", setCase},
	{"delete", deleteCase},
	{"context", contextCase},
}

func getCase(e *env) {
	e.absent(ruleMiss, key1)
	e.mustAdd(e.a, key1, "one", time.Hour)
	e.holds(ruleVisible, key1, "one")
	e.absent(ruleMiss, key2)
	e.mustAdd(e.b, key2, "two", time.Hour)
	e.holds(ruleVisible, key2, "two")
	e.holds(ruleGet, key1, "one")
	e.absent(ruleMiss, key3)
}

func addCase(e *env) {
	added := e.mustAdd(e.a, key1, "first", time.Hour)
	if added.Value != "first" {
		e.broken(ruleAdd, "Add returned %.60q", added.Value)
	}
	for _, c := range []cache.Cache{e.a, e.b} {
		for _, ttl := range []time.Duration{time.Hour, cache.NoEnd, 0, -time.Second} {
			_, err := c.Add(e.ctx, key1, "second", ttl)
			e.wants(ruleExists, "Add", err, cache.ErrExists)
			e.holds(ruleExists, key1, "first")
		}
	}
	e.mustSwap(e.a, key1, added, "third") // with what Add returned
	e.holds(ruleSwap, key1, "third")
}

func swapCase(e *env) {
	added := e.mustAdd(e.a, key1, "one", time.Hour)
	two := e.mustSwap(e.b, key1, e.mustGet(e.b, key1), "two")
	if two.Value != "two" {
		e.broken(ruleSwap, "Swap returned %.60q", two.Value)
	}
	e.holds(ruleSwap, key1, "two")
	for _, c := range []cache.Cache{e.a, e.b} {
		for _, ttl := range []time.Duration{time.Hour, cache.NoEnd, 0} {
			current, err := c.Swap(e.ctx, key1, added, "late", ttl)
			e.wants(ruleConflict, "Swap with an older item", err, cache.ErrConflict)
			if current.Value != "two" {
				e.broken(ruleConflict, "it returned %.60q, not what is there", current.Value)
			}
			e.holds(ruleConflict, key1, "two")
		}
	}
	current, err := e.a.Swap(e.ctx, key1, added, "late", time.Hour)
	e.wants(ruleConflict, "Swap with an older item", err, cache.ErrConflict)
	three := e.mustSwap(e.a, key1, current, "three") // with what the conflict returned
	e.mustSwap(e.a, key1, three, "four")             // with what Swap returned
	e.holds(ruleSwap, key1, "four")
	same := e.mustSwap(e.a, key1, e.mustGet(e.a, key1), "four") // the same value again
	e.holds(ruleSwap, key1, "four")
	e.mustSwap(e.a, key1, same, "five")
	e.holds(ruleSwap, key1, "five")

	// Known by its bytes alone.
	current, err = e.a.Swap(e.ctx, key1, cache.Item{Value: "four"}, "late", time.Hour)
	e.wants(ruleBytes, "Swap with other bytes", err, cache.ErrConflict)
	if current.Value != "five" {
		e.broken(ruleConflict, "it returned %.60q, not what is there", current.Value)
	}
	if _, err := e.a.Swap(e.ctx, key1, cache.Item{Value: "five"}, "six", time.Hour); err != nil {
		e.broken(ruleBytes, "Swap with the same bytes: %v", err)
	}
	e.holds(ruleBytes, key1, "six")
}

func noCreationCase(e *env) {
	_, err := e.a.Swap(e.ctx, key1, cache.Item{Value: "old"}, "new", time.Hour)
	e.wants(ruleNoCreation, "Swap of what never was", err, cache.ErrMiss)
	e.absent(ruleNoCreation, key1)

	item := e.mustAdd(e.a, key1, "old", time.Hour)
	if err := e.b.Delete(e.ctx, key1); err != nil {
		e.broken(ruleDelete, "%v", err)
	}
	for _, value := range []string{"new", "old"} {
		_, err = e.a.Swap(e.ctx, key1, item, value, time.Hour)
		e.wants(ruleNoCreation, "Swap of what was deleted", err, cache.ErrMiss)
		e.absent(ruleNoCreation, key1)
	}
}

func setCase(e *env) {
	must := func(c cache.Cache, key, value string) {
		e.Helper()
		if err := c.Set(e.ctx, key, value, time.Hour); err != nil {
			e.broken(ruleSet, "%v", err)
		}
		e.holds(ruleSet, key, value)
	}
	must(e.a, key1, "one")
	old := e.mustGet(e.a, key1)
	must(e.b, key1, "two")
	must(e.a, key1, "two") // the same again
	_, err := e.a.Swap(e.ctx, key1, old, "late", time.Hour)
	e.wants(ruleConflict, "Swap of what a Set has replaced", err, cache.ErrConflict)
	e.holds(ruleConflict, key1, "two")
	_, err = e.a.Add(e.ctx, key1, "three", time.Hour)
	e.wants(ruleExists, "Add after Set", err, cache.ErrExists)
	e.mustSwap(e.b, key1, e.mustGet(e.b, key1), "four")
	must(e.a, key1, "five")
	e.absent(ruleSet, key2)
}

func deleteCase(e *env) {
	if err := e.a.Delete(e.ctx, key1); err != nil {
		e.broken(ruleDeleteNone, "%v", err)
	}
	e.mustAdd(e.a, key1, "gone", time.Hour)
	e.mustAdd(e.a, key2, "kept", time.Hour)
	for _, c := range []cache.Cache{e.b, e.a} { // twice: the second finds nothing
		if err := c.Delete(e.ctx, key1); err != nil {
			e.broken(ruleDeleteNone, "%v", err)
		}
		e.absent(ruleDelete, key1)
	}
	e.holds(ruleDelete, key2, "kept")
	e.mustAdd(e.b, key1, "again", time.Hour)
	e.holds(ruleDelete, key1, "again")
	e.clock.advance(2*time.Hour + e.opts.Round + e.slack())
	if err := e.a.Delete(e.ctx, key1); err != nil {
		e.broken(ruleDeleteNone, "Delete of what has ended: %v", err)
	}
}

func contextCase(e *env) {
	item := e.mustAdd(e.a, key1, "live", time.Hour)
	ended, cancel := context.WithCancel(e.ctx)
	cancel()
	_, getErr := e.a.Get(ended, key1)
	_, absentErr := e.a.Get(ended, key2)
	_, addErr := e.a.Add(ended, key2, "new", time.Hour)
	_, takenErr := e.a.Add(ended, key1, "new", time.Hour)
	_, swapErr := e.a.Swap(ended, key1, item, "new", time.Hour)
	_, otherErr := e.a.Swap(ended, key1, cache.Item{Value: "other"}, "new", time.Hour)
	_, noneErr := e.a.Swap(ended, key2, item, "new", time.Hour)
	_, endErr := e.a.Swap(ended, key1, item, "new", 0)
	for what, err := range map[string]error{
		"Get": getErr, "Get of an absent key": absentErr, "Add": addErr, "Add of a taken key": takenErr,
		"Swap": swapErr, "Swap of another value": otherErr, "Swap of an absent key": noneErr, "Swap without a ttl": endErr,
		"Set": e.a.Set(ended, key1, "new", time.Hour), "Set of an absent key": e.a.Set(ended, key2, "new", time.Hour),
		"Set without a ttl": e.a.Set(ended, key1, "new", 0),
		"Delete":            e.a.Delete(ended, key1), "Delete of an absent key": e.a.Delete(ended, key2),
	} {
		switch {
		case err == nil:
			e.broken(ruleContext, "%s succeeded", what)
		case errors.Is(err, cache.ErrMiss), errors.Is(err, cache.ErrExists), errors.Is(err, cache.ErrConflict), errors.Is(err, cache.ErrCorrupt):
			e.broken(ruleContext, "%s: %v", what, err)
		}
	}
	e.holds(ruleContext, key1, "live")
	e.absent(ruleContext, key2)
}
