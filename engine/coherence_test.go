package engine

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
	"time"
)

// unhex is bytes in hexadecimal.
func unhex(t *testing.T, text string) string {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestCoherenceVectors: marks, tails and traces are what docs/cached_db.md says, by
// the vectors that the tests of keepsake_django read, too.
func TestCoherenceVectors(t *testing.T) {
	var vectors struct {
		TraceRows   []struct{ Key, Row string }   `json:"trace_rows"`
		CacheTraces struct{ Pickle, JSON string } `json:"cache_traces"`
		Values      []struct {
			Pickle, Row, Epoch, Value string
			Expires                   int64
		}
		NoValues []string `json:"no_values"`
		Marks    []string
		NoMarks  []string `json:"no_marks"`
	}
	text, err := os.ReadFile("testdata/coherence.json")
	if err == nil {
		err = json.Unmarshal(text, &vectors)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(vectors.TraceRows) == 0 || len(vectors.Values) == 0 || len(vectors.NoValues) == 0 || len(vectors.Marks) == 0 || len(vectors.NoMarks) == 0 {
		t.Fatal("vectors are missing")
	}
	for _, v := range vectors.TraceRows {
		if got := traceKey(v.Key); got != v.Row {
			t.Errorf("the trace of %s is %s, want %s", v.Key, got, v.Row)
		}
	}
	if got := unhex(t, vectors.CacheTraces.Pickle); got != traceValue {
		t.Errorf("the trace in a cache is %q, want %q", traceValue, got)
	}
	if got := unhex(t, vectors.CacheTraces.JSON); got != jsonTrace {
		t.Errorf("the trace in a cache of JSON is %q, want %q", jsonTrace, got)
	}
	for _, v := range vectors.Values {
		value := unhex(t, v.Value)
		want := tail{row: v.Row, epoch: v.Epoch, expires: time.UnixMicro(v.Expires)}
		if got := want.append(unhex(t, v.Pickle)); got != value {
			t.Errorf("the value is %x, want %x", got, value)
		}
		if got, ok := cutTail(value); !ok || got.row != want.row || got.epoch != want.epoch || !got.expires.Equal(want.expires) {
			t.Errorf("the tail of %x reads %+v, %v", value, got, ok)
		}
	}
	for _, text := range vectors.NoValues {
		if got, ok := cutTail(unhex(t, text)); ok {
			t.Errorf("%s is taken for a value with the tail %+v", text, got)
		}
	}
	for _, text := range vectors.Marks {
		if _, ok := cutTail(unhex(t, text)); ok || !isMark(unhex(t, text)) {
			t.Errorf("%s is not taken for a mark", text)
		}
	}
	for _, text := range vectors.NoMarks {
		if isMark(unhex(t, text)) {
			t.Errorf("%s is taken for a mark", text)
		}
	}
}
