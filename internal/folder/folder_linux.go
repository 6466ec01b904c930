package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// waitForLock opens the file and waits for the lock on it. A file that was
// replaced while we waited is not the one any more: then it is tried again with
// the new one. So no lock files are needed.
func (d *Folder) waitForLock(ctx context.Context, name string) (*os.File, error) {
	for wait := 100 * time.Microsecond; ; {
		f, err := d.tryLock(name)
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, ErrOvertaken) {
			return f, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if errors.Is(err, unix.EWOULDBLOCK) { // there is no way to wait for a lock and for ctx at once
			time.Sleep(wait)
			wait = min(2*wait, 5*time.Millisecond)
		}
	}
}

func (d *Folder) tryLock(name string) (*os.File, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	err = lockNow(f)
	if errors.Is(err, unix.EINTR) {
		err = unix.EWOULDBLOCK
	}
	if err == nil {
		err = d.inPlace(name, f)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// PutNew gives a temporary file its name, only if that is free.
func (d *Folder) PutNew(temporary, name string) error {
	return d.renameat2(temporary, name, unix.RENAME_NOREPLACE)
}

// Exchange puts temporary in the place of name, which must still be f. A rename
// would make a name again that a Django has unlinked: a session would come back
// from its logout. An exchange needs both names, and afterwards shows what it has
// displaced: if that is not f, it is a Django's, and goes back, until what comes
// out is what was put in last. Files stay open, lest their numbers are used again,
// and ours is locked until it is decided.
func (d *Folder) Exchange(temporary, name string, f *os.File) error {
	placed, err := d.Open(temporary)
	if err != nil {
		return err
	}
	defer placed.Close()
	if err := lockNow(placed); err != nil {
		return err
	}
	for expected := f; ; {
		err := d.renameat2(temporary, name, unix.RENAME_EXCHANGE)
		switch {
		case err != nil && (expected == f || errors.Is(err, unix.ENOENT)): // nothing done, or ended meanwhile
			return err
		case err != nil:
			return fmt.Errorf("%w: %w", ErrUnsure, err)
		}
		displaced, err := d.Open(temporary)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnsure, err)
		}
		defer displaced.Close() // more than two rounds are rare
		switch same, err := sameFile(displaced, expected); {
		case err != nil:
			return fmt.Errorf("%w: %w", ErrUnsure, err)
		case same && expected == f:
			return nil
		case same:
			return ErrOvertaken
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

// Open opens no symbolic link, and waits for nobody at a FIFO.
func (d *Folder) Open(name string) (*os.File, error) {
	fd, err := unix.Openat(int(d.handle.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, ErrNotRegular
	case err != nil:
		return nil, &os.LinkError{Op: "open", Err: err} // without the name: it holds the key
	}
	return os.NewFile(uintptr(fd), "file"), nil
}

// lockFolder keeps a Remove that finds nothing from overlooking what TakeAway is
// about to bring back.
func (d *Folder) lockFolder(how int) (*os.File, error) {
	lock, err := d.Root.Open(".") // of its own: a lock belongs to an open file
	if err != nil {
		return nil, err
	}
	for {
		switch err := unix.Flock(int(lock.Fd()), how); {
		case err == nil:
			return lock, nil
		case !errors.Is(err, unix.EINTR):
			lock.Close()
			return nil, err
		}
	}
}

// removeAgain is for a Remove that found no such name.
func (d *Folder) removeAgain(name string) error {
	lock, err := d.lockFolder(unix.LOCK_SH)
	if err != nil {
		return err
	}
	defer lock.Close()
	return d.Root.Remove(name)
}

// lockNow locks f if nobody has.
func lockNow(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// TakeAway removes name, which must still be f.
func (d *Folder) TakeAway(name string, f *os.File) error {
	lock, err := d.lockFolder(unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer lock.Close()
	aside := temporaryName()
	if err := d.renameat2(name, aside, unix.RENAME_NOREPLACE); err != nil {
		return err
	}
	if err := d.inPlace(aside, f); err != nil {
		if errors.Is(err, ErrOvertaken) {
			if back := d.renameat2(aside, name, unix.RENAME_NOREPLACE); back != nil && !errors.Is(back, fs.ErrExist) {
				return back
			}
		}
		_ = d.Root.Remove(aside)
		return err
	}
	return d.Root.Remove(aside)
}

func (d *Folder) renameat2(from, to string, flags uint) error {
	dir := int(d.handle.Fd())
	if err := unix.Renameat2(dir, from, dir, to, flags); err != nil {
		return &os.LinkError{Op: "renameat2", Err: err} // without the names: they hold the key
	}
	return nil
}

// Touch sets a file's modification time, to the microsecond.
func Touch(f *os.File, modified time.Time) error {
	t := unix.NsecToTimeval(modified.UnixNano())
	return unix.Futimes(int(f.Fd()), []unix.Timeval{t, t})
}
