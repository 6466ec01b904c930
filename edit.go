package sessions

import "fmt"

// An edit is one change that a request made to its session. Saving applies a
// request's edits, in their order, to whatever is stored by then: requests that
// change different values never overwrite each other.
type edit struct {
	op   editOp
	name string

	// member is what set and setDefault store, and what pop saw.
	member Member

	// update computes the new value from the latest one. It may run several
	// times and on another goroutine.
	update func(latest Member, found bool) (Member, error)

	// change computes all values from the latest ones, likewise.
	change func(*Values) error
}

type editOp int

const (
	opSet        editOp = iota // last writer wins, per name
	opDelete                   // gone, whatever it was
	opUpdate                   // a function of the latest value
	opSetDefault               // only where nothing is
	opPop                      // a claim: only while it is what was popped
	opClear                    // drops what others added meanwhile, too; spares the timeouts
	opChange                   // a function of all values
)

// apply makes the change on v.
func (e *edit) apply(v *Values) error {
	switch e.op {
	case opSet:
		v.Set(e.member)
	case opDelete:
		v.Delete(e.name)
	case opUpdate:
		latest, found := v.Get(e.name)
		m, err := e.update(latest, found)
		if err != nil {
			return err
		}
		v.Set(m)
	case opSetDefault:
		if _, found := v.Get(e.name); !found {
			v.Set(e.member)
		}
	case opPop:
		if latest, found := v.Get(e.name); !found || latest != e.member {
			return ErrTaken
		}
		v.Delete(e.name)
	case opClear:
		v.clear()
	case opChange:
		return e.change(v)
	}
	return nil
}

// movesExpiry reports whether the change may be one of how long the session lives.
func (e *edit) movesExpiry() bool {
	switch e.op {
	case opClear, opChange:
		return true
	default:
		return e.name == expiryName || e.name == idleName || e.name == untilName
	}
}

// replay applies edits to v. A panic of an Update's function is returned as an
// error, for the request that it belongs to to raise again: the goroutine that
// replays may be another request's.
func replay(edits []edit, v *Values) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &updatePanic{p}
		}
	}()
	for i := range edits {
		if err := edits[i].apply(v); err != nil {
			return err
		}
	}
	return nil
}

// updatePanic carries the panic of a function given to Update.
type updatePanic struct{ value any }

func (p *updatePanic) Error() string { return fmt.Sprintf("panic in Update: %v", p.value) }
