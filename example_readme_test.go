package sessions_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// What a handler does: the README's list.
func Example_handler() {
	m := exampleManager()
	handler := sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *sessions.Session) {
		s.Set("favorite_color", "blue")
		color := sessions.Get(s, "favorite_color", "red")              // with a default
		visits, found, err := sessions.Lookup[int](s, "visits")        // or with an error
		sessions.Update(s, "visits", func(n int) int { return n + 1 }) // exact under concurrency
		token := sessions.Pop(s, "token", "")                          // spent once
		gone := s.Delete("favorite_color")                             // reports whether it was there

		s.ExpireAfter(5 * time.Minute)             // set_expiry(300): slides with each save
		s.ExpireAt(time.Now().Add(24 * time.Hour)) // set_expiry(datetime): fixed
		s.ExpireAtBrowserClose()                   // set_expiry(0)
		s.ExpireByDefault()                        // set_expiry(None)

		err = s.CycleKey(r.Context()) // at a login: a new key, at once
		err = s.Flush(r.Context())    // at a logout: gone, at once

		_, _, _, _, _, _ = color, visits, found, token, gone, err
	})
	visitor := exampleVisitor{site: m.Handler(handler)}
	visitor.get("/")
	// Output:
}

// TestReadme checks that each Go block of the README stands in a file that is
// compiled.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var sources []string
	for _, pattern := range []string{"example*_test.go", "examples/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, squeeze(string(text)))
		}
	}

	blocks := 0
	for _, rest := range strings.Split(string(readme), "```go\n")[1:] {
		block, _, closed := strings.Cut(rest, "```")
		if !closed {
			t.Fatal("a block without an end")
		}
		blocks++
		found := false
		for _, source := range sources {
			found = found || strings.Contains(source, squeeze(block))
		}
		if !found {
			t.Errorf("in no example:\n%s", block)
		}
	}
	if blocks < 3 {
		t.Errorf("only %d blocks", blocks)
	}
}

// squeeze takes the indentation away.
func squeeze(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}

// TestDocumentsNameWhatExists checks every name in code that the documents give
// of this module's packages: sessions.X, engine.X, Settings.X, m.X of a Manager,
// s.X of a Session.
func TestDocumentsNameWhatExists(t *testing.T) {
	exists := map[string]bool{}
	for folder, name := range map[string]string{".": "sessions", "engine": "engine", "codec": "codec", "signing": "signing"} {
		exportedNames(t, folder, name, exists)
	}
	short := map[string]string{"s": "Session", "m": "Manager"}
	code := regexp.MustCompile("(?s)```.*?```|`[^`\n]+`")
	qualified := regexp.MustCompile(`\b(sessions|engine|codec|signing|Settings|s|m)\.([A-Z]\w*)`)
	checked := 0
	for _, document := range []string{"README.md", "COMPATIBILITY.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md"} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, snippet := range code.FindAllString(string(text), -1) {
			for _, match := range qualified.FindAllStringSubmatch(snippet, -1) {
				of, name := match[1], match[2]
				if long, ok := short[of]; ok {
					of = long
				}
				checked++
				if !exists[of+"."+name] {
					t.Errorf("%s: there is no %s.%s", document, of, name)
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d names found: is the pattern right?", checked)
	}
}

// exportedNames notes what a package exports: pkg.Name, Type.Method, Type.Field.
func exportedNames(t *testing.T, folder, pkg string, names map[string]bool) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Recv == nil {
					names[pkg+"."+decl.Name.Name] = true
					continue
				}
				receiver := decl.Recv.List[0].Type
				if star, ok := receiver.(*ast.StarExpr); ok {
					receiver = star.X
				}
				if ident, ok := receiver.(*ast.Ident); ok {
					names[ident.Name+"."+decl.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					noteSpec(spec, pkg, names)
				}
			}
		}
	}
}

func noteSpec(spec ast.Spec, pkg string, names map[string]bool) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			names[pkg+"."+name.Name] = true
		}
	case *ast.TypeSpec:
		names[pkg+"."+spec.Name.Name] = true
		if structType, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range structType.Fields.List {
				for _, name := range field.Names {
					names[spec.Name.Name+"."+name.Name] = true
				}
			}
		}
	}
}
