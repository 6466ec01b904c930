//go:build !linux

package folder

import (
	"context"
	"os"
	"time"
)

func (d *Folder) waitForLock(_ context.Context, name string) (*os.File, error) { return d.Open(name) }

// PutNew gives a temporary file its name, only if that is free.
func (d *Folder) PutNew(temporary, name string) error { return d.Root.Link(temporary, name) }

// Exchange puts temporary in the place of name, which must still be f.
func (d *Folder) Exchange(temporary, name string, f *os.File) error {
	if err := d.inPlace(name, f); err != nil {
		return err
	}
	return d.Root.Rename(temporary, name)
}

// TakeAway removes name, which must still be f.
func (d *Folder) TakeAway(name string, f *os.File) error {
	if err := d.inPlace(name, f); err != nil {
		return err
	}
	return d.Root.Remove(name)
}

// Touch sets a file's modification time.
func Touch(f *os.File, modified time.Time) error { return os.Chtimes(f.Name(), modified, modified) }

// Open opens no symbolic link.
func (d *Folder) Open(name string) (*os.File, error) {
	info, err := d.Root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	return d.Root.Open(name)
}

func (d *Folder) removeAgain(name string) error { return d.Root.Remove(name) }

func lockNow(*os.File) error { return nil }
