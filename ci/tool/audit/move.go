package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// MoveExceptions changes what [ExceptionsFile] says about a folder that is now another one,
// or, if to is "", is gone. It tells whether it changed the file.
func MoveExceptions(root, from, to string) (bool, error) {
	var e Exceptions
	if err := catalog.ReadJSON(root, ExceptionsFile, &e); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	changed := false
	moved := func(name string) (string, bool) {
		if !catalog.Within(name, from) {
			return name, true
		}
		changed = true
		return to + strings.TrimPrefix(name, from), to != ""
	}
	stays := func(name *string) bool {
		now, ok := moved(*name)
		*name = now
		return ok
	}
	e.Packages = slices.DeleteFunc(e.Packages, func(name string) bool { _, ok := moved(name); return !ok })
	for n := range e.Packages {
		stays(&e.Packages[n])
	}
	var functions []FunctionException
	for _, f := range e.Functions {
		if stays(&f.File) {
			functions = append(functions, f)
		}
	}
	if e.Functions = functions; !changed {
		return false, nil
	}
	var b bytes.Buffer
	if err := report.JSON(&b, e); err != nil {
		return false, fmt.Errorf("write %s: %w", ExceptionsFile, err)
	}
	if err := cache.WriteFile(filepath.Join(root, filepath.FromSlash(ExceptionsFile)), b.Bytes()); err != nil {
		return false, fmt.Errorf("write %s: %w", ExceptionsFile, err)
	}
	return true, nil
}
