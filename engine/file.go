package engine

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/internal/folder"
)

// FileEngine keeps each session in a file of its own: Django's
// django.contrib.sessions.backends.file, with the same names and contents. File
// makes one; set the fields for anything else.
//
// Names are the cookie's name and the session key, modes 0600. A save is written
// to a file of another name, synced, and put in place in one step; a full disk is
// an error, and leaves what was there. Processes on one machine may share the
// folder; it must be on a local file system.
//
// A file's expiry is in its values or follows from its modification time. Here
// it is enforced in every form; Django's engine never ends a session whose expiry
// is a number of seconds.
type FileEngine struct {
	// Dir is the folder, which must exist and be writable (SESSION_FILE_PATH).
	// "" is the system's folder for temporary files.
	Dir string

	// Codec makes what the stored format is written with. Nil is Django's:
	// codec.SignedOptions{}.
	Codec codec.Maker
}

// File keeps sessions in files in dir, "" for the system's folder for temporary
// files.
func File(dir string) FileEngine { return FileEngine{Dir: dir} }

// dir is the folder.
func (e FileEngine) dir() string { return cmp.Or(e.Dir, os.TempDir()) }

// Path is the file of the session of that key under these settings, whether or
// not it is there: Django's _key_to_file(). A key with other characters than
// a-z0-9 is an error, and so is one without any.
func (e FileEngine) Path(st sessions.Settings, key string) (string, error) {
	if strings.ContainsFunc(key, notOfKeys) || key == "" {
		return "", errors.New("engine: file: invalid characters in session key")
	}
	return filepath.Join(e.dir(), st.CookieName+key), nil
}

// notOfKeys reports whether no session key has that character.
func notOfKeys(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') }

// Open reports a folder that is missing, or in which no file can be made.
func (e FileEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	c, err := makeCodec(e.Codec, codec.SignedOptions{}, st)
	if err != nil {
		return sessions.Backend{}, err
	}
	files, err := folder.Open(e.dir())
	if err != nil {
		return sessions.Backend{}, fmt.Errorf("engine: file: the folder (SESSION_FILE_PATH) can't be used: %w", err)
	}
	s := &fileStore{folder: files, prefix: st.CookieName, settings: st, codec: c, now: st.Clock}
	if s.now == nil {
		s.now = time.Now
	}
	probe, err := s.writeTemporary("", s.now())
	if err == nil {
		err = files.Root.Remove(probe)
	}
	if err != nil {
		return sessions.Backend{}, errors.Join(fmt.Errorf("engine: file: the folder (SESSION_FILE_PATH) is not writable: %w", err), files.Close())
	}
	e.caution(files, st.Logger)
	return sessions.Backend{Name: "file", Store: s, Codec: c}, nil
}

// caution says that others could remove or exchange session files. (In a folder
// like /tmp, with the sticky bit, they can't.)
func (e FileEngine) caution(files *folder.Folder, log *slog.Logger) {
	info, err := files.Stat()
	if err != nil || info.Mode().Perm()&0o002 == 0 || info.Mode()&os.ModeSticky != 0 {
		return
	}
	if log == nil {
		log = slog.Default()
	}
	log.Warn("engine: file: every user of this machine can remove and exchange files in the folder of the sessions (SESSION_FILE_PATH): " +
		"chmod it to 0700")
}
