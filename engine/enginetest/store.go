package enginetest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
)

// The sentences of the contract: sessions.Store's documentation, as the cases
// quote it.
const (
	ruleLoad          = "Load returns the record that was stored under the key, data and expiry to the microsecond"
	ruleAbsent        = "Load of what was never stored is ErrNotFound, and not ErrRotated"
	ruleExpired       = "a record whose Expires is not after the present is treated as absent everywhere"
	ruleExists        = "Create of a taken key is ErrExists and leaves what is stored"
	ruleFree          = "Create stores over an expired record, as if the key were free"
	ruleCreated       = "Create returns the record as later calls want it"
	ruleReplaced      = "Replace puts new in place of old while what is stored is still old, and returns the record as later calls want it"
	ruleConflict      = "Replace of what is no longer old changes nothing and returns the current record with ErrConflict"
	ruleExpiryIsOld   = "what is stored is old only if its expiry is the same, too"
	ruleNoCreation    = "Replace never creates: an ended session stays ended"
	ruleTouch         = "where new.Data equals old.Data only the expiry moves"
	ruleRotate        = "Rotate moves the session: the new key has the new record, the old key is dead"
	ruleTrace         = "for RotationTrace, by the Clock, the old key of a rotation is ErrRotated for Load, Replace and Rotate; then it is ErrNotFound"
	ruleTraceName     = "the trace of a rotation can't be loaded as a session, under whatever name it is stored"
	ruleRotateOld     = "Rotate happens only while what is stored is still old, with Replace's errors, and changes nothing otherwise"
	ruleRotateTaken   = "Rotate to a taken key is ErrExists and changes nothing"
	ruleDelete        = "Delete removes whatever is stored under the key"
	ruleDeleteNone    = "that nothing is there to Delete is no error"
	ruleDeleteRotated = "Delete of a key that was rotated within RotationTrace is ErrRotated: the session lives on under another key"
	ruleKeys          = "keys are compared byte for byte, case included"
	ruleData          = "data comes back byte for byte"
	ruleAliasing      = "a Record that was passed in or returned is never changed afterwards"
	ruleClear         = "ClearExpired deletes what has expired and nothing else"
	ruleClearNow      = "ClearExpired spares what expires at this very moment, as Django does"
	ruleClearLimit    = "ClearExpired deletes at most limit records; fewer mean that none are left"
	ruleClearTrace    = "ClearExpired leaves the trace of a rotation for RotationTrace"
	ruleContext       = "a call whose context has ended fails, changes nothing, and never says that something is not there or is"
	ruleVisible       = "what a write acknowledged every later call sees, whatever process it comes from"
)

const (
	key1 = "abcdefghijklmnopqrstuvwxyz012345"
	key2 = "zyxwvutsrqponmlkjihgfedcba543210"
	key3 = "0123456789abcdefghijklmnopqrstuv"
	key4 = "11112222333344445555666677778888"
)

var storeCases = []contractCase{
	{"load", loadCase},
	{"expired", expiredCase},
	{"create", createCase},
	{"replace", replaceCase},
	{"replace never creates", noCreationCase},
	{"touch", touchCase},
	{"rotate", rotateCase},
	{"rotate refused", rotateRefusedCase},
	{"rotation trace", traceCase},
	{"delete", deleteCase},
	{"keys", keysCase},
	{"data", dataCase},
	{"aliasing", aliasingCase},
	{"context", contextCase},
}

var clearCases = []contractCase{
	{"clear expired", clearCase},
	{"clear expired spares traces", clearTraceCase},
}

// rec is a record that lives for an hour.
func (e *env) rec(data string) sessions.Record {
	return sessions.Record{Data: data, Expires: e.clock.now().Add(time.Hour)}
}

func (e *env) mustCreate(st sessions.Store, key string, rec sessions.Record) sessions.Record {
	e.Helper()
	created, err := st.Create(e.ctx, key, rec)
	if err != nil {
		e.Fatalf("Create of a free key: %v", err)
	}
	return created
}

func (e *env) mustReplace(st sessions.Store, key string, old, new sessions.Record) sessions.Record {
	e.Helper()
	stored, err := st.Replace(e.ctx, key, old, new)
	if err != nil {
		e.broken(ruleReplaced, "%v", err)
		e.Fatalf("the case can't go on")
	}
	return stored
}

