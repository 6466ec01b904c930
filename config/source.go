package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// place is where a value was written.
type place struct {
	source string // a file's path, or "$NAME" for a variable
	line   int    // in the file, 0 for a variable
}

func (p place) String() string {
	if p.line > 0 {
		return fmt.Sprintf("%s:%d", p.source, p.line)
	}
	return p.source
}

// raw is a value as it was written.
type raw struct {
	place
	value any  // string, int64, float64, bool, []any, table, or a date of TOML's
	text  bool // of a variable or a URL: a string to be read as whatever is wanted
}

// table is a TOML table, or Python's dict.
type table map[string]*raw

// readFile reads a TOML file.
func readFile(path string) (table, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return parseTOML(path, data)
}

func parseTOML(path string, data []byte) (table, error) {
	var tree map[string]any
	if err := toml.Unmarshal(data, &tree); err != nil {
		at := place{source: path}
		var syntax *toml.DecodeError
		if errors.As(err, &syntax) {
			at.line, _ = syntax.Position()
		}
		return nil, fmt.Errorf("config: %v: %s%s", at, strings.TrimPrefix(err.Error(), "toml: "), pythonHint(data, at.line))
	}
	return rawTable(path, tree, "", lines(data)), nil
}

// pythonMember is a line of a dict: "default": {.
var pythonMember = regexp.MustCompile(`^\s*(?:'[^']*'|"[^"]*")\s*:`)

// pythonHint says what a line of Python is in TOML, "" for other lines. It
// quotes nothing: the value may be a secret.
func pythonHint(data []byte, line int) string {
	all := strings.Split(string(data), "\n")
	if line < 1 || line > len(all) {
		return ""
	}
	_, value, _ := strings.Cut(all[line-1], "=")
	value, _, _ = strings.Cut(value, "#")
	switch value = strings.TrimSpace(value); {
	case value == "True":
		return "; TOML writes true"
	case value == "False":
		return "; TOML writes false"
	case value == "None":
		return "; where Python has None, leave the setting out"
	case value == "{" || pythonMember.MatchString(all[line-1]) || strings.HasPrefix(value, "os.") || strings.HasPrefix(value, "env"):
		return "; this is Python: see keepsake import-settings"
	}
	return ""
}

// lines finds the line of every key. Package unstable may change its functions
// in any version; nothing but this is read with them.
func lines(data []byte) map[string]int {
	found := map[string]int{}
	var p unstable.Parser
	p.Reset(data)
	var record func(prefix string, keys unstable.Iterator) string
	var values func(prefix string, value *unstable.Node)
	record = func(prefix string, keys unstable.Iterator) string {
		for keys.Next() {
			node := keys.Node()
			prefix += "\x00" + string(node.Data)
			if _, again := found[prefix]; !again {
				found[prefix] = p.Shape(node.Raw).Start.Line
			}
		}
		return prefix
	}
	values = func(prefix string, value *unstable.Node) {
		if value.Kind != unstable.InlineTable {
			return
		}
		for members := value.Children(); members.Next(); {
			member := members.Node()
			values(record(prefix, member.Key()), member.Value())
		}
	}
	header := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			header = record("", e.Key())
		case unstable.KeyValue:
			values(record(header, e.Key()), e.Value())
		}
	}
	return found
}

func rawTable(path string, tree map[string]any, prefix string, lines map[string]int) table {
	t := make(table, len(tree))
	for name, value := range tree {
		key := prefix + "\x00" + name
		if inner, ok := value.(map[string]any); ok {
			value = rawTable(path, inner, key, lines)
		}
		t[name] = &raw{place: place{path, lines[key]}, value: value}
	}
	return t
}
