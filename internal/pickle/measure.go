package pickle

// measure finds recursive structures, too deep ones, and classes or functions
// that are not called. depth counts v.
func measure(v *Value, depth int) error {
	const open, done = 1, 2
	switch {
	case v.Kind == global:
		return forbidden(v.Call.Module + "." + v.Call.Name)
	case v.Kind < List:
		return nil
	case v.state == open:
		return ErrRecursive
	case depth+int(v.height) > MaxDepth+1 || depth > MaxDepth:
		return ErrLimit
	case v.state == done:
		return nil
	}
	v.state = open
	height := uint16(0)
	lists := [2][]*Value{v.Items}
	if v.Call != nil {
		lists[1] = v.Call.Args // the state is flat
	}
	for _, list := range lists {
		for _, item := range list {
			if err := measure(item, depth+1); err != nil {
				return err
			}
			height = max(height, item.height)
		}
	}
	v.state, v.height = done, height+1
	return nil
}