// holds checks that the key has that record, for both processes.
func (e *env) holds(rule, key string, want sessions.Record) {
	e.Helper()
	for _, st := range []sessions.Store{e.a, e.b} {
		got, err := st.Load(e.ctx, key)
		switch {
		case err != nil:
			e.broken(rule, "Load: %v", err)
		case got.Data != want.Data:
			e.broken(rule, "data is %.60q, not %.60q", got.Data, want.Data)
		case !e.sameTime(got.Expires, want.Expires):
			e.broken(rule, "expires at %v, not at %v", got.Expires, want.Expires)
		}
	}
}

// absent checks that the key has no record, for both processes.
func (e *env) absent(rule, key string) {
	e.Helper()
	for _, st := range []sessions.Store{e.a, e.b} {
		got, err := st.Load(e.ctx, key)
		if !errors.Is(err, sessions.ErrNotFound) {
			e.broken(rule, "Load: %.60q, %v", got.Data, err)
		}
	}
}

// sameTime compares to the microsecond, which is what stores keep at least.
func (e *env) sameTime(a, b time.Time) bool {
	return e.noExpiry || a.Truncate(time.Microsecond).Equal(b.Truncate(time.Microsecond))
}

func (e *env) same(rule, what string, got, want sessions.Record) {
	e.Helper()
	if got.Data != want.Data || !e.sameTime(got.Expires, want.Expires) {
		e.broken(rule, "%s returned %.60q until %v, not %.60q until %v", what, got.Data, got.Expires, want.Data, want.Expires)
	}
}

func (e *env) wants(rule, what string, err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.broken(rule, "%s: %v, not %v", what, err, want)
	}
}

// notFound is wants for ErrNotFound alone.
func (e *env) notFound(rule, what string, err error) {
	e.Helper()
	e.wants(rule, what, err, sessions.ErrNotFound)
	if errors.Is(err, sessions.ErrRotated) {
		e.broken(rule, "%s: %v", what, err)
	}
}

func loadCase(e *env) {
	e.openStores()
	_, err := e.a.Load(e.ctx, key1)
	e.notFound(ruleAbsent, "Load", err)

	rec := e.rec("some data")
	created := e.mustCreate(e.a, key1, rec)
	e.same(ruleCreated, "Create", created, rec)
	e.holds(ruleLoad, key1, rec)
	e.holds(ruleLoad, key1, rec) // looking changes nothing
	_, err = e.b.Load(e.ctx, key2)
	e.notFound(ruleAbsent, "Load of another key", err)

	for _, fraction := range []time.Duration{0, time.Microsecond, 100 * time.Millisecond, 999999 * time.Microsecond} {
		rec := sessions.Record{Data: "fractions", Expires: e.clock.now().Truncate(time.Second).Add(time.Hour + fraction)}
		e.mustCreate(e.a, key2, rec)
		e.holds(ruleLoad, key2, rec)
		if err := e.a.Delete(e.ctx, key2); err != nil {
			e.broken(ruleDelete, "%v", err)
		}
	}
}

func expiredCase(e *env) {
	e.openStores()
	rec := e.rec("short-lived")
	stored := e.mustCreate(e.a, key1, rec)
	e.clock.advance(time.Hour - e.moment())
	e.holds(ruleLoad, key1, rec)
	e.clock.advance(e.moment())
	_, err := e.b.Load(e.ctx, key1)
	e.notFound(ruleExpired, "Load at the moment of expiry", err)
	_, err = e.a.Replace(e.ctx, key1, stored, e.rec("later"))
	e.notFound(ruleExpired, "Replace of an expired record", err)
	_, err = e.a.Replace(e.ctx, key1, stored, e.rec(rec.Data))
	e.notFound(ruleExpired, "a new expiry for an expired record", err)
	_, err = e.a.Rotate(e.ctx, key1, key2, stored, e.rec("later"))
	e.notFound(ruleExpired, "Rotate of an expired record", err)
	e.absent(ruleExpired, key1)
	e.absent(ruleExpired, key2)
	e.clock.advance(time.Hour)
	e.absent(ruleExpired, key1)

	// Born dead: stored, and never seen.
	dead := sessions.Record{Data: "dead", Expires: e.clock.now().Add(-time.Second)}
	if _, err := e.a.Create(e.ctx, key3, dead); err == nil {
		e.absent(ruleExpired, key3)
	}
}

