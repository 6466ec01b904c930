package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/folder"
)

// fileStore is a sessions.Store in a folder that a Django may write to as well:
// see package folder.
type fileStore struct {
	folder   *folder.Folder
	prefix   string // of the files' names: the cookie's
	settings sessions.Settings
	codec    sessions.Codec
	now      func() time.Time
}

// tracePrefix begins names of our own, as folder.TemporaryPrefix does: no
// cookie's name begins so.
const tracePrefix = ".keepsake-trace-"

// fileKeyLength is the length of every key that Django or we have made. Others
// are not looked up: with two sites in one folder whose cookies are called sid
// and sid2, a longer key of the one would name a file of the other.
const fileKeyLength = 32

func (s *fileStore) name(key string) string { return s.prefix + key }

func (s *fileStore) traceName(key string) string {
	sum := sha256.Sum256([]byte(s.prefix + "\x00" + key))
	return tracePrefix + hex.EncodeToString(sum[:])
}

// Load implements sessions.Store.
func (s *fileStore) Load(ctx context.Context, key string) (sessions.Record, error) {
	if err := ctx.Err(); err != nil {
		return sessions.Record{}, err
	}
	if len(key) != fileKeyLength {
		return sessions.Record{}, sessions.ErrNotFound
	}
	f, err := s.folder.Open(s.name(key))
	if errors.Is(err, fs.ErrNotExist) {
		return sessions.Record{}, s.absent(key)
	}
	if err != nil {
		return sessions.Record{}, failedFile("load", err)
	}
	defer f.Close()
	rec, err := s.read(f)
	if err == nil && !rec.Expires.After(s.now()) {
		err = sessions.ErrNotFound
	}
	if err != nil {
		return sessions.Record{}, err
	}
	return rec, nil
}

// absent tells a rotated session from one that never was.
func (s *fileStore) absent(key string) error {
	info, err := s.folder.Root.Lstat(s.traceName(key))
	switch {
	case err == nil && info.ModTime().Add(sessions.RotationTrace).After(s.now()):
		return sessions.ErrRotated
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return sessions.ErrNotFound
	default:
		return failedFile("load", err)
	}
}

// read reads an open session file, expired or not.
func (s *fileStore) read(f *os.File) (sessions.Record, error) {
	content, info, err := folder.Read(f)
	if err != nil {
		return sessions.Record{}, failedFile("load", err)
	}
	rec := sessions.Record{Data: content, Token: info.ModTime().UnixNano()}
	rec.Expires = s.expires(rec.Data, info.ModTime())
	return rec, nil
}

// expires is when a file ends that was modified then.
func (s *fileStore) expires(data string, modified time.Time) time.Time {
	values, err := s.codec.Decode(data)
	if err != nil {
		values = sessions.Values{} // an unreadable file ends, too
	}
	return values.ExpiryDate(s.settings, modified)
}

// modified is the modification time that makes a file end when rec does.
func (s *fileStore) modified(rec sessions.Record) time.Time {
	now := s.now()
	return now.Add(rec.Expires.Sub(s.expires(rec.Data, now))).Truncate(time.Microsecond)
}

// same reports whether current is still what old was when it was read.
func same(current, old sessions.Record) bool {
	if current.Data != old.Data {
		return false
	}
	if old.Token != nil {
		return current.Token == old.Token
	}
	return current.Expires.Equal(old.Expires)
}

// Create implements sessions.Store.
func (s *fileStore) Create(ctx context.Context, key string, rec sessions.Record) (sessions.Record, error) {
	if err := ctx.Err(); err != nil {
		return sessions.Record{}, err
	}
	if len(key) != fileKeyLength {
		return sessions.Record{}, fmt.Errorf("engine: file: keys have %d characters", fileKeyLength)
	}
	modified := s.modified(rec)
	temporary, err := s.writeTemporary(rec.Data, modified)
	if err != nil {
		return sessions.Record{}, err
	}
	defer s.folder.Root.Remove(temporary) //nolint:errcheck // it is in place, or it is litter for ClearExpired
	err = s.folder.PutNew(temporary, s.name(key))
	if errors.Is(err, fs.ErrExist) {
		ended := func(end time.Time) bool { return !end.After(s.now()) }
		if _, err = s.removeEnded(s.name(key), ended); err == nil { // an expired record is free
			err = s.folder.PutNew(temporary, s.name(key))
		}
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return sessions.Record{}, sessions.ErrExists
	case err != nil:
		return sessions.Record{}, failedFile("create", err)
	}
	return s.stored(rec, modified), s.sync()
}

func (s *fileStore) stored(rec sessions.Record, modified time.Time) sessions.Record {
	rec.Token = modified.UnixNano()
	return rec
}

