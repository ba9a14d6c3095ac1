package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"lambdas.internal/ci/tool/report"
)

// firstRun measures what a newcomer waits for: the commands of the README in a fresh
// clone of the commit at root, with empty caches, beside `go build` of the functions
// with empty caches. What is downloaded is part of it.
func firstRun(ctx context.Context, root, scratch string, functions []string, w io.Writer, progress func(string)) error {
	clone := filepath.Join(scratch, "clone")
	if out, err := exec.CommandContext(ctx, "git", "clone", "--quiet", root, clone).CombinedOutput(); err != nil {
		return fmt.Errorf("clone the repository: %w: %s", err, out)
	}
	build := append([]string{"go", "build", "-trimpath", "-buildvcs=false", "-tags=lambda.norpc", "-ldflags=-s -w", "-o", filepath.Join(scratch, "out") + "/"}, functions...)
	var rows [][]string
	var first time.Duration
	for _, step := range []struct {
		name, caches string
		command      []string
	}{
		{"go build of the functions", "go", build},
		{"make build-all", "make", []string{"make", "build-all"}},
		{"make test", "make", []string{"make", "test"}},
		{"make test, nothing changed", "make", []string{"make", "test"}},
	} {
		progress(step.name)
		env, err := emptyCaches(filepath.Join(scratch, step.caches))
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, step.command[0], step.command[1:]...)
		cmd.Dir, cmd.Env = clone, env
		start := time.Now()
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", step.name, err, out[max(0, len(out)-4000):])
		}
		wall, cpu := time.Since(start), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
		if first == 0 {
			first = cpu
		}
		rows = append(rows, []string{step.name, report.Duration(wall), report.Duration(cpu), fmt.Sprintf("%.2f", cpu.Seconds()/first.Seconds())})
	}
	return report.Table(w, []string{"FIRST RUN", "TIME", "PROCESSOR TIME", "OF GO BUILD'S"}, rows)
}

// emptyCaches returns an environment whose caches are in a folder, which is made if it
// is not there.
func emptyCaches(dir string) ([]string, error) {
	env := os.Environ()
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "CI_CACHE", "npm_config_cache"} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(at, 0o755); err != nil {
			return nil, fmt.Errorf("create a temporary folder: %w", err)
		}
		env = append(env, name+"="+at)
	}
	// Modules are read-only, so they could not be removed afterwards.
	return append(env, "CGO_ENABLED=0", "GOFLAGS=-modcacherw"), nil
}
