package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/keepsake-go/sessions"
)

// storeWriter writes records through a store, without what a Manager does around it:
// each visitor's handler replaces its own last record.
func storeWriter(s spec) (*subject, error) {
	e, closed, err := keepsakeEngine(s)
	if err != nil {
		return nil, err
	}
	b, err := e.Open(settings())
	if err != nil {
		return nil, err
	}
	data, err := encoded("sql")
	if err != nil {
		return nil, err
	}
	var last sync.Map // records by key
	record := func(n int64) sessions.Record {
		return sessions.Record{Data: data + fmt.Sprint(n), Expires: time.Now().Add(lives).Truncate(time.Microsecond)}
	}
	write := func(ctx context.Context, key string) error {
		old, _ := last.Load(key)
		now, err := b.Store.Replace(ctx, key, old.(sessions.Record), record(time.Now().UnixNano()))
		last.Store(key, now)
		return err
	}
	create := func(ctx context.Context, key string) error {
		now, err := b.Store.Create(ctx, key, record(0))
		last.Store(key, now)
		return err
	}
	sub := limitSubject(closed, write, write, create)
	delete(sub.ops, opRead)
	return sub, nil
}
