// Package examples holds complete configurations that the tests run and that
// `tenon init` and `tenon demo` hand out.
package examples

import (
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed hubspot-jira/tenon.yaml hubspot-jira/mappings/*.yaml
var files embed.FS

// HubSpotJira is a configuration for deals of HubSpot and epics of Jira:
// tenon.yaml and mappings/.
func HubSpotJira() fs.FS {
	sub, err := fs.Sub(files, "hubspot-jira")
	if err != nil { // the path is a constant
		panic(err)
	}
	return sub
}

// Write copies an example into dir, and returns the paths of the files written.
// Files that are there already are left as they are.
func Write(example fs.FS, dir string) (written []string, err error) {
	err = fs.WalkDir(example, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(path))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := fs.ReadFile(example, path)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = f.Write(text)
		if err = errors.Join(err, f.Close()); err == nil {
			written = append(written, target)
		}
		return err
	})
	return written, err
}
