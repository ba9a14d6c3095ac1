package vulncheck

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Official is the vulnerability database of the Go project.
// https://go.dev/security/vuln/database
const Official = "https://vuln.go.dev"

// index is the file of a database that lists the modules with vulnerabilities.
const index = "index/modules.json"

// Database returns the address of the database that text names: a URL, or a folder with a
// copy; if text is empty, the official one. A folder must list at least one module,
// because in an empty database no vulnerability is ever found.
func Database(text string) (string, error) {
	if text == "" {
		return Official, nil
	}
	dir := text
	if scheme, _, ok := strings.Cut(text, "://"); ok {
		u, err := url.Parse(text)
		switch {
		case err != nil:
			return "", err
		case scheme == "https" || scheme == "http":
			return strings.TrimRight(text, "/"), nil
		case scheme != "file":
			return "", fmt.Errorf("%q is not a database: pass an https URL or a folder", text)
		}
		dir = filepath.FromSlash(u.Path)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(index)))
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s is not a vulnerability database: %s is missing; see %s", text, index, "https://go.dev/security/vuln/database#api")
	}
	if err != nil {
		return "", err
	}
	var modules []struct{ Path string }
	if err := json.Unmarshal(data, &modules); err != nil {
		return "", fmt.Errorf("%s: %s: %w", text, index, err)
	}
	if len(modules) == 0 {
		return "", fmt.Errorf("%s: %s lists no modules, so no vulnerability would be found", text, index)
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String(), nil
}