func createCase(e *env) {
	e.openStores()
	first := e.rec("first")
	stored := e.mustCreate(e.a, key1, first)
	for _, st := range []sessions.Store{e.a, e.b} {
		_, err := st.Create(e.ctx, key1, e.rec("second"))
		e.wants(ruleExists, "Create", err, sessions.ErrExists)
		e.holds(ruleExists, key1, first)
	}
	if _, err := e.a.Replace(e.ctx, key1, stored, e.rec("next")); err != nil {
		e.broken(ruleCreated, "Replace of what Create returned: %v", err)
	}

	e.mustCreate(e.a, key2, first)
	e.clock.advance(time.Hour) // exactly its expiry
	second := e.rec("second")
	stored, err := e.b.Create(e.ctx, key2, second)
	if err != nil {
		e.broken(ruleFree, "%v", err)
		return
	}
	e.holds(ruleFree, key2, second)
	if _, err := e.b.Replace(e.ctx, key2, stored, e.rec("third")); err != nil {
		e.broken(ruleCreated, "Replace of what Create returned: %v", err)
	}
}

func replaceCase(e *env) {
	e.openStores()
	one := e.mustCreate(e.a, key1, e.rec("one"))
	two := e.rec("two")
	stored := e.mustReplace(e.a, key1, one, two)
	e.same(ruleReplaced, "Replace", stored, two)
	e.holds(ruleReplaced, key1, two)

	three := e.rec("three")
	stored = e.mustReplace(e.a, key1, stored, three) // with what Replace returned
	e.holds(ruleReplaced, key1, three)

	loaded, err := e.b.Load(e.ctx, key1)
	if err != nil {
		e.Fatalf("Load: %v", err)
	}
	four := sessions.Record{Data: "four", Expires: three.Expires.Add(time.Minute)}
	e.mustReplace(e.b, key1, loaded, four) // with what Load returned
	e.holds(ruleVisible, key1, four)

	// stored is out of date now.
	current, err := e.a.Replace(e.ctx, key1, stored, e.rec("five"))
	e.wants(ruleConflict, "Replace", err, sessions.ErrConflict)
	e.same(ruleConflict, "Replace", current, four)
	e.holds(ruleConflict, key1, four)
	if _, err := e.a.Replace(e.ctx, key1, one, e.rec("one")); !errors.Is(err, sessions.ErrConflict) {
		e.broken(ruleConflict, "Replace with an older record: %v", err)
	}
	six := e.rec("six")
	e.mustReplace(e.a, key1, current, six) // with what the conflict returned
	e.holds(ruleReplaced, key1, six)

	if e.noExpiry {
		return
	}
	// The same data, another expiry.
	stored = e.mustCreate(e.a, key2, e.rec("same"))
	longer := sessions.Record{Data: "same", Expires: stored.Expires.Add(time.Microsecond)}
	e.mustReplace(e.a, key2, stored, longer)
	current, err = e.a.Replace(e.ctx, key2, stored, e.rec("other"))
	e.wants(ruleExpiryIsOld, "Replace", err, sessions.ErrConflict)
	e.same(ruleConflict, "Replace", current, longer)
	e.holds(ruleExpiryIsOld, key2, longer)
	_, err = e.a.Replace(e.ctx, key2, stored, sessions.Record{Data: "same", Expires: stored.Expires.Add(-time.Minute)})
	e.wants(ruleExpiryIsOld, "a new expiry", err, sessions.ErrConflict)
	e.holds(ruleExpiryIsOld, key2, longer)
}

func noCreationCase(e *env) {
	e.openStores()
	_, err := e.a.Replace(e.ctx, key1, e.rec("old"), e.rec("new"))
	e.notFound(ruleNoCreation, "Replace of what never was", err)
	e.absent(ruleNoCreation, key1)
	_, err = e.a.Replace(e.ctx, key1, e.rec("same"), e.rec("same"))
	e.notFound(ruleNoCreation, "a new expiry for what never was", err)
	e.absent(ruleNoCreation, key1)
	_, err = e.a.Rotate(e.ctx, key1, key2, e.rec("old"), e.rec("new"))
	e.notFound(ruleNoCreation, "Rotate of what never was", err)
	e.absent(ruleNoCreation, key2)

	stored := e.mustCreate(e.a, key1, e.rec("old"))
	if err := e.b.Delete(e.ctx, key1); err != nil {
		e.broken(ruleDelete, "%v", err)
	}
	_, err = e.a.Replace(e.ctx, key1, stored, e.rec("new"))
	e.notFound(ruleNoCreation, "Replace of what was deleted", err)
	e.absent(ruleNoCreation, key1)
	_, err = e.a.Rotate(e.ctx, key1, key2, stored, e.rec("new"))
	e.notFound(ruleNoCreation, "Rotate of what was deleted", err)
	e.absent(ruleNoCreation, key1)
	e.absent(ruleNoCreation, key2)
}

