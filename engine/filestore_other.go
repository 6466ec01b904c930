//go:build !linux

package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/keepsake-go/sessions"
)

// Outside Linux there is no exchange of two names, and this implementation takes
// turns within one process only: don't share the folder with other writers
// there, a Django included.

var errOvertaken = errors.New("engine: file: overtaken")

func (s *fileStore) lock(ctx context.Context, key string) (_ *heldFile, _ sessions.Record, err error) {
	if err := ctx.Err(); err != nil {
		return nil, sessions.Record{}, err
	}
	if len(key) != fileKeyLength {
		return nil, sessions.Record{}, sessions.ErrNotFound
	}
	release, err := s.turn(ctx, key)
	if err != nil {
		return nil, sessions.Record{}, err
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	f, err := s.root.Open(s.name(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sessions.Record{}, s.absent(key)
	}
	if err != nil {
		return nil, sessions.Record{}, failedFile("lock", err)
	}
	rec, err := s.read(f)
	if err == nil && !rec.Expires.After(s.now()) {
		err = sessions.ErrNotFound
	}
	if err != nil {
		f.Close()
		return nil, sessions.Record{}, err
	}
	return &heldFile{f, release}, rec, nil
}

func (s *fileStore) putNew(temporary, name string) error { return s.root.Link(temporary, name) }

func (s *fileStore) exchange(temporary, name string, f *os.File) error {
	if err := s.inPlace(name, f); err != nil {
		return err
	}
	return s.root.Rename(temporary, name)
}

func (s *fileStore) takeAway(name string, f *os.File) error {
	if err := s.inPlace(name, f); err != nil {
		return err
	}
	return s.root.Remove(name)
}

func touch(f *os.File, modified time.Time) error { return os.Chtimes(f.Name(), modified, modified) }

func (s *fileStore) openNoFollow(name string) (*os.File, error) {
	info, err := s.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", sessions.ErrCorrupt)
	}
	return s.root.Open(name)
}

func (s *fileStore) removeAgain(name string) error { return s.root.Remove(name) }

func lockNow(*os.File) error { return nil }