// lock opens the session's file under its lock, which Close gives back.
func (s *fileStore) lock(ctx context.Context, key string) (*folder.Held, sessions.Record, error) {
	if len(key) != fileKeyLength {
		return nil, sessions.Record{}, sessions.ErrNotFound
	}
	f, err := s.folder.Lock(ctx, s.name(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sessions.Record{}, s.absent(key)
	}
	if err != nil {
		return nil, sessions.Record{}, failedFile("lock", err)
	}
	rec, err := s.read(f.File)
	if err == nil && !rec.Expires.After(s.now()) {
		err = sessions.ErrNotFound
	}
	if err != nil {
		f.Close()
		return nil, sessions.Record{}, err
	}
	return f, rec, nil
}

// Replace implements sessions.Store.
func (s *fileStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	f, current, err := s.lock(ctx, key)
	if err != nil {
		return sessions.Record{}, err
	}
	defer f.Close() // and unlock
	if !same(current, old) {
		return current, sessions.ErrConflict
	}
	modified := s.modified(new)
	if new.Data == old.Data {
		if err := folder.Touch(f.File, modified); err != nil {
			return sessions.Record{}, failedFile("touch", err)
		}
		return s.stored(new, modified), nil
	}
	temporary, err := s.writeTemporary(new.Data, modified)
	if err != nil {
		return sessions.Record{}, err
	}
	switch err := s.folder.Exchange(temporary, s.name(key), f.File); {
	case errors.Is(err, folder.ErrUnsure):
		return sessions.Record{}, failedFile("replace", err)
	case errors.Is(err, fs.ErrNotExist):
		return sessions.Record{}, s.absent(key)
	case errors.Is(err, folder.ErrOvertaken):
		return s.conflict(ctx, key)
	case err != nil:
		return sessions.Record{}, failedFile("replace", err)
	}
	return s.stored(new, modified), s.sync()
}

// conflict is what is there now that a Django has overtaken a write.
func (s *fileStore) conflict(ctx context.Context, key string) (sessions.Record, error) {
	current, err := s.Load(ctx, key)
	if err != nil {
		return sessions.Record{}, err
	}
	return current, sessions.ErrConflict
}

// Rotate implements sessions.Store. Until it returns nobody knows newKey.
func (s *fileStore) Rotate(ctx context.Context, key, newKey string, old, new sessions.Record) (sessions.Record, error) {
	f, current, err := s.lock(ctx, key)
	if err != nil {
		return sessions.Record{}, err
	}
	defer f.Close()
	if !same(current, old) {
		return current, sessions.ErrConflict
	}
	rec, err := s.Create(ctx, newKey, new)
	if errors.Is(err, sessions.ErrUnknownOutcome) {
		err = errors.Join(err, s.folder.Root.Remove(s.name(newKey)))
	}
	if err != nil {
		return sessions.Record{}, err
	}
	if err := s.leaveTrace(key); err != nil {
		return sessions.Record{}, errors.Join(err, s.folder.Root.Remove(s.name(newKey)))
	}
	switch err := s.folder.TakeAway(s.name(key), f.File, true); {
	case err == nil:
		return rec, nil
	case errors.Is(err, folder.ErrUnsure): // the new file may be all that is left
		return sessions.Record{}, failedFile("rotate", err)
	case errors.Is(err, folder.ErrOvertaken):
		if err := s.undoRotation(key, newKey); err != nil {
			return sessions.Record{}, failedFile("rotate", err)
		}
		return s.conflict(ctx, key)
	default:
		err = errors.Join(err, s.undoRotation(key, newKey))
		if errors.Is(err, fs.ErrNotExist) {
			return sessions.Record{}, sessions.ErrNotFound // ended meanwhile
		}
		return sessions.Record{}, failedFile("rotate", err)
	}
}

func (s *fileStore) undoRotation(key, newKey string) error {
	return errors.Join(s.folder.Root.Remove(s.name(newKey)), s.folder.Root.Remove(s.traceName(key)))
}

func (s *fileStore) leaveTrace(key string) error {
	temporary, err := s.writeTemporary("", s.now())
	if err != nil {
		return err
	}
	if err := s.folder.Root.Rename(temporary, s.traceName(key)); err != nil {
		return errors.Join(failedFile("rotate", err), s.folder.Root.Remove(temporary))
	}
	return nil
}

// Delete implements sessions.Store.
func (s *fileStore) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(key) != fileKeyLength {
		return nil
	}
	err := s.folder.Remove(s.name(key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := s.absent(key); !errors.Is(err, sessions.ErrNotFound) || errors.Is(err, sessions.ErrRotated) {
			return err
		}
		return nil
	case err != nil:
		return failedFile("delete", err)
	}
	return s.sync()
}

func (s *fileStore) writeTemporary(content string, modified time.Time) (name string, err error) {
	if name, err = s.folder.WriteTemporary(content, modified); err != nil {
		return "", failedFile("write", err)
	}
	return name, nil
}

// sync makes what happened to names in the folder survive a power cut.
func (s *fileStore) sync() error {
	if err := s.folder.Sync(); err != nil {
		return failedFile("sync", fmt.Errorf("%w: %w", folder.ErrUnsure, err))
	}
	return nil
}

// List implements sessions.Lister, in the order of the keys: the cursor is the
// last one. Each page reads the names of all files.
func (s *fileStore) List(ctx context.Context, cursor string, limit int) (page []sessions.KeyedRecord, next string, err error) {
	dir, err := s.folder.Root.Open(".")
	if err != nil {
		return nil, "", failedFile("list", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, "", failedFile("list", err)
	}
	var keys []string
	for _, name := range names {
		key, ours := strings.CutPrefix(name, s.prefix)
		if ours && key > cursor && len(key) == fileKeyLength && sessions.ValidKey(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	if len(keys) > limit {
		keys = keys[:limit]
		next = keys[limit-1]
	}
	for _, key := range keys {
		rec, err := s.Load(ctx, key)
		switch {
		case errors.Is(err, sessions.ErrNotFound), errors.Is(err, sessions.ErrCorrupt): // a folder of that name is no session
		case err != nil:
			return nil, "", err
		default:
			page = append(page, sessions.KeyedRecord{Key: key, Record: rec})
		}
	}
	return page, next, nil
}

// ClearExpired implements sessions.Clearer: expired sessions, traces, and what
// killed processes have left, Django's included.
func (s *fileStore) ClearExpired(ctx context.Context, limit int) (int, error) {
	dir, err := s.folder.Root.Open(".")
	if err != nil {
		return 0, failedFile("clear expired", err)
	}
	defer dir.Close()
	cleared := 0
	for cleared < limit {
		entries, err := dir.ReadDir(256)
		for _, entry := range entries {
			if err := ctx.Err(); err != nil {
				return cleared, err
			}
			if cleared == limit {
				break
			}
			removed, err := s.clearOne(entry.Name())
			if err != nil {
				return cleared, err
			}
			if removed {
				cleared++
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return cleared, failedFile("clear expired", err)
		}
	}
	return cleared, nil
}

// clearOne removes a file that has had its time, and reports whether it was a
// session.
func (s *fileStore) clearOne(name string) (session bool, err error) {
	key, ours := strings.CutPrefix(name, s.prefix)
	key, _, left := strings.Cut(key, "_out_") // Django's temporary files
	switch {
	case strings.HasPrefix(name, tracePrefix):
		return false, s.removeOlder(name, sessions.RotationTrace)
	case strings.HasPrefix(name, folder.TemporaryPrefix):
		return false, s.removeOlder(name, folder.LitterAge)
	case !ours || len(key) != fileKeyLength || !sessions.ValidKey(key):
		return false, nil // another site's, or no session at all
	case left:
		return false, s.removeOlder(name, folder.LitterAge)
	}
	return s.removeEnded(name, func(end time.Time) bool { return end.Before(s.now()) }) // Django spares this very moment
}

// removeEnded removes a session's file if it has ended, under its lock.
func (s *fileStore) removeEnded(name string, ended func(time.Time) bool) (bool, error) {
	removed, err := s.folder.RemoveEnded(name, func(f *os.File) (bool, error) {
		rec, err := s.read(f)
		return err == nil && ended(rec.Expires), err
	})
	return removed, ignoreAbsent(err)
}

func (s *fileStore) removeOlder(name string, age time.Duration) error {
	return ignoreAbsent(s.folder.RemoveOlder(name, age, s.now()))
}

func ignoreAbsent(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, sessions.ErrCorrupt) || errors.Is(err, folder.ErrForeign) {
		return nil
	}
	return failedFile("clear expired", err)
}

// failedFile drops the path, which holds the session key.
func failedFile(what string, err error) error {
	switch {
	case errors.Is(err, folder.ErrForeign):
		err = fmt.Errorf("%w: %w", sessions.ErrCorrupt, err)
	case errors.Is(err, folder.ErrUnsure):
		err = fmt.Errorf("%w: %w", sessions.ErrUnknownOutcome, folder.Pathless(err))
	}
	return fmt.Errorf("engine: file: %s: %w", what, folder.Pathless(err))
}
