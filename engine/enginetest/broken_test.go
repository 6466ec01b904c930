package enginetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// recorder is a tester that collects what the suite says.
type recorder struct {
	mu   sync.Mutex
	said []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// verdict is what the suite says of an engine.
func verdict(ctx context.Context, e sessions.Engine, cases []contractCase, noStore bool) []string {
	var said []string
	for _, c := range cases {
		r := &recorder{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			e := newEnv(r, ctx, 0, e)
			e.noStore = noStore
			e.settings.SaveTimeout = 300 * time.Millisecond // some would go on for ever
			c.run(e)
		}()
		<-done
		for _, text := range r.said {
			said = append(said, c.name+": "+text)
		}
	}
	return said
}

// defective is the memory engine with its store spoiled.
type defective struct {
	spoil func(*inner) sessions.Store
}

func (d defective) Open(st sessions.Settings) (sessions.Backend, error) {
	backend, err := engine.Memory().Open(st)
	if err == nil {
		backend.Store = d.spoil(&inner{backend.Store, backend.Store.(sessions.Clearer), st.Clock})
	}
	return backend, err
}

// inner is a correct store.
type inner struct {
	sessions.Store
	sessions.Clearer
	now func() time.Time
}

// List implements sessions.Lister.
func (s *inner) List(ctx context.Context, cursor string, limit int) ([]sessions.KeyedRecord, string, error) {
	return s.Store.(sessions.Lister).List(ctx, cursor, limit)
}

// TestCorrectStorePasses shows that the recorder itself finds nothing.
func TestCorrectStorePasses(t *testing.T) {
	if said := verdict(t.Context(), defective{func(s *inner) sessions.Store { return s }}, Options{}.cases(), false); len(said) > 0 {
		t.Errorf("the suite says of a correct store:\n%s", strings.Join(said, "\n"))
	}
}

// TestBrokenStoresAreRejected gives the suite stores with one defect each.
func TestBrokenStoresAreRejected(t *testing.T) {
	for _, broken := range []struct {
		name  string
		spoil func(*inner) sessions.Store
		rules []string // which the suite must name
		alone bool     // it is a data race by nature: nothing parallel for it
	}{
		{"a Replace that upserts", func(s *inner) sessions.Store { return upserting{s} }, []string{ruleNoCreation, ruleStaysDead, ruleLogout}, false},
		{"keys without case", func(s *inner) sessions.Store { return caseless{s} }, []string{ruleKeys}, false},
		{"keys cut to 31 characters", func(s *inner) sessions.Store { return cutting{s} }, []string{ruleKeys}, false},
		{"expiry forgotten", func(s *inner) sessions.Store { return undying{s} }, []string{ruleExpired, ruleDefault, ruleClears}, false},
		{"expiry in whole seconds", func(s *inner) sessions.Store { return rounding{s} }, []string{ruleLoad}, false},
		{"a Replace that compares nothing", func(s *inner) sessions.Store { return &losing{inner: s} }, []string{ruleConflict, ruleLinear, ruleOneWins, ruleMerge}, false},
		{"a Replace that compares data only", func(s *inner) sessions.Store { return dataOnly{s} }, []string{ruleExpiryIsOld}, false},
		{"a comparison and a write that are two steps", func(s *inner) sessions.Store { return racing{s} }, []string{ruleLinear, ruleOneWins}, false},
		{"a conflict without the current record", func(s *inner) sessions.Store { return silent{s} }, []string{ruleConflict}, false},
		{"a Create that overwrites", func(s *inner) sessions.Store { return overwriting{s} }, []string{ruleExists, ruleOneMakes}, false},
		{"a Create that sees the dead", func(s *inner) sessions.Store { return &haunted{inner: s, dead: map[string]bool{}} }, []string{ruleFree}, false},
		{"a Delete that complains", func(s *inner) sessions.Store { return complaining{s} }, []string{ruleDeleteNone}, false},
		{"a Delete that is silent about a rotation", func(s *inner) sessions.Store { return mute{s} }, []string{ruleDeleteRotated, ruleLogin}, false},
		{"a Delete that does nothing", func(s *inner) sessions.Store { return keeping{s} }, []string{ruleDelete, ruleLogout}, false},
		{"a buffer used again", func(s *inner) sessions.Store { return &reusing{inner: s} }, []string{ruleAliasing}, true},
		{"white space trimmed", func(s *inner) sessions.Store { return trimming{s} }, []string{ruleData}, false},
		{"a rotation without a trace", func(s *inner) sessions.Store { return traceless{s} }, []string{ruleTrace, ruleClearTrace}, false},
		{"a rotation that leaves the old key", func(s *inner) sessions.Store { return copying{s} }, []string{ruleRotate, ruleLogin, ruleOneMoves}, false},
		{"a rotation that compares nothing", func(s *inner) sessions.Store { return carefree{s} }, []string{ruleRotateOld, ruleLogin}, false},
		{"a list without what was made last", func(s *inner) sessions.Store { return shortList{s} }, []string{ruleList}, false},
		{"a list with the dead", func(s *inner) sessions.Store { return &deadList{inner: s, kept: map[string]sessions.Record{}} }, []string{ruleListDead}, false},
		{"a list that begins anew for ever", func(s *inner) sessions.Store { return endlessList{s} }, []string{ruleListEnds}, false},
		{"a clean-up without a limit", func(s *inner) sessions.Store { return limitless{s} }, []string{ruleClearLimit}, false},
		{"a clean-up that takes what expires now", func(s *inner) sessions.Store { return hasty{s} }, []string{ruleClearNow}, false},
		{"a failure that reads as absence", func(s *inner) sessions.Store { return blind{s} }, []string{ruleContext}, false},
		{"an ended context ignored", func(s *inner) sessions.Store { return deaf{s} }, []string{ruleContext}, false},
	} {
		t.Run(broken.name, func(t *testing.T) {
			run := Options{}.cases()
			if broken.alone {
				run = storeCases
			}
			said := verdict(t.Context(), defective{broken.spoil}, run, false)
			for _, rule := range broken.rules {
				if !strings.Contains(strings.Join(said, "\n"), rule) {
					t.Errorf("the suite does not complain of:\n%s\nbut says:\n%.2000s", rule, strings.Join(said, "\n"))
				}
			}
		})
	}
}

type ctx = context.Context

type rec = sessions.Record

type upserting struct{ *inner }

func (s upserting) Replace(c ctx, key string, old, new rec) (rec, error) {
	got, err := s.inner.Replace(c, key, old, new)
	if errors.Is(err, sessions.ErrNotFound) && !errors.Is(err, sessions.ErrRotated) {
		return s.Create(c, key, new)
	}
	return got, err
}

type caseless struct{ *inner }

func (s caseless) Load(c ctx, key string) (rec, error) { return s.inner.Load(c, strings.ToLower(key)) }

func (s caseless) Create(c ctx, key string, r rec) (rec, error) {
	return s.inner.Create(c, strings.ToLower(key), r)
}

func (s caseless) Replace(c ctx, key string, old, new rec) (rec, error) {
	return s.inner.Replace(c, strings.ToLower(key), old, new)
}

func (s caseless) Delete(c ctx, key string) error { return s.inner.Delete(c, strings.ToLower(key)) }

type cutting struct{ *inner }

func cut(key string) string { return key[:min(len(key), 31)] }

func (s cutting) Load(c ctx, key string) (rec, error) { return s.inner.Load(c, cut(key)) }
func (s cutting) Create(c ctx, key string, r rec) (rec, error) {
	return s.inner.Create(c, cut(key), r)
}

func (s cutting) Replace(c ctx, key string, old, new rec) (rec, error) {
	return s.inner.Replace(c, cut(key), old, new)
}

func (s cutting) Delete(c ctx, key string) error { return s.inner.Delete(c, cut(key)) }

type undying struct{ *inner }

func (s undying) Create(c ctx, key string, r rec) (rec, error) {
	r.Expires = r.Expires.AddDate(100, 0, 0)
	return s.inner.Create(c, key, r)
}

type rounding struct{ *inner }

func (s rounding) Load(c ctx, key string) (rec, error) {
	r, err := s.inner.Load(c, key)
	r.Expires = r.Expires.Truncate(time.Second)
	return r, err
}

type losing struct {
	*inner
	mu sync.Mutex
}

func (s *losing) Replace(c ctx, key string, _, new rec) (rec, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.Load(c, key)
	if err != nil {
		return current, err
	}
	return s.inner.Replace(c, key, current, new)
}

type dataOnly struct{ *inner }

func (s dataOnly) Replace(c ctx, key string, old, new rec) (rec, error) {
	got, err := s.inner.Replace(c, key, old, new)
	if errors.Is(err, sessions.ErrConflict) && got.Data == old.Data {
		return s.inner.Replace(c, key, got, new)
	}
	return got, err
}

type racing struct{ *inner }

func (s racing) Replace(c ctx, key string, old, new rec) (rec, error) {
	current, err := s.Load(c, key)
	if err == nil && (current.Data != old.Data || !current.Expires.Equal(old.Expires)) {
		return current, sessions.ErrConflict
	}
	if err != nil {
		return rec{}, err
	}
	time.Sleep(100 * time.Microsecond)
	for {
		got, err := s.inner.Replace(c, key, current, new)
		if !errors.Is(err, sessions.ErrConflict) {
			return got, err
		}
		current = got
	}
}

type silent struct{ *inner }

func (s silent) Replace(c ctx, key string, old, new rec) (rec, error) {
	got, err := s.inner.Replace(c, key, old, new)
	if errors.Is(err, sessions.ErrConflict) {
		return old, err
	}
	return got, err
}

type overwriting struct{ *inner }

func (s overwriting) Create(c ctx, key string, r rec) (rec, error) {
	got, err := s.inner.Create(c, key, r)
	if errors.Is(err, sessions.ErrExists) {
		_ = s.Delete(c, key)
		return s.inner.Create(c, key, r)
	}
	return got, err
}

type haunted struct {
	*inner
	mu   sync.Mutex
	dead map[string]bool
}

func (s *haunted) Create(c ctx, key string, r rec) (rec, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead[key] {
		return rec{}, sessions.ErrExists
	}
	s.dead[key] = true
	return s.inner.Create(c, key, r)
}

func (s *haunted) Delete(c ctx, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.dead, key)
	return s.inner.Delete(c, key)
}

