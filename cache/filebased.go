package cache

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/keepsake-go/sessions/internal/folder"
)

// FileBasedOptions are the choices of NewFileBased. Dir is required; the zero
// value of the others keeps everything until it ends.
type FileBasedOptions struct {
	// Dir is the folder: Django's LOCATION. It is made where it is missing.
	Dir string

	// MaxEntries is how many values are kept (0: no limit). When an Add or Set
	// finds as many, some make room, at random: Django's MAX_ENTRIES.
	MaxEntries int

	// CullFrequency is which part makes room: one in so many (0: 3, Django's
	// default; negative: all of them, Django's 0). Django's CULL_FREQUENCY.
	CullFrequency int

	// OnCull, unless nil, is called when values that had not ended were dropped
	// for room, with how many they were. It must not use the cache.
	OnCull func(live int)

	Clock func() time.Time // nil: time.Now
}

// FileBased keeps each value in a file of its own: Django's FileBasedCache, with
// the same names and contents. Make it with NewFileBased; it is safe for
// concurrent use, by several processes on one machine too.
//
// A write goes to a file of another name, is synced, and put in place in one
// step: a full disk is an error and leaves what was there. Swap and Add are
// atomic among the processes of Keepsake, and Swap sees what a Django, which
// takes no locks, has written before it. The folder must be on a local file
// system, and outside Linux it must not be shared with other writers.
//
// Files of values that have ended go when somebody asks for their key, when room
// is made, and with ClearExpired. A file that can't be read is ErrCorrupt; an
// empty one has ended.
type FileBased struct {
	dir  string
	room *room
	now  func() time.Time

	mu     sync.Mutex
	opened *folder.Folder // what dir was when it was looked for last
	info   fs.FileInfo
}

const fileSuffix = ".djcache"

