// Package secrettest is for tests: the session keys and encrypted cookies that a test
// binary issues can be recognised by a word in them, and what it logs is kept, so
// that scripts/leaks can look whether any of them was ever written down.
//
// It changes the random source of the test binary that calls Install. Nothing of it
// is in the library.
package secrettest

import (
	"crypto/rand"
	"encoding/base64"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Mark begins every session key. An encrypted cookie has it behind two letters.
const Mark = "q7leak"

// Folder names the environment's variable with the folder for logs.
const Folder = "KEEPSAKE_LOGS"

// The sizes in which the library reads randomness for keys and for nonces.
const (
	keyBytes   = 40
	nonceBytes = 12
)

// keyAlphabet is that of session keys: a byte stands for the character of its
// number.
const keyAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

var install = sync.OnceFunc(func() {
	rand.Reader = marker{rand.Reader}
	slog.SetDefault(Logger())
})

// Install marks the keys of this test binary, and keeps what goes to slog.Default.
// Call it from a package variable of a test file:
//
//	var _ = secrettest.Install()
func Install() struct{} {
	install()
	return struct{}{}
}

// marker is a random source with marks.
type marker struct{ random io.Reader }

func (m marker) Read(b []byte) (int, error) {
	n, err := m.random.Read(b)
	switch {
	case err != nil:
	case n == keyBytes:
		for i := range len(Mark) {
			b[i] = byte(indexOf(Mark[i]))
		}
	case n == nonceBytes: // behind a byte 1, in base64: AQq7leak
		copy(b, "\x0a\xbb\x95\xe6\xa4")
	}
	return n, err
}

func indexOf(c byte) int {
	for i := range len(keyAlphabet) {
		if keyAlphabet[i] == c {
			return i
		}
	}
	panic("secrettest: the mark is no beginning of a key")
}

// Unmarked is the random source without marks, for tests of how random keys are.
func Unmarked() io.Reader {
	if m, ok := rand.Reader.(marker); ok {
		return m.random
	}
	return rand.Reader
}

// Log is where this test binary's logs are kept: a file of its own in the folder
// that Folder names, nowhere without it.
func Log() io.Writer { return logFile() }

var logFile = sync.OnceValue(func() io.Writer {
	dir := os.Getenv(Folder)
	if dir == "" {
		return io.Discard
	}
	f, err := os.CreateTemp(dir, filepath.Base(os.Args[0])+"-*.log")
	if err != nil {
		panic(err)
	}
	return &shared{w: f}
})

// shared is a writer for several loggers.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

// Logger logs everything to Log, for tests that want to see nothing of it.
func Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(Log(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Book keeps what is logged, for tests that read it. The zero value is empty and ready;
// it is safe for concurrent use.
type Book struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write adds to what is logged. It never fails.
func (b *Book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is what was logged since the last Reset.
func (b *Book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Reset forgets what was logged.
func (b *Book) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Reset()
}

// Shown returns those of secrets that text holds, as they are or in base64: what
// is signed and not encrypted shows them so. A secret must be too long to arise by
// chance, in a hash or in what is encrypted: less than eight characters panic.
func Shown(text string, secrets ...string) (shown []string) {
	for _, secret := range secrets {
		if len(secret) < 8 {
			panic("secrettest: short texts arise by chance: " + secret)
		}
		if slices.ContainsFunc(inBase64(secret), func(s string) bool { return strings.Contains(text, s) }) {
			shown = append(shown, secret)
		}
	}
	return shown
}

// inBase64 is secret itself, and what every base64 of a text with it in it holds,
// one form for each place that it can have in three bytes.
func inBase64(secret string) []string {
	forms := []string{secret}
	for before := range 3 {
		end := before + len(secret)
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), secret...))
		text = text[(before*8+5)/6 : end*8/6] // without what its neighbours have a part in
		forms = append(forms, text, strings.NewReplacer("+", "-", "/", "_").Replace(text))
	}
	return forms
}
