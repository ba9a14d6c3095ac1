package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

// ReadProprietary returns the fingerprint of all files below [ProprietaryDir] in the
// workspace at root. If the folder is missing, the fingerprint recognises nothing, and no
// public image passes.
func ReadProprietary(root string) (*Fingerprint, error) {
	p := NewFingerprint()
	err := filepath.WalkDir(filepath.Join(root, ProprietaryDir), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err // a broken link too: it cannot be examined
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		file := filepath.ToSlash(rel)
		p.Add(file, content)
		if strings.HasSuffix(file, ".go") {
			if importPath := importPath(root, path.Dir(file)); importPath != "" {
				p.AddPackage(importPath, path.Dir(file))
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the proprietary files: %w", err)
	}
	return p, nil
}

// importPath returns the import path of the package in folder, from the nearest go.mod
// above it.
func importPath(root, folder string) string {
	for at := folder; ; at = path.Dir(at) {
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(at), "go.mod"))
		if err == nil {
			return path.Join(modfile.ModulePath(data), strings.TrimPrefix(folder, at))
		}
		if at == "." {
			return ""
		}
	}
}
