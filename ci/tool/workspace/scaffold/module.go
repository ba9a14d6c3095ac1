package scaffold

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// The module that every function uses, and the prefix of the functions' module paths.
const (
	shared      = "shared"
	sharedPath  = "lambdas.internal/shared"
	functionsAt = "lambdas.internal/"
)

// writeModule writes go.mod and go.sum of the function whose sources are in dir. It
// starts with all requirements of the shared module and lets Go remove those that the
// function does not use. So the versions are those of the workspace, and a machine that
// has built the workspace needs no network.
func writeModule(ctx context.Context, c *catalog.Catalog, dir string, f catalog.Function) (whole bool, _ error) {
	fail := func(err error) (bool, error) { return false, fmt.Errorf("write %s/go.mod: %w", f.Folder, err) }
	from, err := catalog.GoMod(c.Root, shared+"/go.mod")
	if err != nil {
		return fail(err)
	}
	content, err := moduleFile(from, f, append(from.Require, &modfile.Require{Mod: module.Version{Path: sharedPath, Version: "v0.0.0"}}))
	if err != nil {
		return fail(err)
	}
	file := filepath.Join(dir, "go.mod")
	if err := os.WriteFile(file, content, 0o644); err != nil {
		return fail(err)
	}
	sums, err := catalog.ReadFile(c.Root, shared+"/go.sum")
	if err != nil {
		return fail(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o644); err != nil {
		return fail(err)
	}
	if whole, err = tidy(ctx, dir); err != nil {
		return fail(err)
	}
	// Go keeps the requirements in as many blocks as it found.
	tidied, err := catalog.GoMod(dir, "go.mod")
	if err != nil {
		return fail(err)
	}
	if content, err = moduleFile(from, f, tidied.Require); err != nil {
		return fail(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		return fail(err)
	}
	return whole, nil
}

// moduleFile returns a go.mod with the requirements, formatted like the other
// functions' ones.
func moduleFile(from *modfile.File, f catalog.Function, require []*modfile.Require) ([]byte, error) {
	m := &modfile.File{}
	if err := m.AddModuleStmt(functionsAt + f.Folder); err != nil {
		return nil, err
	}
	if from.Go != nil {
		if err := m.AddGoStmt(from.Go.Version); err != nil {
			return nil, err
		}
	}
	if err := m.AddReplace(sharedPath, "", "../../"+shared, ""); err != nil {
		return nil, err
	}
	m.SetRequireSeparateIndirect(require)
	m.Cleanup()
	return m.Format()
}

// offline makes go use only what this machine has.
var offline = []string{"GOPROXY=off", "GONOSUMDB=*"}

// tidy runs `go mod tidy`, offline if possible, else with the network. If both fail, it
// leaves out the sums that only the tests of other modules need, which a machine that
// has built the workspace may not have; whole is false then.
func tidy(ctx context.Context, dir string) (whole bool, err error) {
	if run(ctx, dir, offline, "mod", "tidy") == nil {
		return true, nil
	}
	if err = run(ctx, dir, nil, "mod", "tidy"); err == nil || ctx.Err() != nil {
		return err == nil, err
	}
	// -e ignores missing modules, so `go list` checks that the function has all of its own.
	if run(ctx, dir, offline, "mod", "tidy", "-e") != nil || run(ctx, dir, offline, "list", "-deps", "-test", ".") != nil {
		return false, err
	}
	return false, nil
}

// run runs one go command on the module in dir alone.
func run(ctx context.Context, dir string, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod"), env...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	err := cmd.Run()
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaints.String()))
	}
	return nil
}
