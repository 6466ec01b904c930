package folder

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"time"
)

var (
	// ErrUnsure: what was to be done may be done, but what came of it could not
	// be seen.
	ErrUnsure = errors.New("the outcome could not be seen")

	// ErrOvertaken: another program has put another file in place.
	ErrOvertaken = errors.New("overtaken by another program")

	// ErrForeign: nothing that was written here. The name is a folder's, a symbolic
	// link's, a FIFO's; or the file is larger than maxFile.
	ErrForeign = errors.New("no file of ours")

	errNotRegular = fmt.Errorf("%w: not a regular file", ErrForeign)
	errTooLarge   = fmt.Errorf("%w: larger than %d MiB", ErrForeign, maxFile>>20)
	errTooLong    = fmt.Errorf("files are no larger than %d MiB", maxFile>>20)
)

// maxFile is the size in bytes of the largest file that is read or written: more
// than Django's codecs and caches write here.
const maxFile = 80 << 20

// TemporaryPrefix begins the names of files that are not in place yet. Older
// ones than LitterAge were left by a process that was killed.
const (
	TemporaryPrefix = ".keepsake-tmp-"
	LitterAge       = time.Hour
)

// Folder is an open folder. It is safe for concurrent use.
type Folder struct {
	Root   *os.Root
	handle *os.File // the folder itself
	seed   maphash.Seed
	turns  [16]chan struct{} // held while writing; names share them

	// Fault, where a test has set it, is asked before each step: "create", "write",
	// "open", "stat", "rename", "remove" or "sync". Its error is the step's, which is not made.
	Fault func(step string) error
}

func (d *Folder) fault(step string) error {
	if d.Fault == nil {
		return nil
	}
	return d.Fault(step)
}

// Open opens a folder.
func Open(dir string) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	handle, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	f := &Folder{Root: root, handle: handle, seed: maphash.MakeSeed()}
	for i := range f.turns {
		f.turns[i] = make(chan struct{}, 1)
	}
	return f, nil
}

// Close closes the folder.
func (d *Folder) Close() error { return errors.Join(d.handle.Close(), d.Root.Close()) }

// Stat describes the folder.
func (d *Folder) Stat() (fs.FileInfo, error) { return d.handle.Stat() }

// Sync makes what happened to names survive a power cut.
func (d *Folder) Sync() error {
	if err := d.fault("sync"); err != nil {
		return err
	}
	return d.handle.Sync()
}

// turn waits for this process's turn to write a file.
func (d *Folder) turn(ctx context.Context, name string) (release func(), err error) {
	turn := d.turns[maphash.String(d.seed, name)%uint64(len(d.turns))]
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Held is a file under its lock, which Close gives back.
type Held struct {
	*os.File
	release func()
}

// Close gives the lock back.
func (f *Held) Close() error {
	defer f.release()
	return f.File.Close()
}

// Lock opens a file and waits for its lock.
func (d *Folder) Lock(ctx context.Context, name string) (*Held, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	release, err := d.turn(ctx, name)
	if err != nil {
		return nil, err
	}
	f, err := d.waitForLock(ctx, name)
	if err != nil {
		release()
		return nil, err
	}
	return &Held{f, release}, nil
}

// Read reads an open file, which must be a regular one of no more than maxFile.
func Read(f *os.File) (content string, info fs.FileInfo, err error) {
	if info, err = f.Stat(); err != nil {
		return "", nil, err
	}
	if !info.Mode().IsRegular() {
		return "", nil, errNotRegular
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return "", nil, err
	case len(data) > maxFile:
		return "", nil, errTooLarge
	}
	return string(data), info, nil
}

// WriteTemporary makes a file of another name with that content, safe on the
// disk, and returns its name. Its modification time is modified, unless zero.
func (d *Folder) WriteTemporary(content string, modified time.Time) (name string, err error) {
	if len(content) > maxFile {
		return "", errTooLong
	}
	name = temporaryName()
	if err := d.fault("create"); err != nil {
		return "", err
	}
	f, err := d.Root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	if err = d.fault("write"); err == nil {
		_, err = f.WriteString(content)
	}
	if err == nil && !modified.IsZero() {
		err = Touch(f, modified)
	}
	if err == nil {
		err = d.fault("sync")
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, d.Root.Remove(name))
	}
	return name, nil
}

func temporaryName() string {
	var random [12]byte
	_, _ = rand.Read(random[:]) // ends the program rather than fail
	return TemporaryPrefix + hex.EncodeToString(random[:])
}

// Put gives a temporary file its name, whatever has it.
func (d *Folder) Put(temporary, name string) error { return d.Root.Rename(temporary, name) }

// Remove removes a file.
func (d *Folder) Remove(name string) error {
	err := d.remove(name)
	if errors.Is(err, fs.ErrNotExist) { // TakeAway may be about to bring it back
		err = d.settled(func() error { return d.remove(name) })
	}
	return err
}

func (d *Folder) remove(name string) error {
	if err := d.fault("remove"); err != nil {
		return err
	}
	return d.Root.Remove(name)
}

// Open opens a file to read it. It opens no symbolic link, and waits for nobody at
// a FIFO.
func (d *Folder) Open(name string) (*os.File, error) {
	f, err := d.open(name)
	if errors.Is(err, fs.ErrNotExist) { // as in Remove
		err = d.settled(func() (err error) {
			f, err = d.open(name)
			return err
		})
	}
	return f, err
}

// RemoveEnded removes a file of which ended says so, under its lock, and reports
// whether it did. A file that somebody is writing has not ended.
func (d *Folder) RemoveEnded(name string, ended func(*os.File) (bool, error)) (bool, error) {
	f, err := d.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if lockNow(f) != nil {
		return false, nil // somebody is writing it
	}
	if yes, err := ended(f); err != nil || !yes {
		return false, err
	}
	switch err := d.TakeAway(name, f, false); {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrOvertaken): // written again meanwhile
		return false, nil
	default:
		return false, err
	}
}

// RemoveOlder removes a file that is older than age at the time now.
func (d *Folder) RemoveOlder(name string, age time.Duration, now time.Time) error {
	return d.settled(func() error { // a session may be under the name of litter for a moment
		info, err := d.stat(name)
		if err == nil && info.ModTime().Add(age).Before(now) {
			err = d.remove(name)
		}
		return err
	})
}

func (d *Folder) stat(name string) (fs.FileInfo, error) {
	if err := d.fault("stat"); err != nil {
		return nil, err
	}
	return d.Root.Lstat(name)
}

// inPlace checks that name still is f.
func (d *Folder) inPlace(name string, f *os.File) error {
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := d.stat(name)
	if err != nil {
		return err
	}
	if !os.SameFile(opened, named) {
		return ErrOvertaken
	}
	return nil
}

// Pathless is err without the name of the file, which tells of its key.
func Pathless(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	var linkError *os.LinkError
	if errors.As(err, &linkError) {
		err = linkError.Err
	}
	return err
}
