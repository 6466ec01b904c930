package engine_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/engine"
)

// A request that comes to Django with a key that was just rotated finds no session
// in the cache, whether its cache unpickles or reads JSON; here it is refused.
func TestCacheTraceIsReadable(t *testing.T) {
	for name, test := range map[string]struct {
		maker codec.Maker
		isNil func(value string) bool // as Django's cache reads it
	}{
		"pickle": {codec.PickleOptions{}, func(value string) bool { return value[:2] == "N." }},
		"JSON": {codec.JSONOptions{Spaces: true}, func(value string) bool {
			var v any = "something"
			return json.Unmarshal([]byte(value), &v) == nil && v == nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := cache.NewLocal(cache.LocalOptions{})
			st := sessions.DefaultSettings()
			st.SecretKey = "the secret key of this test, which is long enough for Django"
			m, err := sessions.New(st, engine.CacheEngine{Cache: c, Codec: test.maker})
			if err != nil {
				t.Fatal(err)
			}
			s := m.Open("")
			s.Set("cat", "dog")
			if err := s.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
			old := s.Key()
			late := m.Open(old)
			if err := late.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.CycleKey(t.Context()); err != nil {
				t.Fatal(err)
			}
			item, err := c.Get(t.Context(), cache.Keys{}.Make("django.contrib.sessions.cache"+old))
			if err != nil || !test.isNil(item.Value) {
				t.Errorf("under the old key is %q, %v", item.Value, err)
			}
			late.Set("late", 1)
			if err := late.Save(t.Context()); !errors.Is(err, sessions.ErrInterrupted) || !errors.Is(err, sessions.ErrRotated) {
				t.Errorf("a late save: %v, want ErrInterrupted for ErrRotated", err)
			}
		})
	}
}
