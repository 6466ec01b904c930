package sessions_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
)

// rowEngine is a store that has one row, with whatever in it.
type rowEngine struct{ row *string }

type rowStore struct {
	sessions.Store // nil: nothing else is to be called
	row            *string
}

func (e rowEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	c, err := codec.NewSigned(st, codec.SignedOptions{ReadSHA1: true})
	return sessions.Backend{Name: "row", Store: rowStore{row: e.row}, Codec: c}, err
}

func (s rowStore) Load(context.Context, string) (sessions.Record, error) {
	return sessions.Record{Data: *s.row, Expires: siteNow.Add(twoWeeks)}, nil
}

// FuzzStoredRow finds any text in the row that a cookie names. Loading it never
// fails or panics: it is a session of ours, or an empty one that stores nothing.
func FuzzStoredRow(f *testing.F) {
	row := new(string)
	log := &logBook{}
	clock := &testClock{now: siteNow}
	st := sessions.DefaultSettings()
	st.SecretKey, st.Logger, st.Clock = siteSecret, log.logger(), clock.Now
	m, err := sessions.New(st, rowEngine{row})
	if err != nil {
		f.Fatal(err)
	}
	for _, object := range []string{`{}`, `{"a":1}`, `{"_session_expiry":"2026-03-01T13:00:00+00:00"}`, `{"_session_expiry":1e999}`} {
		var values sessions.Values
		values.Set(sessions.Member{Name: "v", JSON: object})
		data, err := m.Encode(values)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)-1])
		f.Add(strings.Replace(data, ":", "::", 1))
	}
	handler := m.Handler(sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		for name, raw := range s.Items() {
			_ = sessions.Get[any](s, name, nil)
			_ = len(raw)
		}
		s.ExpiryAge()
		s.ExpiryDate()
	}))
	f.Fuzz(func(t *testing.T, data string) {
		*row = data
		log.Reset()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "sessionid="+fuzzKey)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r) // a write would panic: the store has none
		if w.Code != http.StatusOK {
			t.Errorf("status %d", w.Code)
		}

		s := m.Open(fuzzKey)
		if err := s.Load(t.Context()); err != nil {
			t.Fatalf("Load: %v", err)
		}
		values, err := m.Decode(data)
		switch {
		case err == nil && (s.Key() != fuzzKey || s.Len() != values.Len()):
			t.Errorf("%d of %d values were loaded", s.Len(), values.Len())
		case err != nil && (s.Key() != "" || s.Len() != 0):
			t.Errorf("%d values came out of a corrupt row", s.Len())
		case err != nil && log.count("Session data corrupted") != 2:
			t.Errorf("the log says %s", log)
		}
		if err != nil && (strings.Contains(log.String(), fuzzKey) || len(data) > 20 && strings.Contains(log.String(), data)) {
			t.Errorf("the log tells the key or the row: %s", log)
		}
	})
}

// TestStoredRowCorpus: the inputs that are committed are there.
func TestStoredRowCorpus(t *testing.T) {
	files, err := os.ReadDir("testdata/fuzz/FuzzStoredRow")
	if err != nil || len(files) < 5 {
		t.Errorf("the corpus of FuzzStoredRow has %d files, %v", len(files), err)
	}
}
