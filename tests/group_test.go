package tests

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// storeOn opens the database engine's store on a fresh table.
// openPostgres opens the shared server with room for many writers.
func openPostgres(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", testserver.SharedPostgres(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(50)
	return db
}

func storeOn(t *testing.T, db *sql.DB) sessions.Store {
	t.Helper()
	b, err := engine.Database(db).Open(settings())
	if err != nil {
		t.Fatal(err)
	}
	m, err := sessions.New(settings(), engine.Database(db))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b.Store
}

func groupKey(i int) string { return fmt.Sprintf("group%027d", i) }

func record(data string) sessions.Record {
	return sessions.Record{Data: data, Expires: time.Now().Add(time.Hour).Truncate(time.Microsecond)}
}

// created makes n records.
func created(t *testing.T, s sessions.Store, n int) []sessions.Record {
	t.Helper()
	recs := make([]sessions.Record, n)
	for i := range recs {
		var err error
		if recs[i], err = s.Create(t.Context(), groupKey(i), record(fmt.Sprint("first", i))); err != nil {
			t.Fatal(err)
		}
	}
	return recs
}

// TestGroupedWrites: writers that come while others write get one commit, and each
// its own outcome: what is stored, a conflict, a taken key, a session that is gone.
func TestGroupedWrites(t *testing.T) {
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sessions.db")
			other := openFile(t, d.name, d.options, path)
			s := storeOn(t, openFile(t, d.name, d.options, path))
			groupedWrites(t, s, func(t *testing.T, begin func()) {
				// Another process's write lets the first of ours wait, and the rest
				// behind it.
				conn, err := other.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
					t.Fatal(err)
				}
				begin()
				time.Sleep(100 * time.Millisecond)
				if _, err := conn.ExecContext(t.Context(), "COMMIT"); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
	t.Run("postgres", func(t *testing.T) {
		groupedWrites(t, storeOn(t, openPostgres(t)), func(_ *testing.T, begin func()) { begin() })
	})
}

func groupedWrites(t *testing.T, s sessions.Store, crowd func(t *testing.T, begin func())) {
	const n = 300
	recs := created(t, s, n)
	stale := record("never stored")
	awkward := "\"quotes\", \\ and {braces}, ,NULL"
	var wg sync.WaitGroup
	errs := make([]error, n)
	crowd(t, func() {
		for i := range n {
			wg.Go(func() {
				next := record(fmt.Sprint(awkward, i))
				switch i % 4 {
				case 0, 1:
					_, errs[i] = s.Replace(t.Context(), groupKey(i), recs[i], next)
				case 2:
					_, errs[i] = s.Replace(t.Context(), groupKey(i), stale, next)
				case 3:
					if i%8 == 3 {
						_, errs[i] = s.Create(t.Context(), groupKey(i), next)
					} else {
						_, errs[i] = s.Replace(t.Context(), groupKey(i+n), recs[i], next)
					}
				}
			})
		}
	})
	wg.Wait()
	for i, err := range errs {
		want, data := error(nil), fmt.Sprint(awkward, i)
		switch {
		case i%4 == 2:
			want = sessions.ErrConflict
		case i%8 == 3:
			want = sessions.ErrExists
		case i%8 == 7:
			want = sessions.ErrNotFound
		}
		if want != nil {
			data = recs[i].Data
		}
		if !errors.Is(err, want) {
			t.Errorf("writer %d: %v, not %v", i, err, want)
		}
		if rec, err := s.Load(t.Context(), groupKey(i)); err != nil || rec.Data != data {
			t.Errorf("writer %d: %q is stored, %v; not %q", i, rec.Data, err, data)
		}
	}
}

// TestGroupedCreates: new sessions that come at the same time are all there, under
// keys that were free or whose sessions have expired; a key that is taken is told to
// its caller alone.
func TestGroupedCreates(t *testing.T) {
	db := openPostgres(t)
	s := storeOn(t, db)
	const n = 300
	key := func(i int) string { return fmt.Sprintf("create%026d", i) }
	for i := range n {
		old := record(fmt.Sprint("first", i))
		switch i % 3 {
		case 0:
			continue
		case 1:
			old.Expires = time.Now().Add(-time.Hour).Truncate(time.Microsecond)
		}
		if _, err := s.Create(t.Context(), key(i), old); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { _, errs[i] = s.Create(t.Context(), key(i), record(fmt.Sprint(`"new" \`, i))) })
	}
	wg.Wait()
	for i, err := range errs {
		want, data := error(nil), fmt.Sprint(`"new" \`, i)
		if i%3 == 2 {
			want, data = sessions.ErrExists, fmt.Sprint("first", i)
		}
		if !errors.Is(err, want) {
			t.Errorf("creator %d: %v, not %v", i, err, want)
		}
		if rec, err := s.Load(t.Context(), key(i)); err != nil || rec.Data != data {
			t.Errorf("creator %d: %q is stored, %v; not %q", i, rec.Data, err, data)
		}
	}
}

// TestGroupedWritesWaitForNobody: while somebody holds the rows of some sessions,
// the writers of all others go on.
func TestGroupedWritesWaitForNobody(t *testing.T) {
	db := openPostgres(t)
	s := storeOn(t, db)
	const n, held = 120, 20
	recs := created(t, s, n)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range held {
		if _, err := tx.Exec("SELECT 1 FROM django_session WHERE session_key = $1 FOR UPDATE", groupKey(i)); err != nil {
			t.Fatal(err)
		}
	}
	var waiting, others sync.WaitGroup
	write := func(i int) {
		if _, err := s.Replace(t.Context(), groupKey(i), recs[i], record("second")); err != nil {
			t.Errorf("writer %d: %v", i, err)
		}
	}
	for i := range held {
		waiting.Go(func() { write(i) })
	}
	time.Sleep(300 * time.Millisecond) // they have every turn now
	for i := held; i < n; i++ {
		others.Go(func() { write(i) })
	}
	done := make(chan struct{})
	go func() { others.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Error("the writers of sessions that nobody holds wait for those that somebody does")
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
	waiting.Wait()
	<-done
}

// TestGroupedWriteGivenUp: a writer whose time ends while it waits for its turn has
// written nothing, and says so; the others go on.
func TestGroupedWriteGivenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sessions.db")
	other := openFile(t, drivers[0].name, drivers[0].options, path)
	s := storeOn(t, openFile(t, drivers[0].name, drivers[0].options, path))
	recs := created(t, s, 2)
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := s.Replace(t.Context(), groupKey(0), recs[0], record("second")); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(50 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = s.Replace(ctx, groupKey(1), recs[1], record("second"))
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sessions.ErrUnknownOutcome) {
		t.Errorf("given up while it waited: %v", err)
	}
	if _, err := conn.ExecContext(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	first.Wait()
	if rec, err := s.Load(t.Context(), groupKey(1)); err != nil || rec.Data != recs[1].Data {
		t.Errorf("%q is stored, %v", rec.Data, err)
	}
}
