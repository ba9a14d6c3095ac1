package dev

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// The debugger, and the version that is installed if there is none.
const (
	delve        = "dlv"
	delveModule  = "github.com/go-delve/delve/cmd/dlv"
	delveVersion = "v1.27.2"
)

// Debugger runs the function of an image under delve.
type Debugger struct {
	Image string
	// Address is where delve listens.
	Address string
	// Program is delve.
	Program string
}

// Via starts a process under the debugger. The program runs at once; clients come and go.
func (d *Debugger) Via(p invoke.Process) invoke.Process {
	p.Args = append([]string{d.Program, "exec", "--headless", "--api-version=2", "--accept-multiclient", "--continue",
		"--listen=" + d.Address, "--only-same-user=true"}, p.Args...)
	return p
}

// compile compiles a function for the debugger into dir.
func (d *Debugger) compile(ctx context.Context, part build.Part, f catalog.Function, dir string) (gobuild.Binary, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return gobuild.Binary{}, err
	}
	file, err := gobuild.ForDebugger(ctx, part.Catalog, f, part.Platform, dir)
	if err != nil {
		return gobuild.Binary{}, err
	}
	r, err := os.Open(file)
	if err != nil {
		return gobuild.Binary{}, err
	}
	defer r.Close()
	h := sha256.New()
	_, err = io.Copy(h, r)
	return gobuild.Binary{Path: file, Digest: hex.EncodeToString(h.Sum(nil))}, err
}

// FindDelve returns delve: the one on the PATH, or else the one in the folder kept, into which
// it is installed if it is not there.
func FindDelve(ctx context.Context, kept string, installing func() (done func(error))) (string, error) {
	if found, err := exec.LookPath(delve); err == nil {
		return found, nil
	}
	dir := filepath.Join(kept, "delve-"+delveVersion)
	program := filepath.Join(dir, delve)
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	done := installing()
	cmd := exec.CommandContext(ctx, "go", "install", delveModule+"@"+delveVersion)
	cmd.Dir, cmd.Env = os.TempDir(), append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	said, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	} else if err != nil {
		err = fmt.Errorf("install the debugger delve %s: %w: %s; install it yourself: go install %s@latest", delveVersion, err, bytes.TrimSpace(said), delveModule)
	}
	done(err)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(program); err != nil {
		return "", errors.New("install the debugger delve: `go install` left no program in " + dir)
	}
	return program, nil
}
