//go:build unix

package main

import (
	"context"
	"encoding/json"
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

	"lambdas.internal/ci/tool/registry/localregistry"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// delay is how long each request to the registry takes, about as from a build machine in
// the region of the registry.
const delay = 20 * time.Millisecond

// manySizes are the numbers of functions for --many.
var manySizes = []int{5, 25, 100, 1000}

// many measures workspaces of more and more functions: how the times grow, and what the
// program needs of memory.
type many struct {
	root, tool string
	repeat     int
	progress   func(string)
}

// run measures in scratch, an empty folder, and prints a table.
func (m many) run(ctx context.Context, scratch string, sizes []int, w io.Writer) error {
	var rows [][]string
	for _, n := range sizes {
		row, err := m.of(ctx, filepath.Join(scratch, fmt.Sprint(n)), filepath.Join(scratch, "gocache"), n)
		if err != nil {
			return fmt.Errorf("%s: %w", report.Count(n, "function"), err)
		}
		rows = append(rows, row)
	}
	return report.Table(w, []string{"FUNCTIONS", "NOTHING CHANGED", "ONE EDITED", "GO BUILD OF IT", "RATIO",
		"AUDIT AFTER IT", "JUDGED", "PUBLISH, NOTHING CHANGED", "MEMORY"}, rows)
}

// of measures n functions in dir, which it deletes.
func (m many) of(ctx context.Context, dir, goCache string, n int) ([]string, error) {
	defer os.RemoveAll(dir)
	w, err := generateWorkspace(m.root, filepath.Join(dir, "workspace"), n)
	if err != nil {
		return nil, err
	}
	edited := w.Functions[n/2]
	e, err := newEdit(filepath.Join(w.Root, edited.Folder), "handle")
	if err != nil {
		return nil, err
	}
	server, err := localregistry.Start(filepath.Join(dir, "registry"), 0)
	if err != nil {
		return nil, err
	}
	defer server.Close() //nolint:errcheck // its data is deleted anyway
	slow := slowRegistry(server.Host)
	defer slow.Close()
	env := append(os.Environ(), "GOCACHE="+goCache, "CI_CACHE="+filepath.Join(dir, "cache"))
	host := strings.TrimPrefix(slow.URL, "http://")
	verb := func(args ...string) func() (*exec.Cmd, error) {
		return func() (*exec.Cmd, error) {
			cmd := exec.CommandContext(ctx, m.tool, append(args, "--base", "static", "--ffmpeg", "static", "--root", w.Root)...)
			cmd.Env = env
			return cmd, nil
		}
	}
	build, audit := verb("build-all"), verb("audit", "--json")
	bare := func() (*exec.Cmd, error) { return bareCommand(ctx, w, edited, filepath.Join(dir, "out"), env) }

	var same, changed, of, judging, publishing []float64
	var judged int
	var memory int64
	for n := range m.repeat + 1 { // the first time is not counted
		// Each time is a commit of its own, since an edit went before.
		publish := verb("publish", "--commit", fmt.Sprintf("%07x", n), "--private-registry", host+"/private", "--public-registry", host+"/public")
		m.progress(fmt.Sprintf("%s, %d of %d", report.Count(len(w.Functions), "function"), n, m.repeat))
		for _, step := range []struct {
			edit    bool
			command func() (*exec.Cmd, error)
			times   *[]float64
		}{
			{false, build, &same}, {true, build, &changed}, {true, bare, &of}, {true, audit, &judging},
			{false, publish, nil}, {false, publish, &publishing},
		} {
			if step.edit {
				if err := e.Apply(); err != nil {
					return nil, err
				}
			}
			took, peak, out, err := timed(step.command)
			if err != nil {
				return nil, err
			}
			if n == 0 || step.times == nil {
				continue
			}
			*step.times = append(*step.times, took)
			memory = max(memory, peak)
			if step.times == &judging {
				var r struct{ Judged int }
				if err := json.Unmarshal(out, &r); err != nil {
					return nil, fmt.Errorf("read the audit: %w", err)
				}
				judged = r.Judged
			}
		}
	}
	median := func(all []float64) string { return seconds(spread(all).Median) }
	return []string{fmt.Sprint(n), median(same), median(changed), median(of), fmt.Sprintf("%.2f", ratios(changed, of).Median),
		median(judging), fmt.Sprint(judged), median(publishing), fmt.Sprintf("%d MB", memory/1e6)}, nil
}

// bareCommand is the `go build` of one function, for comparison.
func bareCommand(ctx context.Context, w *catalog.Catalog, f catalog.Function, out string, env []string) (*exec.Cmd, error) {
	args := slices.Concat([]string{"build"}, gobuild.Flags(f), []string{"-o", out + "/", "./" + f.Folder})
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = w.Root, append(env, "CGO_ENABLED=0")
	return cmd, os.MkdirAll(out, 0o755)
}

// timed runs a command; it returns the seconds, its largest memory in bytes, and what it
// printed.
func timed(command func() (*exec.Cmd, error)) (took float64, peak int64, out []byte, err error) {
	cmd, err := command()
	if err != nil {
		return 0, 0, nil, err
	}
	start := time.Now()
	if out, err = cmd.Output(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		return 0, 0, nil, fmt.Errorf("run %s: %w", strings.Join(cmd.Args[:2], " "), err)
	}
	took = time.Since(start).Seconds()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = usage.Maxrss * 1024 // Linux counts in KiB
	}
	return took, peak, out, nil
}