// NewFileBased makes the folder where it is missing, with mode 0700 as Django
// does, and sees that files can be made in it.
func NewFileBased(o FileBasedOptions) (*FileBased, error) {
	if o.Dir == "" {
		return nil, errors.New("cache: file-based: Dir (LOCATION) is missing")
	}
	if o.MaxEntries < 0 {
		return nil, fmt.Errorf("cache: file-based: MaxEntries (MAX_ENTRIES) is negative: %d", o.MaxEntries)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("cache: file-based: %w", err)
	}
	c := &FileBased{dir: dir, room: newRoom(o.MaxEntries, o.CullFrequency, o.OnCull), now: o.Clock}
	d, err := c.folder(true)
	if err == nil {
		var probe string
		if probe, err = d.WriteTemporary("", time.Time{}); err == nil {
			err = d.Root.Remove(probe)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cache: file-based: the folder (LOCATION) is not writable: %w", err)
	}
	return c, nil
}

// NotifyCull implements Culler.
func (c *FileBased) NotifyCull(f func(live int)) { c.room.notify(f) }

// folder is the folder as it is now: it may be removed and made again at any
// time, as Django allows. One that is not used any more is closed when the
// garbage collector finds it.
func (c *FileBased) folder(create bool) (*folder.Folder, error) {
	info, err := os.Stat(c.dir)
	if errors.Is(err, fs.ErrNotExist) && create {
		if err = os.MkdirAll(c.dir, 0o700); err == nil {
			info, err = os.Stat(c.dir)
		}
	}
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opened != nil && os.SameFile(info, c.info) {
		return c.opened, nil
	}
	opened, err := folder.Open(c.dir)
	if err != nil {
		return nil, err
	}
	if info, err = opened.Stat(); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	c.opened, c.info = opened, info
	return opened, nil
}

// fileName is Django's _key_to_file.
func fileName(key string) string {
	sum := md5.Sum([]byte(key))
	return hex.EncodeToString(sum[:]) + fileSuffix
}

// read reads an open file; its value only if it lives.
func (c *FileBased) read(f *os.File) (fileEntry, error) {
	content, _, err := folder.Read(f)
	if err != nil {
		return fileEntry{}, err
	}
	return decodeFile(content, c.now())
}

// Get implements Cache.
func (c *FileBased) Get(ctx context.Context, key string) (Item, error) {
	if err := ctx.Err(); err != nil {
		return Item{}, err
	}
	name := fileName(key)
	d, err := c.folder(false)
	var f *os.File
	if err == nil {
		f, err = d.Open(name)
	}
	if err != nil {
		return Item{}, failedOrMiss("get", err)
	}
	defer f.Close()
	e, err := c.read(f)
	switch {
	case err != nil:
		return Item{}, failedFile("get", err)
	case e.ended(c.now()):
		_, _ = c.removeEnded(d, name, c.now()) // as Django does; if it fails it is still a miss
		return Item{}, ErrMiss
	}
	return e.item(), nil
}

// removeEnded removes a file that has ended by that time.
func (c *FileBased) removeEnded(d *folder.Folder, name string, by time.Time) (bool, error) {
	return d.RemoveEnded(name, func(f *os.File) (bool, error) {
		e, err := c.read(f)
		return err == nil && e.ended(by), err
	})
}

// write makes a file of another name with that entry, after others have made
// room for it.
func (c *FileBased) write(ctx context.Context, e fileEntry) (d *folder.Folder, temporary string, err error) {
	content, err := e.encode()
	if err != nil {
		return nil, "", err
	}
	if d, err = c.folder(true); err != nil {
		return nil, "", err
	}
	if err := c.cull(ctx, d); err != nil {
		return nil, "", err
	}
	temporary, err = d.WriteTemporary(content, time.Time{})
	return d, temporary, err
}

// Add implements Cache.
func (c *FileBased) Add(ctx context.Context, key, value string, ttl time.Duration) (Item, error) {
	e := newFileEntry(value, ttl, c.now())
	switch _, err := c.Get(ctx, key); {
	case err == nil:
		return Item{}, ErrExists
	case !errors.Is(err, ErrMiss):
		return Item{}, err
	case ttl <= 0:
		return e.item(), nil
	}
	d, temporary, err := c.write(ctx, e)
	if err != nil {
		return Item{}, failedFile("add", err)
	}
	defer d.Root.Remove(temporary) //nolint:errcheck // it is in place, or it is litter
	name := fileName(key)
	if err = d.PutNew(temporary, name); errors.Is(err, fs.ErrExist) {
		if _, err = c.removeEnded(d, name, c.now()); err == nil || errors.Is(err, fs.ErrNotExist) {
			err = d.PutNew(temporary, name)
		}
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return Item{}, ErrExists
	case err != nil:
		return Item{}, failedFile("add", err)
	}
	return e.item(), syncFolder("add", d)
}

// Swap implements Cache. A value that was replaced by an equal one has changed,
// unless it ends at the same time.
func (c *FileBased) Swap(ctx context.Context, key string, old Item, value string, ttl time.Duration) (Item, error) {
	if err := ctx.Err(); err != nil {
		return Item{}, err
	}
	name := fileName(key)
	d, err := c.folder(false)
	var f *folder.Held
	if err == nil {
		f, err = d.Lock(ctx, name)
	}
	if err != nil {
		return Item{}, failedOrMiss("swap", err)
	}
	defer f.Close() // and unlock
	current, err := c.read(f.File)
	switch {
	case err != nil:
		return Item{}, failedFile("swap", err)
	case current.ended(c.now()):
		return Item{}, ErrMiss
	case !current.is(old):
		return current.item(), ErrConflict
	}
	e := newFileEntry(value, ttl, c.now())
	if ttl <= 0 {
		err = d.TakeAway(name, f.File, false)
	} else {
		err = exchange(d, name, f.File, e)
	}
	switch {
	case err == nil:
		return e.item(), syncFolder("swap", d)
	case errors.Is(err, folder.ErrOvertaken):
		item, err := c.Get(ctx, key)
		if err == nil {
			err = ErrConflict
		}
		return item, err
	}
	return Item{}, failedOrMiss("swap", err) // a Django has deleted it meanwhile
}

// exchange puts e in the place of name, which must still be f.
func exchange(d *folder.Folder, name string, f *os.File, e fileEntry) error {
	content, err := e.encode()
	if err != nil {
		return err
	}
	temporary, err := d.WriteTemporary(content, time.Time{})
	if err != nil {
		return err
	}
	return d.Exchange(temporary, name, f)
}

// Set implements Cache.
func (c *FileBased) Set(ctx context.Context, key, value string, ttl time.Duration) error {
	if ttl <= 0 {
		return c.Delete(ctx, key)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	d, temporary, err := c.write(ctx, newFileEntry(value, ttl, c.now()))
	if err != nil {
		return failedFile("set", err)
	}
	defer d.Root.Remove(temporary) //nolint:errcheck // as in Add
	if err := c.put(ctx, d, temporary, fileName(key)); err != nil {
		return failedFile("set", err)
	}
	return syncFolder("set", d)
}

// put replaces whatever is there, in its turn: not between a Swap's look and its
// write.
func (c *FileBased) put(ctx context.Context, d *folder.Folder, temporary, name string) error {
	for {
		f, err := d.Lock(ctx, name)
		switch {
		case err == nil:
			defer f.Close()
			return d.Put(temporary, name)
		case errors.Is(err, folder.ErrForeign):
			return d.Put(temporary, name)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
		if err := d.PutNew(temporary, name); !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
}

// Delete implements Cache.
func (c *FileBased) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d, err := c.folder(false)
	if err == nil {
		err = d.Remove(fileName(key))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return failedFile("delete", err)
	}
	return syncFolder("delete", d)
}

// syncFolder makes a write last. If it fails nobody knows whether it will.
func syncFolder(what string, d *folder.Folder) error {
	if err := d.Sync(); err != nil {
		return failedFile(what, fmt.Errorf("%w: %w", ErrUnknownOutcome, folder.Pathless(err)))
	}
	return nil
}

// failedOrMiss is failedFile where a file that is not there is a miss.
func failedOrMiss(what string, err error) error {
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, folder.ErrUnsure) {
		return ErrMiss
	}
	return failedFile(what, err)
}

// failedFile says a file's errors in a cache's words, without its name.
func failedFile(what string, err error) error {
	switch {
	case errors.Is(err, folder.ErrForeign):
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	case errors.Is(err, folder.ErrUnsure):
		err = fmt.Errorf("%w: %w", ErrUnknownOutcome, folder.Pathless(err))
	case errors.Is(err, ErrUnknownOutcome), errors.Is(err, ErrCorrupt):
	default:
		err = folder.Pathless(err)
	}
	return fmt.Errorf("cache: file-based: %s: %w", what, err)
}
