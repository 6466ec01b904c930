// Command fileproxy publishes the modules of this checkout, as they are in the
// working tree, as a Go module proxy in a folder. With it `go mod tidy` and
// `go install …@version` can be tried before anything is released.
//
//	fileproxy FOLDER
package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// version is the one that the modules of this repository require of each other.
const version = "v0.1.0"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: fileproxy FOLDER")
		os.Exit(2)
	}
	if err := publish(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "fileproxy:", err)
		os.Exit(1)
	}
}

func publish(folder string) error {
	list, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	files := strings.Split(strings.TrimRight(string(list), "\x00"), "\x00")
	slices.Sort(files)
	var roots []string
	for _, file := range files {
		if path.Base(file) == "go.mod" && !strings.Contains(file, "testdata/") {
			roots = append(roots, path.Dir(file))
		}
	}
	for _, root := range roots {
		if err := publishModule(folder, root, roots, files); err != nil {
			return fmt.Errorf("%s: %w", root, err)
		}
	}
	return nil
}

func publishModule(folder, root string, roots, files []string) error {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	line, _, _ := bytes.Cut(mod, []byte("\n"))
	name := strings.TrimSpace(strings.TrimPrefix(string(line), "module"))
	to := filepath.Join(folder, filepath.FromSlash(name), "@v")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	archive, err := os.Create(filepath.Join(to, version+".zip"))
	if err != nil {
		return err
	}
	defer archive.Close()
	w := zip.NewWriter(archive)
	for _, file := range files {
		if owner(file, roots) != root {
			continue
		}
		if err := add(w, name+"@"+version+"/"+strings.TrimPrefix(file, root+"/"), file); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	info := fmt.Sprintf(`{"Version":%q,"Time":%q}`, version, time.Now().UTC().Format(time.RFC3339))
	for name, content := range map[string][]byte{version + ".info": []byte(info), version + ".mod": mod, "list": []byte(version + "\n")} {
		if err := os.WriteFile(filepath.Join(to, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// owner is the module that a file belongs to: the innermost around it.
func owner(file string, roots []string) string {
	best := ""
	for _, root := range roots {
		if (root == "." || strings.HasPrefix(file, root+"/")) && (best == "" || best == "." || len(root) > len(best) && root != ".") {
			best = root
		}
	}
	return best
}

func add(w *zip.Writer, name, file string) error {
	info, err := os.Lstat(file)
	if os.IsNotExist(err) || err == nil && !info.Mode().IsRegular() {
		return nil // deleted but not committed, or a link
	}
	if err != nil {
		return err
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := w.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return err
}
