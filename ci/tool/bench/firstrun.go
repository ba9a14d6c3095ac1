//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"lambdas.internal/ci/tool/report"
)

// firstRun measures what a newcomer waits for: the commands of the README in fresh
// clones of the commit at root, with empty caches, beside `go build` of the functions
// with empty caches. What is downloaded is part of it.
func firstRun(ctx context.Context, root, scratch string, functions []string, w io.Writer, progress func(string)) error {
	build := append([]string{"go", "build", "-trimpath", "-buildvcs=false", "-tags=lambda.norpc", "-ldflags=-s -w", "-o", filepath.Join(scratch, "out") + "/"}, functions...)
	var rows [][]string
	var first time.Duration
	for _, step := range []struct {
		name, caches string
		command      []string
		edited       string // a folder, one of whose Go files is edited before
	}{
		{"go build of the functions", "go", build, ""},
		{"make up, until it answers", "up", []string{"make", "up", "ARGS=--listen 127.0.0.1:0"}, ""},
		{"make build-all", "make", []string{"make", "build-all"}, ""},
		{"make test", "make", []string{"make", "test"}, ""},
		{"make test, nothing changed", "make", []string{"make", "test"}, ""},
		{"make test, a function edited", "make", []string{"make", "test"}, functions[0]},
		{"make test, package publish edited", "make", []string{"make", "test"}, "ci/tool/publish"},
	} {
		progress(step.name)
		clone := filepath.Join(scratch, step.caches, "clone")
		if _, err := os.Stat(clone); err != nil {
			if out, err := exec.CommandContext(ctx, "git", "clone", "--quiet", root, clone).CombinedOutput(); err != nil {
				return fmt.Errorf("clone the repository: %w: %s", err, out)
			}
		}
		if step.edited != "" {
			if err := declare(filepath.Join(clone, step.edited)); err != nil {
				return err
			}
		}
		env, err := emptyCaches(filepath.Join(scratch, step.caches))
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, step.command[0], step.command[1:]...)
		cmd.Dir, cmd.Env = clone, env
		start := time.Now()
		run := cmd.CombinedOutput
		if step.command[1] == "up" {
			run = func() ([]byte, error) { return untilItAnswers(cmd) }
		}
		out, err := run()
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

// declare adds a declaration to the first Go file of a folder that is no test. An [edit] would
// print, which the tests that run afterwards do not expect.
func declare(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	files = slices.DeleteFunc(files, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	if err != nil || len(files) == 0 {
		return fmt.Errorf("edit a file: %s has no Go file", dir)
	}
	f, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("edit a file: %w", err)
	}
	_, err = fmt.Fprintf(f, "\nfunc init() { _ = %d }\n", time.Now().UnixNano())
	return errors.Join(err, f.Close())
}

// untilItAnswers runs a command that serves, and interrupts it when it says how to stop.
func untilItAnswers(cmd *exec.Cmd) ([]byte, error) {
	var log bytes.Buffer
	cmd.Stderr = &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // make and what it runs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	answered := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "Ctrl-C") {
			answered = true
			if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
				return nil, err
			}
		}
	}
	err = cmd.Wait()
	if answered {
		return nil, nil // make reports the interrupt as a failure
	}
	return log.Bytes(), errors.Join(errors.New("it ended before it answered"), err)
}

// emptyCaches returns an environment whose caches are in a folder, which is made if it
// is not there.
func emptyCaches(dir string) ([]string, error) {
	// What make gives its commands would be arguments of the make that a newcomer types.
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "ARGS" || strings.HasPrefix(name, "MAKE") || name == "MFLAGS"
	})
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
