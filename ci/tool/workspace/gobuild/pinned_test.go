package gobuild_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// withWords returns a workspace whose api uses a module, and records its checksum.
func withWords(t *testing.T) *catalog.Catalog {
	t.Helper()
	c := testkit.Workspace(t, map[string]string{
		api + "/go.mod":  testkit.GoMod("lambdas.internal/"+api, "require example.test/words v1.0.0"),
		api + "/main.go": "package main\n\nimport \"example.test/words\"\n\nfunc main() { println(words.Greet(\"x\")) }\n",
	})
	testkit.Tidy(t, filepath.Join(c.Root, api))
	return c
}

// A module without a recorded checksum could be anything.
func TestAModuleWithoutAChecksum(t *testing.T) {
	for name, sums := range map[string]string{"no go.work.sum": "", "a go.work.sum with others": "example.test/other v1.0.0 h1:Q51t85NIGIZWQIzTHCx8eBfZOCx7/FICsfU4tcDPv5U=\n"} {
		t.Run(name, func(t *testing.T) {
			testkit.ServeModules(t)
			c := withWords(t)
			require.NoError(t, os.Remove(filepath.Join(c.Root, api, "go.sum")))
			if sums != "" {
				testkit.Write(t, c.Root, map[string]string{"go.work.sum": sums})
			}
			before := testkit.Tree(t, c.Root)

			_, err := gobuild.Compile(t.Context(), c, c.Functions, testkit.AMD64, t.TempDir())

			require.EqualError(t, err, "compile: "+api+"/go.sum: example.test/words v1.0.0: has no checksum, "+
				"so nothing says what it must contain; record it with `go -C "+api+" mod tidy`, and commit the file")
			assert.Equal(t, before, testkit.Tree(t, c.Root), "the work tree is as it was")
			testkit.Tidy(t, filepath.Join(c.Root, api))
			compile(t, c, t.TempDir())
		})
	}
}

// What `go env -w` sets reaches every call of go.
func TestTheSettingsOfTheUser(t *testing.T) {
	for name, want := range map[string]string{"a proxy that has the module": "", "no proxy": "module lookup disabled by GOPROXY=off"} {
		t.Run(name, func(t *testing.T) {
			proxy := "off"
			if want == "" {
				proxy = testkit.ModuleProxy(t)
			}
			testkit.ServeModules(t) // to record the checksum
			c := withWords(t)
			for _, v := range []string{"GOPROXY", "GOMODCACHE", "GOSUMDB", "GOFLAGS"} {
				require.NoError(t, os.Unsetenv(v)) // ServeModules sets it back after the test
			}
			modules := filepath.Join(t.TempDir(), "modules")
			env := filepath.Join(t.TempDir(), "env")
			require.NoError(t, os.WriteFile(env, []byte("GOPROXY="+proxy+"\nGOMODCACHE="+modules+"\nGOSUMDB=off\n"), 0o644))
			t.Setenv("GOENV", env)
			defer func() {
				_ = filepath.WalkDir(modules, func(name string, _ os.DirEntry, _ error) error { return os.Chmod(name, 0o755) })
			}()

			_, err := gobuild.Packages(t.Context(), c, c.Functions, testkit.AMD64)
			if want != "" {
				require.ErrorContains(t, err, want)
				return
			}
			require.NoError(t, err)
			sources, err := gobuild.Discover(t.Context(), c, c.Functions, testkit.AMD64)
			require.NoError(t, err)
			_, err = sources.Keys()
			require.NoError(t, err)
			compile(t, c, t.TempDir())
			_, err = gobuild.WithSymbols(t.Context(), c, c.Functions[0], testkit.AMD64, t.TempDir())
			require.NoError(t, err)
			assert.DirExists(t, filepath.Join(modules, "example.test", "words@v1.0.0"))
		})
	}
}

