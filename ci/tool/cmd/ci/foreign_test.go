package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/lock"
)

// TestForeign runs each script of testdata/foreign in a repository that is not made for this
// program.
func TestForeign(t *testing.T) { foreign(t, "testdata/foreign") }

func TestLongForeign(t *testing.T) { foreign(t, "testdata/foreign/long") }

// foreign runs the scripts of a folder. Their functions use the real library of Lambda: $LAMBDA in a
// go.mod is its version.
func foreign(t *testing.T, dir string) {
	t.Helper()
	testkit.Downloaded(t, repository)
	modules := goEnv(t, "GOMODCACHE")
	version := lambdaVersion(t)
	sums, err := os.ReadFile(filepath.Join(repository, "shared", "go.sum"))
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir:  dir,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"dev": devInScript},
		Setup: func(e *testscript.Env) error {
			for name, value := range map[string]string{
				"GOCACHE": goEnv(t, "GOCACHE"), "GOMODCACHE": modules, "GOPROXY": "off", "GOFLAGS": "-mod=mod", "HOME": e.WorkDir,
				"CI_CACHE": filepath.Join(shared, "foreign"), "TOOLCHAIN": testkit.Toolchain(), "OTHER": otherArchitecture(),
			} {
				e.Setenv(name, value)
			}
			if err := finish(e.WorkDir); err != nil {
				return err
			}
			return filepath.WalkDir(e.WorkDir, func(name string, d fs.DirEntry, err error) error {
				if err != nil || d.Name() != "go.mod" {
					return err
				}
				content, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				filled := strings.ReplaceAll(string(content), "$LAMBDA", version)
				if err := os.WriteFile(name, []byte(filled), 0o644); err != nil || filled == string(content) {
					return err
				}
				return os.WriteFile(filepath.Join(filepath.Dir(name), "go.sum"), sums, 0o644)
			})
		},
	})
}

// finish pins the Go toolchain of a repository that has a pipeline, and adds the lock file.
func finish(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "ci", "pipeline.json")); err != nil {
		return nil //nolint:nilerr // the script makes one
	}
	work := filepath.Join(dir, "go.work")
	content, err := os.ReadFile(work)
	if err != nil {
		return err
	}
	if err := os.WriteFile(work, append(content, "\ntoolchain "+testkit.Toolchain()+"\n"...), 0o644); err != nil {
		return err
	}
	return lock.Default(testkit.Toolchain()).Save(dir)
}

// lambdaVersion is the version of the library of Lambda that the functions here use.
func lambdaVersion(t *testing.T) string {
	t.Helper()
	mod, err := catalog.GoMod(repository, "shared/go.mod")
	require.NoError(t, err)
	for _, r := range mod.Require {
		if r.Mod.Path == "github.com/aws/aws-lambda-go" {
			return r.Mod.Version
		}
	}
	require.Fail(t, "the module shared does not use the library of Lambda")
	return ""
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}
