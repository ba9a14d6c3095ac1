package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/run/invoke"
)

// TestScripts runs each script of testdata/script in a workspace of two small
// functions without dependencies.
func TestScripts(t *testing.T) { scripts(t, "testdata/script") }

func TestLongScripts(t *testing.T) { scripts(t, "testdata/script/long") }

// scripts runs the scripts of a folder.
func scripts(t *testing.T, dir string) {
	t.Helper()
	proxy := testkit.ModuleProxy(t)
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GOPROXY", proxy)
			e.Setenv("GOSUMDB", "off")
			return setup(e)
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "mount": // the test may create a mount namespace
				return exec.Command("unshare", "-rm", "true").Run() == nil, nil
			case "foreign": // the machine runs programs of its own architecture only
				return invoke.Runs(otherArchitecture()) != nil, nil
			default:
				return false, fmt.Errorf("unknown condition %q", cond)
			}
		},
	})
}

// otherArchitecture is the one of Lambda's two that this machine does not have.
func otherArchitecture() string {
	if runtime.GOARCH == "arm64" {
		return "amd64"
	}
	return "arm64"
}

func setup(e *testscript.Env) error {
	goCache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	if dir := os.Getenv("GOCACHE"); dir != "" {
		goCache = dir
	} else {
		goCache = filepath.Join(goCache, "go-build")
	}
	e.Setenv("GOCACHE", goCache)
	e.Setenv("HERE", runtime.GOARCH)
	e.Setenv("OTHER", otherArchitecture())
	e.Setenv("GOPATH", filepath.Join(e.WorkDir, ".gopath"))
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("CI_CACHE", filepath.Join(e.WorkDir, ".cache"))

	workspace, err := txtar.ParseFile("testdata/workspace.txtar")
	if err != nil {
		return err
	}
	if err := txtar.Write(workspace, e.WorkDir); err != nil {
		return err
	}
	work := fmt.Sprintf("go 1.26.1\n\ntoolchain %s\n\nuse (\n\t./functions/alpha\n\t./functions/beta\n)\n", runtime.Version())
	if err := os.WriteFile(filepath.Join(e.WorkDir, "go.work"), []byte(work), 0o644); err != nil {
		return err
	}
	locked, err := os.ReadFile("../../../images.lock.json")
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(e.WorkDir, "ci"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(e.WorkDir, "ci", "images.lock.json"), locked, 0o644)
}
