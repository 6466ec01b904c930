package config

import (
	"errors"
	"fmt"
	"os"
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
		return nil, fmt.Errorf("config: %v: %s", at, strings.TrimPrefix(err.Error(), "toml: "))
	}
	return rawTable(path, tree, "", lines(data)), nil
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