func touchCase(e *env) {
	e.openStores()
	stored := e.mustCreate(e.a, key1, e.rec("data"))
	for _, d := range []time.Duration{time.Hour, -time.Hour, 0} {
		moved := sessions.Record{Data: "data", Expires: stored.Expires.Add(d)}
		got := e.mustReplace(e.a, key1, stored, moved)
		e.same(ruleTouch, "Replace", got, moved)
		e.holds(ruleTouch, key1, moved)
		stored = got
	}
	e.clock.advance(59 * time.Minute)
	moved := sessions.Record{Data: "data", Expires: stored.Expires.Add(time.Hour)}
	e.mustReplace(e.a, key1, stored, moved)
	e.clock.advance(time.Hour)
	e.holds(ruleTouch, key1, moved)
	e.clock.advance(time.Minute)
	e.absent(ruleTouch, key1)
}

func rotateCase(e *env) {
	e.openStores()
	stored := e.mustCreate(e.a, key1, e.rec("before"))
	after := e.rec("after")
	moved, err := e.a.Rotate(e.ctx, key1, key2, stored, after)
	if err != nil {
		e.broken(ruleRotate, "%v", err)
		return
	}
	e.same(ruleRotate, "Rotate", moved, after)
	e.absent(ruleRotate, key1)
	e.holds(ruleRotate, key2, after)
	next := e.rec("next")
	moved = e.mustReplace(e.a, key2, moved, next)
	e.holds(ruleRotate, key2, next)

	// Once more, the same data, and by the other process.
	loaded, err := e.b.Load(e.ctx, key2)
	if err != nil {
		e.Fatalf("Load: %v", err)
	}
	if _, err := e.b.Rotate(e.ctx, key2, key3, loaded, next); err != nil {
		e.broken(ruleRotate, "%v", err)
		return
	}
	e.absent(ruleRotate, key1)
	e.absent(ruleRotate, key2)
	e.holds(ruleRotate, key3, next)
	_, err = e.a.Replace(e.ctx, key2, moved, e.rec("late"))
	e.wants(ruleTrace, "Replace", err, sessions.ErrRotated)
	e.holds(ruleRotate, key3, next)
}

func rotateRefusedCase(e *env) {
	e.openStores()
	old := e.mustCreate(e.a, key1, e.rec("old"))
	current := e.rec("current")
	e.mustReplace(e.a, key1, old, current)
	got, err := e.a.Rotate(e.ctx, key1, key2, old, e.rec("new"))
	e.wants(ruleRotateOld, "Rotate", err, sessions.ErrConflict)
	e.same(ruleRotateOld, "Rotate", got, current)
	e.holds(ruleRotateOld, key1, current)
	e.absent(ruleRotateOld, key2)
	if _, err := e.a.Rotate(e.ctx, key1, key2, got, current); err != nil {
		e.broken(ruleRotateOld, "Rotate of what the conflict returned: %v", err)
	}
	e.holds(ruleRotateOld, key2, current)

	// The expiry counts, too.
	old = e.mustCreate(e.a, key3, e.rec("same"))
	longer := sessions.Record{Data: "same", Expires: old.Expires.Add(time.Second)}
	e.mustReplace(e.a, key3, old, longer)
	if !e.noExpiry {
		_, err = e.a.Rotate(e.ctx, key3, key4, old, e.rec("new"))
		e.wants(ruleRotateOld, "Rotate with an older expiry", err, sessions.ErrConflict)
		e.holds(ruleRotateOld, key3, longer)
		e.absent(ruleRotateOld, key4)
	}

	// Taken, by key2's.
	loaded, err := e.a.Load(e.ctx, key3)
	if err != nil {
		e.Fatalf("Load: %v", err)
	}
	_, err = e.a.Rotate(e.ctx, key3, key2, loaded, e.rec("new"))
	e.wants(ruleRotateTaken, "Rotate", err, sessions.ErrExists)
	e.holds(ruleRotateTaken, key3, longer)
	e.holds(ruleRotateTaken, key2, current)
}

