package enginetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
)

// The sentences of sessions.Lister.
const (
	ruleList      = "List returns every live record with its key, data and expiry, over all pages"
	ruleListDead  = "List does not return what has expired or was deleted"
	ruleListTrace = "List does not return the trace of a rotation, but the session under its new key"
	ruleListEnds  = "following next comes to an end"
)

var listCases = []contractCase{{"list", listCase}}

// listCase concerns stores that are a sessions.Lister and whatever of it below them
// can list.
func listCase(e *env) {
	e.openStores()
	lister, ok := sessions.Capability[sessions.Lister](e.b)
	if !ok {
		return
	}
	if _, _, err := lister.List(e.ctx, "", 1); errors.Is(err, sessions.ErrUnsupported) {
		return
	}
	e.lists(ruleList, lister, map[string]sessions.Record{})
	want := map[string]sessions.Record{}
	for i, c := range "abcdefghij" {
		key := strings.Repeat(string(c), 32)
		rec := sessions.Record{Data: fmt.Sprintf("data %d", i), Expires: e.clock.now().Add(time.Duration(i+2) * time.Hour)}
		e.mustCreate(e.a, key, rec)
		want[key] = rec
	}
	e.lists(ruleList, lister, want)

	gone := strings.Repeat("c", 32)
	if err := e.a.Delete(e.ctx, gone); err != nil {
		e.Fatalf("Delete: %v", err)
	}
	delete(want, gone)
	moved := strings.Repeat("d", 32)
	old, err := e.a.Load(e.ctx, moved)
	if err != nil {
		e.Fatalf("Load: %v", err)
	}
	if _, err := e.a.Rotate(e.ctx, moved, key1, old, sessions.Record{Data: "moved", Expires: want[moved].Expires}); err != nil {
		e.Fatalf("Rotate: %v", err)
	}
	want[key1] = sessions.Record{Data: "moved", Expires: want[moved].Expires}
	delete(want, moved)
	e.lists(ruleListTrace, lister, want)

	e.clock.advance(3*time.Hour + e.moment())
	delete(want, strings.Repeat("a", 32))
	delete(want, strings.Repeat("b", 32))
	e.lists(ruleListDead, lister, want)

	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	if page, _, err := lister.List(ctx, "", 3); err == nil {
		e.broken(ruleContext, "List returned %d records", len(page))
	}
}

// lists checks what the store lists, in pages of several sizes.
func (e *env) lists(rule string, lister sessions.Lister, want map[string]sessions.Record) {
	e.Helper()
	for _, limit := range []int{1, 3, 1000} {
		found := map[string]bool{}
		cursor := ""
		for pages := 0; ; pages++ {
			page, next, err := lister.List(e.ctx, cursor, limit)
			if err != nil {
				e.broken(rule, "List: %v", err)
				return
			}
			for _, r := range page {
				rec, ok := want[r.Key]
				switch {
				case !ok:
					e.broken(rule, "a record with the data %.60q comes", r.Data)
				case r.Data != rec.Data:
					e.broken(rule, "data is %.60q, not %.60q", r.Data, rec.Data)
				case !r.Expires.IsZero() && r.Expires.Sub(rec.Expires).Abs() > e.listed():
					e.broken(rule, "expires at %v, not at %v", r.Expires, rec.Expires)
				}
				found[r.Key] = true
			}
			if cursor = next; cursor == "" {
				break
			}
			if pages > 10_000 {
				e.broken(ruleListEnds, "%d pages with limit %d", pages, limit)
				return
			}
		}
		if len(found) != len(want) {
			e.broken(rule, "with limit %d there are %d records, not %d", limit, len(found), len(want))
		}
	}
}

// listed is how exactly a list says when records expire: a store that does not say
// so otherwise knows it by a clock of its own.
func (e *env) listed() time.Duration {
	if e.noExpiry {
		return 365 * 24 * time.Hour
	}
	return time.Microsecond
}
