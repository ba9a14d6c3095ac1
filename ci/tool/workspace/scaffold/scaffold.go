// Package scaffold creates the folder of a new function: sources, tests and image.json
// from a template, and a go.mod with the versions of the workspace.
package scaffold

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/mod/modfile"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/workspace/catalog"
)

//go:embed template
var templates embed.FS

// does says in main.go what the template of each variant does.
var does = map[catalog.Variant]string{
	catalog.Light: "counts the words of a text",
	catalog.Heavy: "says what a photo or video in S3 shows",
}

// LambdaName returns the name in AWS of a new function: the words that the names of all
// other functions start with, then the words of the image name.
func LambdaName(functions []catalog.Function, image string) string {
	var b strings.Builder
	b.WriteString(commonWords(functions))
	for word := range strings.SplitSeq(image, "-") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// commonWords returns the words that all names start with; of a single name it returns
// none.
func commonWords(functions []catalog.Function) string {
	if len(functions) < 2 {
		return ""
	}
	common := functions[0].Lambda
	for _, f := range functions[1:] {
		n := 0
		for n < min(len(common), len(f.Lambda)) && common[n] == f.Lambda[n] {
			n++
		}
		common = common[:n]
	}
	ends := func() bool { // every name has a word boundary here
		return !slices.ContainsFunc(functions, func(f catalog.Function) bool {
			rest := f.Lambda[len(common):]
			return rest != "" && (rest[0] < 'A' || rest[0] > 'Z')
		})
	}
	for common != "" && !ends() {
		common = common[:len(common)-1]
	}
	return common
}

// Made describes the new function.
type Made struct {
	catalog.Function
	// Files are slash-separated and relative to the workspace, in order.
	Files []string `json:"files"`
	// SumsMissing is set if go.sum lacks lines that `go mod tidy` would write with a
	// network. The function builds and its tests run without them.
	SumsMissing bool `json:"sumsMissing,omitempty"`
}

// Refused is the error for a function that cannot be created.
type Refused []catalog.Problem

func (r Refused) Error() string {
	lines := make([]string, len(r))
	for n, p := range r {
		lines[n] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// New creates the function in the workspace and adds it to go.work, or changes nothing.
// It fails with [Refused] if the name or another field of the function is not allowed.
func New(ctx context.Context, c *catalog.Catalog, f catalog.Function) (made *Made, err error) {
	f.Folder = Folder(c, f.Image)
	f.Program = path.Base(f.Folder)
	problems, err := c.Admit(f)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, Refused(problems)
	}
	target := filepath.Join(c.Root, filepath.FromSlash(f.Folder))
	if _, err := os.Lstat(target); err == nil {
		return nil, Refused{{Field: "image", Fix: f.Folder + " already exists; choose another name"}}
	}
	fill := Render
	if !own(c) {
		fill = renderPlain
	}
	files, err := fill(f)
	if err != nil {
		return nil, err
	}
	if f.Module, err = moduleOf(c.Root, path.Dir(f.Folder)); err != nil {
		return nil, fmt.Errorf("create %s: %w", f.Folder, err)
	}
	alone := own(c) || f.Module == "" // a module of its own
	if alone {
		f.Module = f.Folder
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return nil, fmt.Errorf("create %s: %w", f.Folder, err)
	}
	// The catalog ignores a folder that starts with a dot. In this one, relative paths are
	// the same as in the final folder.
	dir, err := os.MkdirTemp(filepath.Dir(target), ".new-")
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", f.Folder, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create %s: %w", f.Folder, err)
	}
	made = &Made{Function: f}
	if alone {
		made.Files = []string{f.Folder + "/go.mod", f.Folder + "/go.sum"}
	}
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, fmt.Errorf("create %s: %w", f.Folder, err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return nil, fmt.Errorf("create %s: %w", f.Folder, err)
		}
		made.Files = append(made.Files, f.Folder+"/"+name)
	}
	slices.Sort(made.Files)
	if alone {
		write := writeModule
		if !own(c) {
			write = plainModule
		}
		whole, err := write(ctx, c, dir, f)
		if err != nil {
			return nil, err
		}
		made.SumsMissing = !whole
	}
	if err := os.Rename(dir, target); err != nil {
		return nil, fmt.Errorf("create %s: %w", f.Folder, err)
	}
	changed, err := c.Place(f.Folder, true)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(target))
	}
	if changed {
		made.Files = append(made.Files, catalog.PipelineFile)
	}
	if !alone || c.Alone {
		return made, nil
	}
	if err := use(c, f.Folder); err != nil {
		return nil, errors.Join(err, os.RemoveAll(target))
	}
	made.Files = append(made.Files, "go.work")
	return made, nil
}

// Render returns the files of a new function by name, without its go.mod and go.sum.
func Render(f catalog.Function) (map[string][]byte, error) {
	return render(f, "template", "template/"+string(f.Variant))
}

// renderPlain is [Render] for a workspace without the module shared.
func renderPlain(f catalog.Function) (map[string][]byte, error) {
	return render(f, "template/plain", "template/plain")
}

// render fills the templates in two folders: that of the program, and that of the rest.
func render(f catalog.Function, program, rest string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, from := range map[string]string{
		"main.go": program + "/main.go.tmpl", "handler.go": rest + "/handler.go.tmpl",
		"handler_test.go": rest + "/handler_test.go.tmpl", "testdata/event.json": rest + "/event.json.tmpl",
	} {
		text, err := fs.ReadFile(templates, from)
		if err != nil {
			return nil, fmt.Errorf("read the template: %w", err)
		}
		t, err := template.New(name).Parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("read the template %s: %w", from, err)
		}
		var b bytes.Buffer
		if err := t.Execute(&b, struct{ Name, Does string }{f.Image, does[f.Variant]}); err != nil {
			return nil, fmt.Errorf("fill the template %s: %w", from, err)
		}
		content := b.Bytes()
		if path.Ext(name) == ".go" {
			if content, err = format.Source(content); err != nil {
				return nil, fmt.Errorf("format %s: %w", name, err)
			}
		}
		files[name] = content
	}
	description, err := catalog.Describe(f)
	if err != nil {
		return nil, err
	}
	files[catalog.DescriptionFile] = description
	return files, nil
}

// use adds the folder to go.work.
func use(c *catalog.Catalog, folder string) error {
	work, err := catalog.GoWork(c.Root)
	if err != nil {
		return fmt.Errorf("add %s to go.work: %w", folder, err)
	}
	if err := work.AddUse("./"+folder, ""); err != nil {
		return fmt.Errorf("add %s to go.work: %w", folder, err)
	}
	work.SortBlocks()
	work.Cleanup()
	if err := cache.WriteFile(filepath.Join(c.Root, "go.work"), modfile.Format(work.Syntax)); err != nil {
		return fmt.Errorf("add %s to go.work: %w", folder, err)
	}
	return nil
}
