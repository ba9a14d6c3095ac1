//go:build unix

package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// edit is a line in the body of a Go function that can be changed again and again. Each
// change also changes the machine code; otherwise the Go cache would already have the
// result.
type edit struct {
	file, name    string
	before, after string // the source around the line
	count         int
}

// newEdit finds the function with the name in the Go package in dir.
func newEdit(dir, name string) (*edit, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("find the function to edit: %w", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("find the function to edit: %w", err)
		}
		at, err := bodyOf(file, source, name)
		if err != nil {
			return nil, fmt.Errorf("find the function to edit: %w", err)
		}
		if at > 0 {
			return &edit{file: file, name: name, before: string(source[:at]), after: string(source[at:])}, nil
		}
	}
	return nil, errors.New("find the function to edit: " + dir + " has no func " + name)
}

// bodyOf returns the offset after the opening brace of the function, or 0.
func bodyOf(file string, source []byte, name string) (int, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return 0, err
	}
	for _, decl := range parsed.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == name && f.Body != nil {
			return set.Position(f.Body.Lbrace).Offset + 1, nil
		}
	}
	return 0, nil
}

// text is what the function prints since the last change. No other edit of the benchmark prints it.
func (e *edit) text() string { return fmt.Sprintf("edit %d of %s", e.count, e.name) }

// Apply writes the line with new content.
func (e *edit) Apply() error {
	e.count++
	line := fmt.Sprintf("\n\tprintln(%q)\n", e.text())
	if err := os.WriteFile(e.file, []byte(e.before+line+e.after), 0o644); err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	return nil
}
