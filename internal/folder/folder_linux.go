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

// Exchange puts temporary in the place of name, which must still be f, and leaves
// nothing under temporary. A rename would make a name again that a Django has
// unlinked: a session would come back from its logout. An exchange needs both
// names, and afterwards shows what it has displaced: if that is not f, it is a
// Django's, and goes back, until what comes out is what was put in last. Files stay
// open, lest their numbers are used again, and ours is locked until it is decided.
//
// After ErrUnsure what is under temporary stays there, as litter: it may be what a
// Django has written.
func (d *Folder) Exchange(temporary, name string, f *os.File) error {
	err := d.exchange(temporary, name, f)
	if !errors.Is(err, ErrUnsure) {
		_ = d.remove(temporary) // or it is litter
	}
	return err
}

func (d *Folder) exchange(temporary, name string, f *os.File) error {
	placed, err := d.open(temporary)
	if err != nil {
		return err
	}
	defer placed.Close()
	if err := lockNow(placed); err != nil {
		return err
	}
	expected, err := f.Stat()
	if err != nil {
		return err
	}
	last, err := placed.Stat()
	if err != nil {
		return err
	}
	for round := 0; ; round++ {
		switch err := d.renameat2(temporary, name, unix.RENAME_EXCHANGE); {
		case err != nil && (round == 0 || errors.Is(err, unix.ENOENT)): // nothing done, or ended meanwhile
			return err
		case err != nil:
			return fmt.Errorf("%w: %w", ErrUnsure, err)
		}
		displaced, err := d.stat(temporary)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", ErrUnsure, err)
		case os.SameFile(displaced, expected) && round == 0:
			return nil
		case os.SameFile(displaced, expected):
			return ErrOvertaken
		}
		if open, err := d.open(temporary); err == nil { // without a free descriptor it goes back all the same
			defer open.Close() // more than two rounds are rare
		}
		expected, last = last, displaced
	}
}

func (d *Folder) open(name string) (*os.File, error) {
	err := d.fault("open")
	fd := -1
	if err == nil {
		fd, err = unix.Openat(int(d.handle.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	}
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, errNotRegular
	case err != nil:
		return nil, &os.LinkError{Op: "open", Err: err} // without the name: it holds the key
	}
	return os.NewFile(uintptr(fd), "file"), nil
}

// lockFolder is held while TakeAway decides, and shared by who must not take a
// name for free that TakeAway is about to bring back.
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

// settled calls f while no TakeAway is under way, here or in another process.
func (d *Folder) settled(f func() error) error {
	lock, err := d.lockFolder(unix.LOCK_SH)
	if err != nil {
		return err
	}
	defer lock.Close()
	return f()
}

// lockNow locks f if nobody has.
func lockNow(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// TakeAway removes name, which must still be f; with last, so that it survives a
// power cut. After an error, other than ErrUnsure, name is what it was. A Django
// that writes the name between two of the steps, and then reads it, finds nothing
// for some microseconds.
func (d *Folder) TakeAway(name string, f *os.File, last bool) error {
	lock, err := d.lockFolder(unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := d.inPlace(name, f); err != nil {
		return err // the name is left alone
	}
	aside := temporaryName()
	if err := d.renameat2(name, aside, unix.RENAME_NOREPLACE); err != nil {
		return err
	}
	err = d.inPlace(aside, f)
	if err == nil && last {
		err = d.Sync()
	}
	if err != nil {
		switch back := d.renameat2(aside, name, unix.RENAME_NOREPLACE); {
		case errors.Is(back, fs.ErrExist): // a Django has written it again: that counts
			err = ErrOvertaken
		case back != nil:
			return fmt.Errorf("%w: %w", ErrUnsure, errors.Join(err, back))
		default:
			return err
		}
	}
	_ = d.remove(aside) // or it is litter
	return err
}

func (d *Folder) renameat2(from, to string, flags uint) error {
	if err := d.fault("rename"); err != nil {
		return err
	}
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
