package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"

	"github.com/keepsake-go/sessions/internal/folder"
)

// names lists the files that hold values. What killed processes have left is
// removed on the way.
func (c *FileBased) names(ctx context.Context, d *folder.Folder) (names []string, err error) {
	dir, err := d.Root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	for _, name := range entries {
		switch {
		case strings.HasPrefix(name, folder.TemporaryPrefix):
			if err := d.RemoveOlder(name, folder.LitterAge, c.now()); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		case strings.HasSuffix(name, fileSuffix) && name[0] != '.':
			names = append(names, name)
		}
	}
	return names, ctx.Err()
}

// cull is Django's _cull: where there are too many files some go, at random.
func (c *FileBased) cull(ctx context.Context, d *folder.Folder) error {
	if c.room.most == 0 {
		return nil
	}
	names, err := c.names(ctx, d)
	if err != nil || len(names) < c.room.most {
		return err
	}
	live := 0
	defer func() { c.room.report(live) }() // of an error as well
	for _, i := range rand.Perm(len(names))[:c.room.part(len(names))] {
		lived, err := c.drop(d, names[i])
		if err != nil {
			return err
		}
		if lived {
			live++
		}
	}
	return nil
}

// drop removes a file, and says whether its value had not ended.
func (c *FileBased) drop(d *folder.Folder, name string) (lived bool, err error) {
	if f, err := d.Open(name); err == nil {
		e, err := c.read(f)
		lived = err == nil && !e.ended(c.now())
		f.Close()
	}
	if err := d.Root.Remove(name); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return false, err
	}
	return lived, nil
}

// ClearExpired implements Clearer. Files that can't be read stay.
func (c *FileBased) ClearExpired(ctx context.Context, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	failed := func(err error) error { return fmt.Errorf("cache: file-based: clear expired: %w", folder.Pathless(err)) }
	d, err := c.folder(false)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, failed(err)
	}
	names, err := c.names(ctx, d)
	if err != nil {
		return 0, failed(err)
	}
	cleared := 0
	for _, name := range names {
		if cleared == limit {
			break
		}
		if err := ctx.Err(); err != nil {
			return cleared, err
		}
		// Like Django's clearsessions it spares what ends at this very moment.
		switch removed, err := c.removeEnded(d, name, c.now().Add(-1)); {
		case removed:
			cleared++
		case err == nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrCorrupt), errors.Is(err, folder.ErrForeign):
		default:
			return cleared, failed(err)
		}
	}
	return cleared, nil
}
