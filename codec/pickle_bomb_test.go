package codec

import (
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/pickle"
)

// member is {"a": value}, for a value in protocol 4.
func member(value string) string { return "\x80\x04}\x8c\x01a" + value + "s." }

func binUnicode(text string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(text)))) + text
}

// No pickle takes time or memory out of proportion to its size.
func TestSecurity33_PickleBombs(t *testing.T) {
	lists, tuples := "]\x94", ")\x85\x94"
	for i := range 60 {
		get := string([]byte{'h', byte(i)})
		lists += "0](" + get + get + "e\x94"
		tuples += "0" + get + get + "\x86\x94"
	}
	million := strings.Repeat("x", 1<<20)
	long := "\x8b" + string(binary.LittleEndian.AppendUint32(nil, 1700)) + strings.Repeat("\x7f", 1700)
	for _, c := range []struct {
		name, data string
		want       error // nil: it is no bomb
	}{
		{"lists doubled 60 times", member(lists), pickle.ErrLimit},
		{"the same as tuples, which stay shared", member(tuples), nil},
		{"the same as keys", member("}" + tuples + "Ns"), nil},
		{"a long str many times", member(binUnicode(million) + "\x940](" + strings.Repeat("h\x00", 100) + "e"), pickle.ErrLimit},
		{"a str some times", member(binUnicode(million) + "\x940](" + strings.Repeat("h\x00", 10) + "e"), nil},
		{"a long int many times", member(long + "\x940](" + strings.Repeat("h\x00", 10000) + "e"), pickle.ErrLimit},
		{"the same in a tuple", member(long + "\x940(" + strings.Repeat("h\x00", 10000) + "t"), pickle.ErrLimit},
		{"duplicates by DUP", member("](" + binUnicode(million) + strings.Repeat("2", 100) + "e"), pickle.ErrLimit},
		{"one list in many members", "\x80\x04](" + strings.Repeat("K\x01", 1000) + "e\x94}(" + distinct(2000, "h\x00") + "u.", pickle.ErrLimit},
		{"one tuple in many members", "\x80\x04(" + strings.Repeat("K\x01", 1000) + "t\x94}(" + distinct(2000, "h\x00") + "u.", pickle.ErrLimit},
		{"one list beside a tuple in many members", "\x80\x04](" + strings.Repeat("K\x01", 1000) + "e\x94}(" + distinct(2000, "h\x00)\x86") + "u.", pickle.ErrLimit},
		{"999 lists in each other", member(strings.Repeat("]", 999) + strings.Repeat("a", 998)), nil},
		{"1000 lists in each other", member(strings.Repeat("]", 1000) + strings.Repeat("a", 999)), pickle.ErrLimit},
		{"100,000 lists in each other", member(strings.Repeat("]", 100000) + strings.Repeat("a", 99999)), pickle.ErrLimit},
		{"100,000 tuples in each other", member(")" + strings.Repeat("\x85", 100000)), pickle.ErrLimit},
		{"deep by sharing", member("]()" + strings.Repeat("\x85", 600) + "\x94h\x00" + strings.Repeat("\x85", 600) + "e"), pickle.ErrLimit},
		{"marks", strings.Repeat("(", 2<<20), pickle.ErrLimit},
		{"opcodes", strings.Repeat("N0", 1<<20) + "}.", pickle.ErrLimit},
		{"lists", "(" + strings.Repeat("]", 2<<20), pickle.ErrLimit},
		{"as many lists as are allowed", member("(" + strings.Repeat("]", pickle.MaxOps-7) + "l"), nil}, // CPython would write more opcodes
		{"memo far out", member("Nr\xff\xff\xff\xff"), pickle.ErrSyntax},
		{"huge length", member("\x8e\xff\xff\xff\xff\xff\xff\xff\x7f"), pickle.ErrSyntax},
		{"huge frame", "\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f}.", pickle.ErrSyntax},
		{"growing one by one", "}" + strings.Repeat("NNs", 200000) + ".", nil},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		v, err := newPickle(t, 0).Decode(c.data)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, c.want) || c.want != nil && !errors.Is(err, sessions.ErrCorrupt) {
			t.Errorf("%s: %v, not %v", c.name, err, c.want)
		}
		// 64 bytes a value, stack and memo as they grow, JSON as it grows.
		if size, limit := after.TotalAlloc-before.TotalAlloc, uint64(16<<20+160*len(c.data)); size > limit {
			t.Errorf("%s: %d bytes of memory for %d", c.name, size, len(c.data))
		}
		if took > 10*time.Second {
			t.Errorf("%s: took %v", c.name, took)
		}
		if err == nil {
			if data, err := newPickle(t, 0).Encode(v); err != nil && !errors.Is(err, pickle.ErrLimit) || len(data) > 20<<20 {
				t.Errorf("%s: written as %d bytes, %v", c.name, len(data), err)
			}
		}
	}
}

// distinct is n keys, each followed by value.
func distinct(n int, value string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("\x8c\x02" + string([]byte{'0' + byte(i/64), '0' + byte(i%64)}) + value)
	}
	return b.String()
}

// Encode writes no more than Decode reads.
func TestPickleWritesNoMoreThanItReads(t *testing.T) {
	m := sessions.Member{Name: "a", JSON: "[" + strings.Repeat("0,", pickle.MaxOps) + "0]"}
	if _, err := newPickle(t, 0).Encode(valuesOf(m)); !errors.Is(err, pickle.ErrLimit) {
		t.Errorf("too many values: %v", err)
	}
	m.JSON = "[" + strings.Repeat("0,", pickle.MaxOps-3000) + "0]"
	data, err := newPickle(t, 0).Encode(valuesOf(m))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := newPickle(t, 0).Decode(data); err != nil || members(v)[0] != m {
		t.Error(err)
	}
}
