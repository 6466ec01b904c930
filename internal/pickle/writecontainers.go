package pickle

// batches fills a container with elements of step values each. After a full
// last batch CPython writes an empty one for a dict or set, but not for a list.
func (w *writer) batches(items []*Value, step int, one, many byte) {
	if len(items) == 0 {
		return
	}
	if len(items) == step && one != 0 {
		w.element(items, step)
		w.op(one)
		return
	}
	for full := true; len(items) > 0 || full && many != opAppends; {
		n := min(len(items), batch*step)
		full = n == batch*step
		w.op(opMark)
		for i := 0; i < n; i += step {
			w.element(items[i:], step)
		}
		w.op(many)
		items = items[n:]
	}
}

func (w *writer) element(items []*Value, step int) {
	w.save(items[0], step == 2)
	if step == 2 {
		w.save(items[1], false)
	}
}

func (w *writer) tuple(v *Value) {
	switch n := len(v.Items); {
	case n == 0:
		w.op(opEmptyTuple)
		return
	case n <= 3:
		w.all(v.Items)
		w.op(opTuple1 + byte(n-1))
	default:
		w.op(opMark)
		w.all(v.Items)
		w.op(opTuple)
	}
	w.memoize(v)
}

func (w *writer) global(module, name string) {
	q := qualified{module, name}
	if i, ok := w.globals[q]; ok {
		w.get(i)
		return
	}
	w.counted(module, opShortBinUnicode, opBinUnicode, opBinUnicode8)
	w.memoize(nil)
	w.counted(name, opShortBinUnicode, opBinUnicode, opBinUnicode8)
	w.memoize(nil)
	w.op(opStackGlobal)
	if w.globals == nil {
		w.globals = map[qualified]uint32{}
	}
	w.globals[q] = w.memoized
	w.memoize(nil)
}

func (w *writer) object(v *Value) {
	w.global(v.Call.Module, v.Call.Name)
	w.tuple(&Value{Items: v.Call.Args})
	if v.Call.New {
		w.op(opNewObj)
	} else {
		w.op(opReduce)
	}
	w.memoize(v)
	w.batches(v.Items, 2, opSetItem, opSetItems)
	if v.Call.State != nil {
		w.save(v.Call.State, false)
		w.op(opBuild)
	}
}
