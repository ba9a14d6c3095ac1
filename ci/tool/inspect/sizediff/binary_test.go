package sizediff_test

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/inspect/sizediff"
	"lambdas.internal/ci/tool/internal/testkit"
)

const (
	before = "package main\n\nimport \"example.test/words\"\n\nfunc main() { println(words.Shout(\"a\")) }\n"
	after  = "package main\n\nimport (\n\t\"encoding/base32\"\n\n\t\"example.test/words\"\n)\n\nfunc main() { println(base32.StdEncoding.EncodeToString([]byte(words.Shout(\"a\")))) }\n"
)

// compile compiles a program that requires the version of example.test/words, with
// the flags of the linker, for the architecture.
func compile(t *testing.T, source, version, ldflags, architecture string) []byte {
	t.Helper()
	dir := t.TempDir()
	testkit.Write(t, dir, map[string]string{
		"go.mod":  testkit.GoMod("example.test/program", "require example.test/words "+version),
		"main.go": source,
	})
	testkit.Tidy(t, dir)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags="+ldflags, "-o", "program", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture, "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	program, err := os.ReadFile(filepath.Join(dir, "program"))
	require.NoError(t, err)
	return program
}

const stripped = "-s -w"

func read(t *testing.T, program []byte) *sizediff.Binary {
	t.Helper()
	b, err := sizediff.ReadBinary(program)
	require.NoError(t, err)
	return b
}

func TestAProgramThatGainedAPackage(t *testing.T) {
	testkit.ServeModules(t)
	for _, architecture := range []string{"amd64", "arm64"} {
		t.Run(architecture, func(t *testing.T) {
			small := read(t, compile(t, before, "v1.0.0", stripped, architecture))
			large := read(t, compile(t, after, "v1.1.0", stripped, architecture))

			assert.Equal(t, testkit.Toolchain(), small.Toolchain)
			assert.Equal(t, map[string]string{"example.test/words": "v1.0.0"}, small.Modules)
			assert.Equal(t, map[string]string{"example.test/words": "v1.1.0"}, large.Modules)
			assert.Zero(t, small.Packages["encoding/base32"])
			assert.Positive(t, large.Packages["encoding/base32"])
			assert.Positive(t, small.Packages["main"])
			assert.Positive(t, small.Packages["runtime"])
			assert.Greater(t, large.Packages["example.test/words"], small.Packages["example.test/words"])
			var code int64
			for _, size := range small.Packages {
				code += size
			}
			assert.Equal(t, code, small.Code)
			assert.Less(t, small.Code, small.Size)
		})
	}
}

// A program with symbols has the size of each function in its symbol table.
func TestTheSizesAreThoseOfTheSymbols(t *testing.T) {
	testkit.ServeModules(t)
	whole := compile(t, after, "v1.1.0", "", "amd64")
	file, err := elf.NewFile(bytes.NewReader(whole))
	require.NoError(t, err)
	symbols, err := file.Symbols()
	require.NoError(t, err)
	text := file.Section(".text")
	want, functions := map[string]int64{}, map[string]int64{}
	for _, s := range symbols {
		inText := s.Value >= text.Addr && s.Value < text.Addr+text.Size
		for _, p := range []string{"example.test/words", "encoding/base32", "strings", "main", "internal/bytealg"} {
			if inText && elf.ST_TYPE(s.Info) == elf.STT_FUNC && strings.HasPrefix(s.Name, p+".") {
				want[p] += int64(s.Size)
				functions[p]++
			}
		}
	}
	require.Len(t, want, 5)

	got := read(t, compile(t, after, "v1.1.0", stripped, "amd64"))

	const alignment = 64 // of a function's start in bytes, at most
	for p, size := range want {
		assert.GreaterOrEqual(t, got.Packages[p], size, p)
		assert.Less(t, got.Packages[p], size+alignment*functions[p], "%s: no more than the padding of %d functions", p, functions[p])
	}
	assert.InDelta(t, text.Size, got.Code, alignment, "all code is counted once")
}

func TestPackagesWithOddNames(t *testing.T) {
	dir := t.TempDir()
	testkit.Write(t, dir, map[string]string{
		"go.mod":        testkit.GoMod("example.test/odd"),
		"main.go":       "package main\n\nimport \"example.test/odd/yaml.v3\"\n\nfunc main() { yaml.Do(); println(yaml.Max[int32](1, 2)) }\n",
		"yaml.v3/y.go":  "package yaml\n\ntype T struct{ a, b string }\n\n//go:noinline\nfunc Do() { println(T{} == T{}) }\n\n//go:noinline\nfunc Max[N int32 | int64](a, b N) N { return max(a, b) }\n",
		"other/ignored": "",
	})
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", "program", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOWORK=off", "GOFLAGS=-buildvcs=false")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	program, err := os.ReadFile(filepath.Join(dir, "program"))
	require.NoError(t, err)

	b := read(t, program)

	assert.Positive(t, b.Packages["example.test/odd/yaml.v3"], "its name in the program is yaml%%2ev3")
	assert.Positive(t, b.Packages[sizediff.Generated])
	for p := range b.Packages {
		assert.NotContains(t, p, "[", "what a generic function is made for is no package")
		assert.NotContains(t, p, "%2e")
	}
}

func TestWhatIsNoGoProgram(t *testing.T) {
	for name, c := range map[string]struct{ program, want string }{
		"nothing":        {"", "read the build information of the program: "},
		"a script":       {"#!/bin/sh\n", "read the build information of the program: "},
		"another's":      {testkit.Program(t, "amd64", false), "read the build information of the program: not a Go executable"},
		"a Go program":   {testkit.GoProgram(t, "amd64"), ""},
		"half a program": {testkit.GoProgram(t, "amd64")[:700_000], "read "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sizediff.ReadBinary([]byte(c.program))

			if c.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}
