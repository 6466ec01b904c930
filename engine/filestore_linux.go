package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/keepsake-go/sessions"
)

// errOvertaken: a Django, which takes no lock, has put another file in place.
var errOvertaken = errors.New("engine: file: overtaken")

// lock opens the session's file and waits for the lock on it, which Close gives
// back. A file that was replaced while we waited is not the session any more:
// then it is tried again with the new one. So no lock files are needed.
func (s *fileStore) lock(ctx context.Context, key string) (*heldFile, sessions.Record, error) {
	if len(key) != fileKeyLength {
		return nil, sessions.Record{}, sessions.ErrNotFound
	}
	if err := ctx.Err(); err != nil {
		return nil, sessions.Record{}, err
	}
	release, err := s.turn(ctx, key)
	if err != nil {
		return nil, sessions.Record{}, err
	}
	f, rec, err := s.waitForLock(ctx, key)
	if err != nil {
		release()
		return nil, rec, err
	}
	return &heldFile{f, release}, rec, nil
}

func (s *fileStore) waitForLock(ctx context.Context, key string) (*os.File, sessions.Record, error) {
	for wait := 100 * time.Microsecond; ; {
		f, rec, err := s.tryLock(key)
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, errOvertaken) {
			return f, rec, err
		}
		if err := ctx.Err(); err != nil {
			return nil, sessions.Record{}, err
		}
		if errors.Is(err, unix.EWOULDBLOCK) { // there is no way to wait for a lock and for ctx at once
			time.Sleep(wait)
			wait = min(2*wait, 5*time.Millisecond)
		}
	}
}

func (s *fileStore) tryLock(key string) (_ *os.File, _ sessions.Record, err error) {
	f, err := s.openNoFollow(s.name(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sessions.Record{}, s.absent(key)
	}
	if err != nil {
		return nil, sessions.Record{}, failedFile("lock", err)
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EINTR) {
			err = unix.EWOULDBLOCK
		}
		return nil, sessions.Record{}, err
	}
	if err := s.inPlace(s.name(key), f); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, sessions.Record{}, s.absent(key)
		}
		return nil, sessions.Record{}, err
	}
	rec, err := s.read(f)
	if err != nil {
		return nil, sessions.Record{}, err
	}
	if !rec.Expires.After(s.now()) {
		return nil, sessions.Record{}, sessions.ErrNotFound
	}
	return f, rec, nil
}

// putNew gives a temporary file its name, only if that is free.
func (s *fileStore) putNew(temporary, name string) error {
	return s.renameat2(temporary, name, unix.RENAME_NOREPLACE)
}

// exchange puts temporary in the place of name, which must still be f. A rename
// would make a name again that a Django has unlinked: a session would come back
// from its logout. An exchange needs both names, and afterwards shows what it has
// displaced: if that is not f, it is a Django's, and goes back, until what comes
// out is what was put in last. Files stay open, lest their numbers are used again,
// and ours is locked until it is decided.
func (s *fileStore) exchange(temporary, name string, f *os.File) error {
	placed, err := s.openNoFollow(temporary)
	if err != nil {
		return err
	}
	defer placed.Close()
	if err := unix.Flock(int(placed.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	for expected := f; ; {
		if err := s.renameat2(temporary, name, unix.RENAME_EXCHANGE); err != nil {
			return err
		}
		displaced, err := s.openNoFollow(temporary)
		if err != nil {
			return err
		}
		defer displaced.Close() // more than two rounds are rare
		switch same, err := sameFile(displaced, expected); {
		case err != nil:
			return err
		case same && expected == f:
			return nil
		case same:
			return errOvertaken
		}
		expected, placed = placed, displaced
	}
}

func sameFile(a, b *os.File) (bool, error) {
	first, err := a.Stat()
	if err != nil {
		return false, err
	}
	second, err := b.Stat()
	return err == nil && os.SameFile(first, second), err
}

// openNoFollow opens no symbolic link, and waits for nobody at a FIFO.
func (s *fileStore) openNoFollow(name string) (*os.File, error) {
	fd, err := unix.Openat(int(s.handle.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("%w: not a regular file", sessions.ErrCorrupt)
	case err != nil:
		return nil, &os.LinkError{Op: "open", Err: err} // without the name: it holds the key
	}
	return os.NewFile(uintptr(fd), "session file"), nil
}

// lockFolder keeps a Delete that finds nothing from overlooking what takeAway is
// about to bring back.
func (s *fileStore) lockFolder(how int) (*os.File, error) {
	d, err := s.root.Open(".") // of its own: a lock belongs to an open file
	if err != nil {
		return nil, err
	}
	for {
		switch err := unix.Flock(int(d.Fd()), how); {
		case err == nil:
			return d, nil
		case !errors.Is(err, unix.EINTR):
			d.Close()
			return nil, err
		}
	}
}

// removeAgain is for a Delete that found no such name.
func (s *fileStore) removeAgain(name string) error {
	d, err := s.lockFolder(unix.LOCK_SH)
	if err != nil {
		return err
	}
	defer d.Close()
	return s.root.Remove(name)
}

// lockNow locks f if nobody has.
func lockNow(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// takeAway removes name, which must still be f.
func (s *fileStore) takeAway(name string, f *os.File) error {
	d, err := s.lockFolder(unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer d.Close()
	aside := temporaryName()
	if err := s.renameat2(name, aside, unix.RENAME_NOREPLACE); err != nil {
		return err
	}
	if err := s.inPlace(aside, f); err != nil {
		if errors.Is(err, errOvertaken) {
			if back := s.renameat2(aside, name, unix.RENAME_NOREPLACE); back != nil && !errors.Is(back, fs.ErrExist) {
				return back
			}
		}
		_ = s.root.Remove(aside)
		return err
	}
	return s.root.Remove(aside)
}

func (s *fileStore) renameat2(from, to string, flags uint) error {
	dir := int(s.handle.Fd())
	if err := unix.Renameat2(dir, from, dir, to, flags); err != nil {
		return &os.LinkError{Op: "renameat2", Err: err} // without the names: they hold the key
	}
	return nil
}

// touch sets a file's modification time, to the microsecond.
func touch(f *os.File, modified time.Time) error {
	t := unix.NsecToTimeval(modified.UnixNano())
	return unix.Futimes(int(f.Fd()), []unix.Timeval{t, t})
}
