package main

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestQueriesAreAsInTheGoldenFiles(t *testing.T) {
	for _, i := range invocations {
		t.Run(i.name, func(t *testing.T) {
			s := i.made(t)
			// The image in which the module compiles is that of the lock file, which changes.
			builder, err := lockedBuilder(lockFile)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, i.name, strings.ReplaceAll(s.document(), `"`+builder+`"`, `"BUILDER"`))
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".graphql")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	was, is := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	at := 0
	for at < min(len(was), len(is)) && was[at] == is[at] {
		at++
	}
	t.Errorf("%s differs from line %d on (to see it, run `go test . -update` and git diff):\nwas: %s\nis:  %s",
		file, at+1, strings.Join(was[at:min(at+1, len(was))], ""), strings.Join(is[at:min(at+1, len(is))], ""))
}

func TestEveryFunctionHasAGoldenFile(t *testing.T) {
	generated := []string{"MarshalJSON", "UnmarshalJSON"}
	for method := range reflect.TypeFor[*Ci]().Methods() {
		tested := slices.ContainsFunc(invocations, func(i invocation) bool { return i.method == method.Name })
		if !tested && !slices.Contains(generated, method.Name) {
			t.Errorf("no invocation here calls %s", method.Name)
		}
	}
	files, err := filepath.Glob("testdata/*.graphql")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".graphql")
		if name != "schema" && !slices.ContainsFunc(invocations, func(i invocation) bool { return i.name == name }) {
			t.Errorf("%s belongs to no invocation here", f)
		}
	}
}
