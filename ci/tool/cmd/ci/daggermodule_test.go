package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
)

// daggerFunction is a function as `dagger call` sees it.
type daggerFunction struct {
	flags    map[string]bool // whether the flag takes a value
	required []string
	returns  string // a type of the module or of Dagger with functions of its own, or empty
}

// daggerTypes are the functions of each type, by their names on the command line. That
// of the module is Ci; its function New, whose flags come first, is "".
type daggerTypes map[string]map[string]daggerFunction

// checkDagger returns a check of the arguments of dagger: of `call`, that the module's
// source in ci/*.go and the engine's schema have the functions and their flags.
func checkDagger(t *testing.T) func([]string) error {
	types := moduleFunctions(t)
	engineFunctions(t, types)
	// https://docs.dagger.io/reference/cli, those that this repository has a use for
	global := map[string]bool{"--silent": false, "-s": false, "--progress": true, "--debug": false, "-d": false, "-q": false, "-m": true, "--env": true}
	return func(args []string) error {
		for len(args) > 0 && strings.HasPrefix(args[0], "-") {
			value, ok := global[args[0]]
			if !ok {
				return fmt.Errorf("dagger has no flag %s (that this test knows)", args[0])
			}
			args = args[1:]
			if value && len(args) > 0 {
				args = args[1:]
			}
		}
		switch {
		case len(args) == 0, slices.Contains([]string{"check", "core", "develop", "functions", "settings", "up", "update", "version"}, args[0]):
			return nil
		case args[0] != "call":
			return fmt.Errorf("dagger has no command %s (that this test knows)", args[0])
		}
		return types.call(args[1:])
	}
}

// call follows a chain of functions.
func (d daggerTypes) call(args []string) error {
	rest, err := d["Ci"][""].take(args)
	if err != nil {
		return err
	}
	of := "Ci"
	for called := false; ; called = true {
		switch {
		case len(rest) == 0 && called:
			return nil
		case len(rest) == 0:
			return fmt.Errorf("no function is named")
		case rest[0] == "--help", placeholder.MatchString(rest[0]):
			return nil
		}
		f, ok := d[of][rest[0]]
		if !ok {
			return fmt.Errorf("%q has no function %s", of, rest[0])
		}
		if rest, err = f.take(rest[1:]); err != nil {
			return err
		}
		of = f.returns
	}
}

// take consumes the flags of the function.
func (f daggerFunction) take(args []string) ([]string, error) {
	var given []string
	for len(args) > 0 && strings.HasPrefix(args[0], "--") && args[0] != "--help" {
		name, _, inline := strings.Cut(strings.TrimPrefix(args[0], "--"), "=")
		value, ok := f.flags[name]
		if !ok {
			return nil, fmt.Errorf("there is no flag --%s", name)
		}
		args = args[1:]
		if value && !inline {
			if len(args) == 0 {
				return nil, fmt.Errorf("--%s has no value", name)
			}
			args = args[1:]
		}
		given = append(given, name)
	}
	for _, r := range f.required {
		if !slices.Contains(given, r) && !slices.Contains(args, "--help") {
			return nil, fmt.Errorf("--%s is missing", r)
		}
	}
	return args, nil
}

var (
	words    = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	acronyms = regexp.MustCompile(`([A-Z]+)([A-Z][a-z])`)
	leading  = regexp.MustCompile(`^[A-Z]+`)
)

// kebab is a Go name as the command line has it.
func kebab(name string) string {
	name = leading.ReplaceAllStringFunc(name, strings.ToLower)
	return strings.ToLower(words.ReplaceAllString(acronyms.ReplaceAllString(name, "$1-$2"), "$1-$2"))
}

// moduleFunctions reads the functions from the module's source.
func moduleFunctions(t *testing.T) daggerTypes {
	found := map[string]daggerFunction{}
	files, err := filepath.Glob(filepath.Join(repository, "ci", "*.go"))
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".gen.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() {
				continue
			}
			if f.Recv == nil && f.Name.Name == "New" {
				found[""] = daggerFlags(file, f)
			}
			if f.Recv != nil {
				found[kebab(f.Name.Name)] = daggerFlags(file, f)
			}
		}
	}
	require.Greater(t, len(found), 10)
	return daggerTypes{"Ci": found}
}

// daggerFlags are a function's parameters. A comment above one may say that it is not
// required.
func daggerFlags(file *ast.File, f *ast.FuncDecl) daggerFunction {
	found := daggerFunction{flags: map[string]bool{}}
	after := f.Type.Params.Pos()
	for _, p := range f.Type.Params.List {
		optional := false
		for _, c := range file.Comments {
			text := c.Text()
			if c.Pos() > after && c.End() < p.Pos() {
				optional = optional || strings.Contains(text, "+optional") || strings.Contains(text, "+default")
			}
		}
		after = p.End()
		kind, _ := p.Type.(*ast.Ident)
		if s, ok := p.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Context" {
			continue
		}
		for _, name := range p.Names {
			found.flags[kebab(name.Name)] = kind == nil || kind.Name != "bool"
			if !optional {
				found.required = append(found.required, kebab(name.Name))
			}
		}
	}
	if f.Type.Results != nil {
		if star, ok := f.Type.Results.List[0].Type.(*ast.StarExpr); ok {
			switch x := star.X.(type) {
			case *ast.SelectorExpr:
				found.returns = x.Sel.Name
			case *ast.Ident:
				found.returns = x.Name
			}
		}
	}
	return found
}

var (
	schemaType  = regexp.MustCompile(`(?m)^type (\w+)[^{]*\{\n((?:  .*\n)+)\}`)
	schemaField = regexp.MustCompile(`(?m)^  (\w+)(?:\((.*)\))?: \[?(\w+)`)
	schemaFlag  = regexp.MustCompile(`(\w+): (\[?\w+[!\]]*)( = [^,@]+)?`)
	directive   = regexp.MustCompile(` @\w+\([^)]*\)`)
)

// engineFunctions adds the functions of Dagger's own types, from the engine's schema.
func engineFunctions(t *testing.T, types daggerTypes) {
	schema := string(testkit.Source(t, repository, "ci/testdata/schema.graphql"))
	for _, m := range schemaType.FindAllStringSubmatch(schema, -1) {
		functions := map[string]daggerFunction{}
		for _, field := range schemaField.FindAllStringSubmatch(m[2], -1) {
			f := daggerFunction{flags: map[string]bool{}, returns: field[3]}
			for _, flag := range schemaFlag.FindAllStringSubmatch(directive.ReplaceAllString(field[2], ""), -1) {
				f.flags[kebab(flag[1])] = !strings.HasPrefix(flag[2], "Boolean")
				if strings.HasSuffix(flag[2], "!") && flag[3] == "" {
					f.required = append(f.required, kebab(flag[1]))
				}
			}
			functions[kebab(field[1])] = f
		}
		types[m[1]] = functions
	}
	require.Contains(t, types["Directory"], "export")
	require.Contains(t, types["Container"], "terminal")
}
