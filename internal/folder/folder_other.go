//go:build !linux

package folder

import (
	"context"
	"fmt"
	"os"
	"time"
)

func (d *Folder) waitForLock(_ context.Context, name string) (*os.File, error) { return d.Open(name) }

// PutNew gives a temporary file its name, only if that is free.
func (d *Folder) PutNew(temporary, name string) error { return d.Root.Link(temporary, name) }

// Exchange puts temporary in the place of name, which must still be f.
func (d *Folder) Exchange(temporary, name string, f *os.File) error {
	err := d.inPlace(name, f)
	if err == nil {
		err = d.Root.Rename(temporary, name)
	}
	if err != nil {
		_ = d.remove(temporary)
	}
	return err
}

// TakeAway removes name, which must still be f.
func (d *Folder) TakeAway(name string, f *os.File, last bool) error {
	err := d.inPlace(name, f)
	if err == nil {
		err = d.remove(name)
	}
	if err == nil && last {
		if err = d.Sync(); err != nil {
			err = fmt.Errorf("%w: %w", ErrUnsure, err)
		}
	}
	return err
}

// Touch sets a file's modification time.
func Touch(f *os.File, modified time.Time) error { return os.Chtimes(f.Name(), modified, modified) }

func (d *Folder) open(name string) (*os.File, error) {
	info, err := d.Root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	return d.Root.Open(name)
}

func (d *Folder) settled(f func() error) error { return f() }

func lockNow(*os.File) error { return nil }