func traceCase(e *env) {
	e.openStores()
	old := e.mustCreate(e.a, key1, e.rec("a secret"))
	live := sessions.Record{Data: "a secret", Expires: e.clock.now().Add(24 * time.Hour)}
	if _, err := e.a.Rotate(e.ctx, key1, key2, old, live); err != nil {
		e.broken(ruleRotate, "%v", err)
		return
	}
	check := func(want error) {
		e.Helper()
		_, loadErr := e.a.Load(e.ctx, key1)
		_, elsewhereErr := e.b.Load(e.ctx, key1)
		_, replaceErr := e.a.Replace(e.ctx, key1, old, e.rec("late"))
		_, rotateErr := e.a.Rotate(e.ctx, key1, key3, old, e.rec("late"))
		for what, err := range map[string]error{"Load": loadErr, "Load elsewhere": elsewhereErr, "Replace": replaceErr, "Rotate": rotateErr} {
			if want == sessions.ErrRotated {
				e.wants(ruleTrace, what, err, want)
			} else {
				e.notFound(ruleTrace, what, err)
			}
		}
		e.holds(ruleRotate, key2, live)
		e.absent(ruleRotate, key3)
	}
	check(sessions.ErrRotated)
	for _, st := range []sessions.Store{e.a, e.b} {
		e.wants(ruleDeleteRotated, "Delete", st.Delete(e.ctx, key1), sessions.ErrRotated)
		check(sessions.ErrRotated)
	}
	if e.names != nil {
		for _, name := range e.names() {
			if name == key2 {
				continue
			}
			if sessions.ValidKey(name) && name != key1 {
				e.broken(ruleTraceName, "a cookie can hold its name")
			}
			if rec, err := e.a.Load(e.ctx, name); err == nil {
				e.broken(ruleTraceName, "Load returned %.60q", rec.Data)
			}
		}
	}
	shortly := max(time.Second, e.moment())
	e.clock.advance(sessions.RotationTrace - shortly)
	check(sessions.ErrRotated)
	e.clock.advance(shortly + time.Second)
	check(sessions.ErrNotFound)
	if err := e.a.Delete(e.ctx, key1); err != nil {
		e.broken(ruleDeleteNone, "long after a rotation: %v", err)
	}
}

func deleteCase(e *env) {
	e.openStores()
	if err := e.a.Delete(e.ctx, key1); err != nil {
		e.broken(ruleDeleteNone, "%v", err)
	}
	kept := e.rec("kept")
	e.mustCreate(e.a, key1, e.rec("gone"))
	e.mustCreate(e.a, key2, kept)
	for _, st := range []sessions.Store{e.b, e.a} { // twice: the second finds nothing
		if err := st.Delete(e.ctx, key1); err != nil {
			e.broken(ruleDeleteNone, "%v", err)
		}
		_, err := e.a.Load(e.ctx, key1)
		e.notFound(ruleDelete, "Load", err)
		e.absent(ruleDelete, key1)
	}
	e.holds(ruleDelete, key2, kept)
	again := e.rec("again")
	e.mustCreate(e.a, key1, again)
	e.holds(ruleDelete, key1, again)

	e.clock.advance(2 * time.Hour)
	if err := e.a.Delete(e.ctx, key2); err != nil {
		e.broken(ruleDeleteNone, "Delete of an expired record: %v", err)
	}
}

// keysCase tries keys that differ from key1 in little. A store may refuse what
// is not a ValidKey, with any error, but must not take it for key1.
func keysCase(e *env) {
	e.openStores()
	rec := e.rec("of the first")
	stored := e.mustCreate(e.a, key1, rec)
	for _, other := range []string{
		strings.ToUpper(key1), key1[:31] + "4", key1[:31], key1 + "0", key1 + " ", "a" + key1[:31],
		strings.Replace(key1, "e", "é", 1), key1[:31] + "_", key1[:31] + "%",
	} {
		if got, err := e.a.Load(e.ctx, other); err == nil {
			e.broken(ruleKeys, "Load of %q returned %q, which is %q's", other, got.Data, key1)
		}
		if _, err := e.a.Replace(e.ctx, other, stored, e.rec("wrong")); err == nil {
			e.broken(ruleKeys, "Replace of %q found %q", other, key1)
		}
		folded := strings.TrimRight(strings.ReplaceAll(strings.ToLower(other), "é", "e"), " ")
		if _, err := e.a.Create(e.ctx, other, e.rec("another")); errors.Is(err, sessions.ErrExists) && (!e.foldsKeys || folded != key1) {
			e.broken(ruleKeys, "Create of %q found %q", other, key1)
		}
		e.holds(ruleKeys, key1, rec)
		_ = e.a.Delete(e.ctx, other)
		e.holds(ruleKeys, key1, rec)
	}
}

