package messages_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/messages"
)

func newManager(t testing.TB) *sessions.Manager {
	t.Helper()
	st := sessions.DefaultSettings()
	st.SecretKey = "a secret key for the tests of this package"
	m, err := sessions.New(st, engine.Memory())
	check(t, err)
	return m
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open loads the session of that key, "" for a new one.
func open(t testing.TB, m *sessions.Manager, key string) *sessions.Session {
	t.Helper()
	s := m.Open(key)
	check(t, s.Load(t.Context()))
	return s
}

// stored makes a session with that value under _messages.
func stored(t testing.TB, m *sessions.Manager, value any) string {
	t.Helper()
	s := open(t, m, "")
	s.Set("_messages", value)
	check(t, s.Save(t.Context()))
	return s.Key()
}

// What the SessionStorage of Django 4.2 and later writes; 3.2 leaves out tags that
// are empty.
var vectors = []struct {
	text string
	want []messages.Message
}{
	{
		`[["__json_message", 0, 20, "Hello", ""]]`,
		[]messages.Message{{Level: messages.LevelInfo, Text: "Hello"}},
	},
	{
		`[["__json_message", 0, 25, "saved", "extra two"], ["__json_message", 1, 40, "<b>no</b>", ""]]`,
		[]messages.Message{
			{Level: messages.LevelSuccess, Text: "saved", ExtraTags: "extra two"},
			{Level: messages.LevelError, Text: "<b>no</b>", Safe: true},
		},
	},
	{
		`[["__json_message", 0, 35, "\u00fc \ud83d\ude00 \"quoted\" \\ </script>", ""]]`,
		[]messages.Message{{Level: 35, Text: `ü 😀 "quoted" \ </script>`}},
	},
}

func TestReadsDjangos(t *testing.T) {
	for _, v := range vectors {
		m := newManager(t)
		key := stored(t, m, v.text)
		got, err := messages.Take(t.Context(), open(t, m, key))
		check(t, err)
		if !slices.Equal(got, v.want) {
			t.Errorf("%s\nis %+v\nnot %+v", v.text, got, v.want)
		}
		s := open(t, m, key)
		if n := messages.Count(s); n != 0 {
			t.Errorf("%d messages are left", n)
		}
	}
}

func TestWritesDjangos(t *testing.T) {
	for _, v := range vectors {
		s := open(t, newManager(t), "")
		for _, message := range v.want {
			messages.Add(s, message)
		}
		if got := sessions.Get(s, "_messages", ""); got != v.text {
			t.Errorf("%s\nnot %s", got, v.text)
		}
	}
}

// Tags may be missing, as a Django 3.2 writes a message without any. What was written
// stays as it was.
func TestTagsThatAreNone(t *testing.T) {
	m := newManager(t)
	key := stored(t, m, `[["__json_message", 0, 20, "a"], ["__json_message",0,20,"b",null]]`)
	s := open(t, m, key)
	messages.Info(s, "c")
	want := `[["__json_message", 0, 20, "a"], ["__json_message",0,20,"b",null], ["__json_message", 0, 20, "c", ""]]`
	if got := sessions.Get(s, "_messages", ""); got != want {
		t.Errorf("%s\nnot %s", got, want)
	}
	got, err := messages.Peek(s)
	check(t, err)
	if fmt.Sprint(got) != "[a b c]" {
		t.Errorf("%v", got)
	}
}

func TestTags(t *testing.T) {
	for want, m := range map[string]messages.Message{
		"info":           {Level: messages.LevelInfo},
		"big bold error": {Level: messages.LevelError, ExtraTags: "big bold"},
		"own":            {Level: 7, ExtraTags: "own"},
		"":               {Level: 7},
	} {
		if got := m.Tags(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// What is no list of messages is an error, and stays.
func TestWhatIsNoMessages(t *testing.T) {
	for _, value := range []any{7, []int{1}, "text", `{"a": 1}`, `[1]`, `[["__json_message", 0]]`, `[["other", 0, 20, "a", ""]]`, `[["__json_message", 0, "x", "a", ""]]`} {
		m := newManager(t)
		key := stored(t, m, value)
		s := open(t, m, key)
		var wrong *sessions.TypeError
		if _, err := messages.Take(t.Context(), s); !errors.As(err, &wrong) {
			t.Errorf("%v: Take says %v", value, err)
		}
		if _, err := messages.Peek(s); !errors.As(err, &wrong) {
			t.Errorf("%v: Peek says %v", value, err)
		}
		messages.Info(s, "lost?")
		if err := s.Save(t.Context()); !errors.As(err, &wrong) {
			t.Errorf("%v: a save after Add says %v", value, err)
		}
		before, _ := json.Marshal(value)
		after, _, _ := sessions.Lookup[json.RawMessage](open(t, m, key), "_messages")
		if string(before) != string(after) {
			t.Errorf("%s became %s", before, after)
		}
	}
}

// Nothing is written for a page without messages, nor for one without a text.
func TestNothingToShow(t *testing.T) {
	m := newManager(t)
	for _, key := range []string{"", stored(t, m, ""), stored(t, m, nil), stored(t, m, "[]")} {
		s := open(t, m, key)
		messages.Info(s, "")
		got, err := messages.Take(t.Context(), s)
		if len(got) != 0 || err != nil || s.Modified() || s.Key() != key {
			t.Errorf("%v, %v, modified: %v", got, err, s.Modified())
		}
	}
}

// Requests in parallel add messages and show them: none is lost, none is shown
// twice.
func TestParallelRequests(t *testing.T) {
	m := newManager(t)
	s := open(t, m, "")
	s.Set("a", 1)
	check(t, s.Save(t.Context()))
	const adders, pages = 40, 40
	var (
		mu    sync.Mutex
		shown []string
		tasks sync.WaitGroup
	)
	show := func() {
		got, err := messages.Take(t.Context(), open(t, m, s.Key()))
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.Error(err)
		}
		for _, message := range got {
			shown = append(shown, message.Text)
		}
	}
	for i := range adders {
		tasks.Go(func() {
			s := open(t, m, s.Key())
			messages.Info(s, fmt.Sprintf("message %02d", i))
			if err := s.Save(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	for range pages {
		tasks.Go(show)
	}
	tasks.Wait()
	show()
	slices.Sort(shown)
	if len(shown) != adders || len(slices.Compact(shown)) != adders {
		t.Errorf("%d messages were added and %d shown", adders, len(shown))
	}
}

// A message that is added in the request that shows messages is among them.
func TestAddAndTake(t *testing.T) {
	s := open(t, newManager(t), "")
	messages.Debug(s, "1")
	messages.Warning(s, "2")
	messages.Error(s, "3")
	messages.Success(s, "4")
	got, err := messages.Take(t.Context(), s)
	check(t, err)
	if fmt.Sprint(got) != "[1 2 3 4]" || got[1].Tags() != "warning" {
		t.Errorf("%v", got)
	}
	messages.Info(s, "5")
	check(t, s.Save(t.Context()))
	if got, err = messages.Take(t.Context(), s); err != nil || fmt.Sprint(got) != "[5]" {
		t.Errorf("%v, %v", got, err)
	}
}
