package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// Flags of the program that the functions do not have.
var notHere = map[string]string{
	// of New, for all functions
	"account": "New", "base": "New", "ffmpeg": "New", "platform": "New", "region": "New",
	"private-registry": "New", "public-alias": "New", "public-registry": "New",
	// a function returns a File, Directory or Container: export it
	"out": "export", "svg": "cost-picture", "layout": "image",
	// the images are built in the same call, and the engine keeps them
	"from": "built", "offline": "the engine's", "local": "a folder of this machine", "image": "a container of its own",
	"mirror": "ci/images.lock.json", "parallel": "the program's default", "port": "with --local", "serve": "with --local",
	// how the steps of the module call the program
	"base-layout": "step", "ffmpeg-layer": "step", "binaries": "step", "emulator": "step", "listen": "up", "s3-listen": "up",
	// the command line of Dagger has these flags itself
	"json": "as-json", "env": "variable",
}

// verbsNotHere are verbs that work on the checkout itself.
var verbsNotHere = []string{"completion", "lock", "new", "registry", "version"}

// A user who knows one way in knows the other: docs/COMMANDS.md, which the program writes,
// says what flags each verb has.
func TestFunctionsHaveTheFlagsOfTheProgram(t *testing.T) {
	reference, err := os.ReadFile("../docs/COMMANDS.md")
	if err != nil {
		t.Fatal(err)
	}
	parameters := parameters(t)
	flag := regexp.MustCompile("(?m)^\\| `(?:-\\w, )?--([a-z0-9-]+)")
	seen := 0
	for part := range strings.SplitSeq(string(reference), "\n## bin/ci ") {
		verb, text, _ := strings.Cut(part, "\n")
		if strings.HasPrefix(verb, "#") || slices.Contains(verbsNotHere, verb) {
			continue
		}
		got, ok := parameters[verb]
		if !ok {
			t.Errorf("no function %s", verb)
			continue
		}
		for _, found := range flag.FindAllStringSubmatch(text, -1) {
			seen++
			if _, excused := notHere[found[1]]; !excused && !slices.Contains(got, found[1]) {
				t.Errorf("%s has no --%s", verb, found[1])
			}
		}
	}
	if seen < 50 {
		t.Errorf("docs/COMMANDS.md has only %d flags", seen)
	}
}

// parameters returns the parameters of each function, all in kebab-case.
func parameters(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			function, ok := d.(*ast.FuncDecl)
			if !ok || !function.Name.IsExported() || function.Recv == nil && function.Name.Name != "New" {
				continue
			}
			name := kebab(function.Name.Name)
			found[name] = []string{}
			for _, p := range function.Type.Params.List {
				for _, n := range p.Names {
					found[name] = append(found[name], kebab(n.Name))
				}
			}
		}
	}
	return found
}

// kebab writes buildAll, BuildAll and asJSON as the command line of Dagger does.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 && !unicode.IsUpper(rune(name[i-1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