func dataCase(e *env) {
	e.openStores()
	var printable strings.Builder
	for c := byte(' '); c <= '~'; c++ {
		printable.WriteByte(c)
	}
	for name, data := range map[string]string{
		"printable ASCII":  printable.String(),
		"digits only":      "0012",
		"a float":          "1e5",
		"SQL":              `'; DROP TABLE django_session; -- "$1 ? :name @name %s \'`,
		"a trailing space": "data ",
		"upper case":       "DATA",
		"lower case":       "data",
		"200 kB":           strings.Repeat("0123456789abcdef", 12500),
	} {
		stored := e.mustCreate(e.a, key1, e.rec(data))
		e.holds(ruleData+" ("+name+")", key1, e.rec(data))
		got, err := e.b.Load(e.ctx, key1)
		if err != nil {
			e.Fatalf("Load: %v", err)
		}
		e.mustReplace(e.b, key1, got, e.rec("x"+data)) // and is recognised
		_, err = e.a.Replace(e.ctx, key1, stored, e.rec("y"))
		e.wants(ruleConflict, "Replace ("+name+")", err, sessions.ErrConflict)
		if err := e.a.Delete(e.ctx, key1); err != nil {
			e.broken(ruleDelete, "%v", err)
		}
	}

	// Alike, but not the same.
	for _, pair := range [][2]string{{"data", "DATA"}, {"data", "data "}, {"12", "12.0"}, {"12", "012"}} {
		e.mustCreate(e.a, key1, e.rec(pair[0]))
		_, err := e.a.Replace(e.ctx, key1, e.rec(pair[1]), e.rec("new"))
		e.wants(ruleConflict, "Replace of data that is only alike", err, sessions.ErrConflict)
		if err := e.a.Delete(e.ctx, key1); err != nil {
			e.broken(ruleDelete, "%v", err)
		}
	}
}

func aliasingCase(e *env) {
	e.openStores()
	first := strings.Repeat("1", 64)
	passed := e.rec(strings.Clone(first))
	created := e.mustCreate(e.a, key1, passed)
	loaded, err := e.a.Load(e.ctx, key1)
	if err != nil {
		e.Fatalf("Load: %v", err)
	}
	second := e.rec(strings.Repeat("2", 64))
	replaced := e.mustReplace(e.a, key1, loaded, second)
	current, err := e.a.Replace(e.ctx, key1, created, e.rec(strings.Repeat("3", 64)))
	e.wants(ruleConflict, "Replace", err, sessions.ErrConflict)
	if _, err := e.a.Rotate(e.ctx, key1, key2, replaced, e.rec(strings.Repeat("4", 64))); err != nil {
		e.broken(ruleRotate, "%v", err)
	}
	_ = e.a.Delete(e.ctx, key2)
	e.mustCreate(e.a, key2, e.rec(strings.Repeat("5", 64)))
	e.same(ruleAliasing, "long ago Create", created, passed)
	e.same(ruleAliasing, "long ago Load", loaded, passed)
	e.same(ruleAliasing, "long ago Replace", replaced, second)
	e.same(ruleAliasing, "long ago Replace's conflict", current, second)
	for what, data := range map[string]string{"passed to Create": passed.Data, "returned by Create": created.Data, "returned by Load": loaded.Data} {
		if data != first {
			e.broken(ruleAliasing, "the record that was %s holds %q by now", what, data)
		}
	}
}

func (e *env) clearer() sessions.Clearer {
	e.Helper()
	clearer, ok := sessions.Capability[sessions.Clearer](e.a)
	if !ok {
		e.Fatalf("a store that can't clear expired records: set Options.NoClearer")
	}
	return clearer
}

