// Package adopt proposes the files with which a repository of Go Lambda functions becomes a
// workspace: an image.json for each function, and ci/pipeline.json. It reads sources only.
package adopt

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// runtimeLibrary lets a Go program run in Lambda.
const runtimeLibrary = "github.com/aws/aws-lambda-go/"

// goPackage is a package of the repository, as its files say.
type goPackage struct {
	folder  string
	program bool
	imports []string
	lambda  bool // it imports the library that runs functions
	ffmpeg  bool // it names the program ffmpeg or ffprobe
}

// survey is what a repository has.
type survey struct {
	root     string
	modules  map[string]*modfile.File // by folder
	packages map[string]*goPackage    // by folder
	// arm64 and amd64 name the first file that says so.
	arm64, amd64 string
}

// skipped are folders that hold no sources of the repository.
var skipped = []string{"vendor", "testdata", "node_modules", "dist", "cdk.out"}

// look reads the repository at root.
func look(root string) (*survey, error) {
	s := &survey{root: root, modules: map[string]*modfile.File{}, packages: map[string]*goPackage{}}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		file := filepath.ToSlash(rel)
		if d.IsDir() {
			if file != "." && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || slices.Contains(skipped, d.Name())) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return s.file(file, d.Name())
	})
	if err != nil {
		return nil, fmt.Errorf("read the repository: %w", err)
	}
	return s, nil
}

func (s *survey) file(file, base string) error {
	switch {
	case base == "go.mod":
		mod, err := catalog.GoMod(s.root, file)
		if err != nil {
			return err
		}
		s.modules[path.Dir(file)] = mod
	case strings.HasSuffix(base, ".go") && !strings.HasSuffix(base, "_test.go"):
		return s.source(file)
	default:
		return s.hint(file, base)
	}
	return nil
}

// source reads one Go file, if it is compiled where functions run. What is no Go is left to the compiler.
func (s *survey) source(file string) error {
	name := filepath.Join(s.root, filepath.FromSlash(file))
	if !catalog.ForLambda(filepath.Split(name)) {
		return nil
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if parsed == nil || err != nil {
		return nil //nolint:nilerr // the compiler says what is wrong with it
	}
	folder := path.Dir(file)
	p := s.packages[folder]
	if p == nil {
		p = &goPackage{folder: folder}
		s.packages[folder] = p
	}
	p.program = p.program || parsed.Name.Name == "main"
	for _, i := range parsed.Imports {
		imported, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		p.imports = append(p.imports, imported)
		p.lambda = p.lambda || strings.HasPrefix(imported, runtimeLibrary+"lambda")
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
			value, err := strconv.Unquote(text.Value)
			program := path.Base(value)
			p.ffmpeg = p.ffmpeg || err == nil && (program == "ffmpeg" || program == "ffprobe")
		}
		return true
	})
	return nil
}

// hints are files that say for which architecture the functions are built.
var hints = []string{"Makefile", "template.yaml", "template.yml", "serverless.yml", "serverless.yaml", "Dockerfile", ".goreleaser.yaml", ".goreleaser.yml"}

// hint looks for the architecture in a file that builds or describes functions.
func (s *survey) hint(file, base string) error {
	if !slices.Contains(hints, base) && !strings.HasSuffix(base, ".tf") {
		return nil
	}
	data, err := catalog.ReadFile(s.root, file)
	if err != nil {
		return err
	}
	text := strings.ToLower(string(data))
	if s.arm64 == "" && (strings.Contains(text, "arm64") || strings.Contains(text, "arm_64")) {
		s.arm64 = file
	}
	if s.amd64 == "" && (strings.Contains(text, "goarch=amd64") || strings.Contains(text, "x86_64") || strings.Contains(text, "goarch: amd64")) {
		s.amd64 = file
	}
	return nil
}

// module returns the folder of the module that has a folder; "" if none has.
func (s *survey) module(folder string) string {
	for at := folder; ; at = path.Dir(at) {
		if s.modules[at] != nil {
			return at
		}
		if at == "." {
			return ""
		}
	}
}

// reach returns the packages of the repository that the program in folder is built from.
func (s *survey) reach(folder string) []*goPackage {
	seen := map[string]bool{folder: true}
	order := []string{folder}
	var all []*goPackage
	for n := 0; n < len(order); n++ {
		p := s.packages[order[n]]
		if p == nil {
			continue
		}
		all = append(all, p)
		for _, imported := range p.imports {
			if at, ok := s.place(imported); ok && !seen[at] {
				seen[at] = true
				order = append(order, at)
			}
		}
	}
	return all
}

// place returns the folder of a package of the repository.
func (s *survey) place(imported string) (folder string, ok bool) {
	for at, mod := range s.modules {
		if mod.Module == nil {
			continue
		}
		rest, below := strings.CutPrefix(imported, mod.Module.Mod.Path)
		if below && (rest == "" || rest[0] == '/') {
			if folder := path.Join(at, rest); s.packages[folder] != nil && s.module(folder) == at {
				return folder, true
			}
		}
	}
	return "", false
}

// there tells whether the repository has a file.
func (s *survey) there(name string) (bool, error) {
	_, err := os.Lstat(filepath.Join(s.root, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
