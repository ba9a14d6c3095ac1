package audit

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"lambdas.internal/ci/tool/audit/fingerprint"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// ExceptionsFile is the file, relative to the workspace root, that says what public images
// may have although private ones have it too. A review sees each change of it.
const ExceptionsFile = "ci/public.json"

// Exceptions are what public images may have.
type Exceptions struct {
	// Packages are the folders of packages that public and private images may share.
	Packages []string `json:"packages,omitempty"`
	// Texts are in a private file.
	Texts []TextException `json:"texts,omitempty"`
	// Functions are in a private file.
	Functions []FunctionException `json:"functions,omitempty"`
}

// TextException is a text of a private file that may be public.
type TextException struct {
	Text   string `json:"text"`
	Reason string `json:"reason"`
}

// FunctionException is a function of a private file whose code may be public.
type FunctionException struct {
	File   string `json:"file"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// ReadExceptions reads the exceptions of the workspace at root. Without the file there are
// none.
func ReadExceptions(root string, private []string) (e Exceptions, err error) {
	problem := func(field, fix string) (Exceptions, error) {
		return Exceptions{}, catalog.Problem{File: ExceptionsFile, Field: field, Fix: fix}
	}
	if err := catalog.ReadJSON(root, ExceptionsFile, &e); errors.Is(err, os.ErrNotExist) {
		return e, nil
	} else if err != nil {
		return Exceptions{}, err
	}
	for n, folder := range e.Packages {
		field := fmt.Sprintf("packages[%d]", n)
		info, err := os.Stat(filepath.Join(root, filepath.FromSlash(folder)))
		switch {
		case slices.ContainsFunc(private, func(dir string) bool { return catalog.Within(folder, dir) }):
			return problem(field, folder+" is private; remove it")
		case err != nil || !info.IsDir() || !filepath.IsLocal(folder) || path.Clean(folder) != folder:
			return problem(field, folder+" is no folder of the workspace; remove it")
		}
	}
	for n, t := range e.Texts {
		if t.Reason == "" {
			return problem(fmt.Sprintf("texts[%d].reason", n), "is missing; say why the text may be public")
		}
	}
	for n, f := range e.Functions {
		if f.Reason == "" {
			return problem(fmt.Sprintf("functions[%d].reason", n), "is missing; say why the code may be public")
		}
	}
	return e, nil
}

// apply makes the fingerprint recognise the exceptions no more.
func (e Exceptions) apply(p *fingerprint.Fingerprint) error {
	for n, t := range e.Texts {
		if err := p.ExceptText(t.Text); err != nil {
			return catalog.Problem{File: ExceptionsFile, Field: fmt.Sprintf("texts[%d]", n), Fix: err.Error()}
		}
	}
	for n, f := range e.Functions {
		if err := p.ExceptFunction(f.File, f.Name); err != nil {
			return catalog.Problem{File: ExceptionsFile, Field: fmt.Sprintf("functions[%d]", n), Fix: err.Error()}
		}
	}
	return nil
}

// list names the exceptions, for each run to show them.
func (e Exceptions) list() []string {
	var all []string
	for _, t := range e.Texts {
		all = append(all, fmt.Sprintf("%s: a text: %s", ExceptionsFile, t.Reason))
	}
	for _, f := range e.Functions {
		all = append(all, fmt.Sprintf("%s: %s of %s: %s", ExceptionsFile, f.Name, f.File, f.Reason))
	}
	return all
}