type complaining struct{ *inner }

func (s complaining) Delete(c ctx, key string) error {
	if _, err := s.Load(c, key); err != nil {
		return err
	}
	return s.inner.Delete(c, key)
}

type mute struct{ *inner }

func (s mute) Delete(c ctx, key string) error {
	if err := s.inner.Delete(c, key); !errors.Is(err, sessions.ErrRotated) {
		return err
	}
	return nil
}

type keeping struct{ *inner }

func (s keeping) Delete(ctx, string) error { return nil }

// reusing returns strings over one buffer.
type reusing struct {
	*inner
	mu     sync.Mutex
	buffer [512 << 10]byte
}

func (s *reusing) Load(c ctx, key string) (rec, error) {
	r, err := s.inner.Load(c, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := copy(s.buffer[:], r.Data)
	r.Data = unsafe.String(&s.buffer[0], n)
	return r, err
}

func (s *reusing) Create(c ctx, key string, r rec) (rec, error) {
	got, err := s.inner.Create(c, key, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	copy(s.buffer[:], strings.Clone(r.Data))
	return got, err
}

type trimming struct{ *inner }

func (s trimming) Create(c ctx, key string, r rec) (rec, error) {
	r.Data = strings.TrimSpace(r.Data)
	return s.inner.Create(c, key, r)
}

type traceless struct{ *inner }

func (s traceless) Rotate(c ctx, key, newKey string, old, new rec) (rec, error) {
	got, err := s.inner.Rotate(c, key, newKey, old, new)
	return got, forget(err)
}

func (s traceless) Load(c ctx, key string) (rec, error) {
	got, err := s.inner.Load(c, key)
	return got, forget(err)
}

func (s traceless) Replace(c ctx, key string, old, new rec) (rec, error) {
	got, err := s.inner.Replace(c, key, old, new)
	return got, forget(err)
}

func forget(err error) error {
	if errors.Is(err, sessions.ErrRotated) {
		return sessions.ErrNotFound
	}
	return err
}

type copying struct{ *inner }

func (s copying) Rotate(c ctx, key, newKey string, old, new rec) (rec, error) {
	current, err := s.Load(c, key)
	if err == nil && current.Data != old.Data {
		return current, sessions.ErrConflict
	}
	if err != nil {
		return current, err
	}
	return s.Create(c, newKey, new)
}

type carefree struct{ *inner }

func (s carefree) Rotate(c ctx, key, newKey string, old, new rec) (rec, error) {
	got, err := s.inner.Rotate(c, key, newKey, old, new)
	if errors.Is(err, sessions.ErrConflict) {
		return s.inner.Rotate(c, key, newKey, got, new)
	}
	return got, err
}

type limitless struct{ *inner }

func (s limitless) ClearExpired(c ctx, _ int) (int, error) { return s.inner.ClearExpired(c, 1<<30) }

// hasty lets the clean-up see what is yet to expire.
type hasty struct{ *inner }

func (s hasty) Create(c ctx, key string, r rec) (rec, error) {
	got, err := s.inner.Create(c, key, rec{Data: r.Data, Expires: r.Expires.Add(-time.Microsecond)})
	got.Expires = r.Expires
	return got, err
}

type blind struct{ *inner }

func (s blind) Load(c ctx, key string) (rec, error) {
	if c.Err() != nil {
		return rec{}, sessions.ErrNotFound
	}
	return s.inner.Load(c, key)
}

type deaf struct{ *inner }

func (s deaf) Replace(c ctx, key string, old, new rec) (rec, error) {
	return s.inner.Replace(context.WithoutCancel(c), key, old, new)
}

type shortList struct{ *inner }

func (s shortList) List(ctx context.Context, cursor string, limit int) ([]sessions.KeyedRecord, string, error) {
	page, next, err := s.inner.List(ctx, cursor, limit)
	return page[:max(len(page)-1, 0)], next, err
}

type deadList struct {
	*inner
	mu   sync.Mutex
	kept map[string]sessions.Record
}

func (s *deadList) Create(ctx context.Context, key string, rec sessions.Record) (sessions.Record, error) {
	created, err := s.inner.Create(ctx, key, rec)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.kept[key] = created
	}
	return created, err
}

func (s *deadList) List(ctx context.Context, cursor string, limit int) ([]sessions.KeyedRecord, string, error) {
	page, next, err := s.inner.List(ctx, cursor, limit)
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, rec := range s.kept {
		if !rec.Expires.After(s.now()) {
			page = append(page, sessions.KeyedRecord{Key: key, Record: rec})
		}
	}
	return page, next, err
}

type endlessList struct{ *inner }

func (s endlessList) List(ctx context.Context, cursor string, limit int) ([]sessions.KeyedRecord, string, error) {
	page, _, err := s.inner.List(ctx, cursor, limit)
	return page, "0", err
}