func clearCase(e *env) {
	e.openStores()
	clearer := e.clearer()
	if e.clearsItself {
		e.mustCreate(e.a, key1, e.rec("dies"))
		e.clock.advance(2 * time.Hour)
		if n, err := clearer.ClearExpired(e.ctx, 10); n != 0 || err != nil {
			e.broken(ruleClear, "a store that clears itself cleared %d, %v", n, err)
		}
		e.absent(ruleExpired, key1)
		return
	}
	clears := func(limit, want int, rule string) {
		e.Helper()
		if n, err := clearer.ClearExpired(e.ctx, limit); err != nil || n != want {
			e.broken(rule, "with limit %d it deleted %d (%v), not %d", limit, n, err, want)
		}
	}
	clears(10, 0, ruleClear)
	keys := "abcdefg"
	for _, c := range keys {
		e.mustCreate(e.a, strings.Repeat(string(c), 32), e.rec("dies"))
	}
	live := sessions.Record{Data: "lives", Expires: e.clock.now().Add(2 * time.Hour)}
	e.mustCreate(e.a, key1, live)
	clears(100, 0, ruleClear)

	e.clock.advance(time.Hour)   // exactly the expiry
	clears(100, 0, ruleClearNow) // nobody has asked for them: a store may drop what it finds expired
	e.clock.advance(e.instant())
	clears(3, 3, ruleClearLimit)
	clears(3, 3, ruleClearLimit)
	clears(3, 1, ruleClearLimit)
	clears(3, 0, ruleClear)
	e.holds(ruleClear, key1, live)
	for _, c := range keys {
		e.mustCreate(e.a, strings.Repeat(string(c), 32), live)
	}
	clears(3, 0, ruleClear)
	e.holds(ruleClear, key1, live)
}

func clearTraceCase(e *env) {
	e.openStores()
	clearer := e.clearer()
	old := e.mustCreate(e.a, key1, e.rec("data"))
	live := e.rec("data")
	if _, err := e.a.Rotate(e.ctx, key1, key2, old, live); err != nil {
		e.broken(ruleRotate, "%v", err)
		return
	}
	shortly := max(time.Second, e.moment())
	for _, d := range []time.Duration{0, time.Second, sessions.RotationTrace - time.Second - shortly} {
		e.clock.advance(d)
		if n, err := clearer.ClearExpired(e.ctx, 100); err != nil || n != 0 {
			e.broken(ruleClearTrace, "it deleted %d, %v", n, err)
		}
		_, err := e.a.Load(e.ctx, key1)
		e.wants(ruleClearTrace, "Load", err, sessions.ErrRotated)
	}
	e.clock.advance(time.Hour)
	for range 2 { // in the end nothing is left
		if _, err := clearer.ClearExpired(e.ctx, 100); err != nil {
			e.broken(ruleClear, "%v", err)
		}
	}
	if e.names != nil {
		if names := e.names(); len(names) != 0 {
			e.broken(ruleClear, "%d names are left when all has expired", len(names))
		}
	}
}

func contextCase(e *env) {
	e.openStores()
	live := e.rec("live")
	stored := e.mustCreate(e.a, key1, live)
	ended, cancel := context.WithCancel(e.ctx)
	cancel()

	_, loadErr := e.a.Load(ended, key1)
	_, absentErr := e.a.Load(ended, key2)
	_, createErr := e.a.Create(ended, key3, live)
	_, takenErr := e.a.Create(ended, key1, live)
	_, replaceErr := e.a.Replace(ended, key1, stored, e.rec("new"))
	_, touchErr := e.a.Replace(ended, key1, stored, sessions.Record{Data: "live", Expires: live.Expires.Add(time.Hour)})
	_, rotateErr := e.a.Rotate(ended, key1, key4, stored, e.rec("new"))
	deleteErr := e.a.Delete(ended, key1)
	for what, err := range map[string]error{
		"Load": loadErr, "Load of an absent key": absentErr, "Create": createErr, "Create of a taken key": takenErr,
		"Replace": replaceErr, "Replace of the expiry": touchErr, "Rotate": rotateErr, "Delete": deleteErr,
	} {
		switch {
		case err == nil:
			e.broken(ruleContext, "%s succeeded", what)
		case errors.Is(err, sessions.ErrNotFound), errors.Is(err, sessions.ErrExists), errors.Is(err, sessions.ErrConflict), errors.Is(err, sessions.ErrCorrupt):
			e.broken(ruleContext, "%s: %v", what, err)
		}
	}
	if clearer, ok := sessions.Capability[sessions.Clearer](e.a); ok {
		if _, err := clearer.ClearExpired(ended, 10); err == nil {
			e.broken(ruleContext, "ClearExpired succeeded")
		}
	}
	e.holds(ruleContext, key1, live)
	e.absent(ruleContext, key3)
	e.absent(ruleContext, key4)
}