func TestWhatCannotRunInLambda(t *testing.T) {
	testkit.ServeModules(t)
	for name, c := range map[string]struct {
		change map[string]string
		before func(root string)
		want   string
	}{
		"a library that knows RPC only": {
			map[string]string{
				api + "/go.mod":  testkit.GoMod("lambdas.internal/"+api, "require github.com/aws/aws-lambda-go v1.6.0"),
				api + "/main.go": "package main\n\nimport \"github.com/aws/aws-lambda-go/lambda\"\n\nfunc main() { lambda.Start(nil) }\n",
			}, func(root string) { testkit.Tidy(t, filepath.Join(root, api)) },
			api + "/go.mod: require github.com/aws/aws-lambda-go: v1.6.0 cannot run on provided.al2023, because it does not know the Lambda Runtime API; require v1.18.0 or later: go -C " + api + " get github.com/aws/aws-lambda-go@latest"},
		"a function that is C": {
			map[string]string{api + "/main.go": "package main\n\nimport \"C\"\n\nfunc main() {}\n"}, nil,
			api + "/main.go: import \"C\": cgo is off"},
		"a function that uses a package that is C": {
			map[string]string{"shared/greet/a.go": "package greet\n\nimport \"C\"\n\nconst Word = \"\"\n"}, nil,
			"shared/greet/a.go: import \"C\": cgo is off"},
		"a mistake beside a file in C for another system": {
			map[string]string{
				"shared/greet/a_plan9.go": "package greet\n\nimport \"C\"\n",
				"shared/greet/a.go":       "package greet\n\nconst Word = wrong\n",
			}, nil,
			"compile enhance (functions/enhance-lambda):"},
		"a named pipe among the sources": {nil, func(root string) {
			testkit.Fifo(t, filepath.Join(root, api, "pipe.go"))
		}, api + "/pipe.go: is a named pipe, which Go would read as a source; remove it, or put a file there"},
		"a link to a device among the sources of a package": {nil, func(root string) {
			require.NoError(t, os.Symlink("/dev/zero", filepath.Join(root, "shared", "greet", "zero.go")))
		}, "shared/greet/zero.go: is a device, which Go would read as a source; remove it, or put a file there"},
		"a named pipe in place of go.sum": {nil, func(root string) {
			testkit.Fifo(t, filepath.Join(root, api, "go.sum"))
		}, api + "/go.sum: is a named pipe, which Go would read as a source; remove it, or put a file there"},
	} {
		t.Run(name, func(t *testing.T) {
			w := testkit.Workspace(t, c.change)
			if c.before != nil {
				c.before(w.Root)
			}
			results, err := gobuild.Compile(t.Context(), w, w.Functions, testkit.AMD64, t.TempDir())
			for _, r := range results {
				if err == nil {
					err = r.Err
				}
			}

			require.ErrorContains(t, err, c.want)
			first, _, _ := strings.Cut(err.Error(), "\n")
			assert.Contains(t, first, c.want)
		})
	}
}

// A pipe that is no source is left alone, and so is one that is added later.
func TestANamedPipeThatIsNoSource(t *testing.T) {
	c, dir := testkit.Workspace(t, nil), t.TempDir()
	testkit.Fifo(t, filepath.Join(c.Root, api, "pipe"))
	compile(t, c, dir)
	require.Empty(t, fresh(compile(t, c, dir)))
	testkit.Fifo(t, filepath.Join(c.Root, api, "late.go"))

	_, err := gobuild.Compile(t.Context(), c, c.Functions, testkit.AMD64, dir)

	require.ErrorContains(t, err, api+"/late.go: is a named pipe")
}

// wrapped runs a line of shell before the first `go build`.
func wrapped(t *testing.T, line string) {
	t.Helper()
	done := filepath.Join(t.TempDir(), "done")
	before(t, "if [ \"$1\" = build ] && ! [ -e "+done+" ]; then touch "+done+"; "+line+"; fi")
}

// before puts a command named go into the PATH that runs a line of shell before go.
func before(t *testing.T, line string) {
	t.Helper()
	real, err := exec.LookPath("go")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go"), []byte("#!/bin/sh\n"+line+"\nexec "+real+" \"$@\"\n"), 0o755))
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// A source that is edited while it is compiled is compiled again.
func TestASourceThatChangesMeanwhile(t *testing.T) {
	for name, line := range map[string]string{
		"the content":                   "echo '// more' >> " + api + "/main.go",
		"the content, with an old time": "sed 's/alone/others/' " + api + "/main.go > other && touch -d 2001-01-01 other && cp -p other " + api + "/main.go",
		"another file":                  "printf 'package main\n' > " + api + "/more.go",
		"a module file":                 "echo '// more' >> " + api + "/go.mod",
	} {
		t.Run(name, func(t *testing.T) {
			c, dir := testkit.Workspace(t, nil), t.TempDir()
			path := os.Getenv("PATH")
			wrapped(t, line)

			results, err := gobuild.Compile(t.Context(), c, c.Functions, testkit.AMD64, dir)

			require.NoError(t, err)
			require.NoError(t, results[0].Err)
			require.NoError(t, os.Setenv("PATH", path))
			assert.Equal(t, compile(t, c, t.TempDir())["api"].Digest, results[0].Binary.Digest)
			assert.Empty(t, fresh(compile(t, c, dir)))
		})
	}
}

// Sources that never rest cannot be built.
func TestSourcesThatChangeAllTheTime(t *testing.T) {
	c := testkit.Workspace(t, nil)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				assert.NoError(t, os.Chtimes(filepath.Join(c.Root, api, "main.go"), time.Now(), time.Now()))
			}
		}
	}()

	_, err := gobuild.Compile(t.Context(), c, c.Functions, testkit.AMD64, t.TempDir())
	close(stop)
	<-stopped

	require.EqualError(t, err, "compile: the sources change all the time; wait until what writes them has ended, then run the same command again")
}
