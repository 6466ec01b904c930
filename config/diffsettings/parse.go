package diffsettings

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/keepsake-go/sessions/config/internal/pyliteral"
)

// Settings are those of a Django project.
type Settings struct {
	values  map[string]any
	own     map[string]bool // not Django's default
	unknown map[string]bool // no value that can be read
	all     bool            // made with --all
}

// ErrNoSettings is the error for text that diffsettings has not written.
var ErrNoSettings = errors.New("diffsettings: no settings: this is not the output of manage.py diffsettings --all")

// line is NAME = value, as diffsettings writes it: with "### " before Django's
// defaults, or in its unified form with a space, a minus or a plus.
var line = regexp.MustCompile(`^(### |[-+ ] )?([A-Z][A-Z0-9_]*) = (.*)$`)

// Parse reads the output of diffsettings, with --all or without, in either of its
// forms.
func Parse(r io.Reader) (*Settings, error) {
	s := &Settings{values: map[string]any{}, own: map[string]bool{}, unknown: map[string]bool{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		parts := line.FindStringSubmatch(strings.TrimRight(strings.TrimPrefix(lines.Text(), "\ufeff"), "\r"))
		if parts == nil || parts[1] == "- " { // a repr of several lines; a default that was changed
			continue
		}
		s.add(parts[1], parts[2], parts[3])
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("diffsettings: %w", err)
	}
	if len(s.values)+len(s.unknown) == 0 {
		return nil, ErrNoSettings
	}
	return s, nil
}

func (s *Settings) add(mark, name, text string) {
	isDefault := mark == "### " || mark == "  "
	s.all = s.all || isDefault
	s.own[name] = !isDefault
	value, rest, err := pyliteral.Parse(text)
	if rest = strings.TrimSpace(rest); err != nil || rest != "" && rest != "###" {
		s.unknown[name] = true
		return
	}
	s.values[name] = value
}
