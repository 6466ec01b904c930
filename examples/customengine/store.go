package main

import (
	"context"
	"fmt"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/redis/rueidis"
)

// Engine keeps sessions in Redis under "session:" and their key, as plain JSON
// that every program can read.
type Engine struct{ Client rueidis.Client }

// Open implements sessions.Engine.
func (e Engine) Open(st sessions.Settings) (sessions.Backend, error) {
	s := &store{e.Client, st.Clock}
	if s.now == nil {
		s.now = time.Now
	}
	return sessions.Backend{Name: "redis_json", Store: s, Codec: plainJSON{}}, nil
}

// store implements sessions.Store: five methods that keep records. What sessions
// mean is decided above it.
type store struct {
	client rueidis.Client
	now    func() time.Time
}

// rotated stands for a while under a key that a login has replaced.
const rotated = "rotated"

// create stores a value under a free key; one that has ended already is nothing.
var create = rueidis.NewLuaScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if tonumber(ARGV[2]) > 0 then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1`)

// change puts a value in place of the one that was read, and only of that. With
// a second key it moves it there. It returns 1, or what it has found instead.
var change = rueidis.NewLuaScript(`
local found = redis.call('GET', KEYS[1])
if found ~= ARGV[1] then return found end
if KEYS[2] then
  if redis.call('EXISTS', KEYS[2]) == 1 then return 2 end
  redis.call('SET', KEYS[1], 'rotated', 'PX', ARGV[4])
end
local key = KEYS[2] or KEYS[1]
if tonumber(ARGV[3]) > 0 then redis.call('SET', key, ARGV[2], 'PX', ARGV[3])
else redis.call('DEL', key) end
return 1`)

// remove deletes a session, but not the trace of a rotation.
var remove = rueidis.NewLuaScript(`
if redis.call('GET', KEYS[1]) == 'rotated' then return 2 end
return redis.call('DEL', KEYS[1])`)

func name(key string) string { return "session:" + key }

// milliseconds is how long a record has left, rounded up.
func (s *store) milliseconds(rec sessions.Record) string {
	return fmt.Sprint((rec.Expires.Sub(s.now()) + time.Millisecond - 1).Milliseconds())
}

// found is what a value means. It does not say when the session ends: Redis does
// that.
func found(value string) (sessions.Record, error) {
	if value == rotated {
		return sessions.Record{}, sessions.ErrRotated
	}
	return sessions.Record{Data: value}, nil
}

// failed is what an error of a write means: refused by the server, it was not
// done; without an answer nobody knows.
func failed(err error) error {
	if _, refused := rueidis.IsRedisErr(err); err == nil || refused {
		return err
	}
	return fmt.Errorf("%w: %w", sessions.ErrUnknownOutcome, err)
}

func (s *store) Load(ctx context.Context, key string) (sessions.Record, error) {
	value, err := s.client.Do(ctx, s.client.B().Get().Key(name(key)).Build()).ToString()
	if rueidis.IsRedisNil(err) {
		return sessions.Record{}, sessions.ErrNotFound
	}
	if err != nil {
		return sessions.Record{}, err // could not look: never ErrNotFound
	}
	return found(value)
}

func (s *store) Create(ctx context.Context, key string, rec sessions.Record) (sessions.Record, error) {
	done, err := create.Exec(ctx, s.client, []string{name(key)}, []string{rec.Data, s.milliseconds(rec)}).ToInt64()
	if err == nil && done == 0 {
		return sessions.Record{}, sessions.ErrExists
	}
	return rec, failed(err)
}

func (s *store) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	return s.change(ctx, []string{name(key)}, old, new)
}

func (s *store) Rotate(ctx context.Context, key, newKey string, old, new sessions.Record) (sessions.Record, error) {
	return s.change(ctx, []string{name(key), name(newKey)}, old, new)
}

func (s *store) change(ctx context.Context, names []string, old, new sessions.Record) (sessions.Record, error) {
	answer := change.Exec(ctx, s.client, names, []string{
		old.Data, new.Data, s.milliseconds(new), fmt.Sprint(sessions.RotationTrace.Milliseconds()),
	})
	if rueidis.IsRedisNil(answer.Error()) {
		return sessions.Record{}, sessions.ErrNotFound
	}
	if err := answer.Error(); err != nil {
		return sessions.Record{}, failed(err)
	}
	switch done, err := answer.ToInt64(); {
	case err == nil && done == 1:
		return new, nil
	case err == nil:
		return sessions.Record{}, sessions.ErrExists
	}
	value, err := answer.ToString()
	if err != nil {
		return sessions.Record{}, err
	}
	current, err := found(value)
	if err == nil {
		err = sessions.ErrConflict
	}
	return current, err
}

func (s *store) Delete(ctx context.Context, key string) error {
	done, err := remove.Exec(ctx, s.client, []string{name(key)}, nil).ToInt64()
	if err == nil && done == 2 {
		return sessions.ErrRotated
	}
	return failed(err)
}

// ClearExpired implements sessions.Clearer: Redis drops by itself what has ended.
func (s *store) ClearExpired(ctx context.Context, _ int) (int, error) { return 0, ctx.Err() }
