package pickle

// strMemo says where in the memo strs are. As long as they are few it compares
// them one by one, which beats a map.
type strMemo struct {
	list []memoStr
	many map[string]uint32 // nil: all are in the list
}

type memoStr struct {
	text  string
	index uint32
}

const maxCompared = 24

func (m *strMemo) find(text string) (index uint32, ok bool) {
	if m.many != nil {
		index, ok = m.many[text]
		return index, ok
	}
	for i := range m.list {
		if m.list[i].text == text {
			return m.list[i].index, true
		}
	}
	return 0, false
}

// add adds one that find does not know.
func (m *strMemo) add(text string, index uint32) {
	if m.many == nil && len(m.list) < maxCompared {
		m.list = append(m.list, memoStr{text, index})
		return
	}
	if m.many == nil {
		m.many = make(map[string]uint32, 4*maxCompared)
		for _, s := range m.list {
			m.many[s.text] = s.index
		}
	}
	m.many[text] = index
}
