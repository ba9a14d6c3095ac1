package gobuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// tags are the build tags of every build. This one leaves out the RPC mode of the
// Lambda library.
var tags = []string{"lambda.norpc"}

// flags are those of every build. They leave the build ID in the binary: without it
// `go build` cannot see that an output is up to date, and links it again.
var flags = []string{"-trimpath", "-buildvcs=false", "-tags=" + strings.Join(tags, ","), "-ldflags=-s -w"}

// compile builds the stale functions and returns the error of each.
func compile(ctx context.Context, root string, env []string, dir string, functions []catalog.Function, stale []int) ([]error, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return nil, errors.New("go is not installed; install it, and add it to the PATH")
	}
	env = append(env, downloads(ctx, dir)...)
	together := make([]catalog.Function, len(stale))
	before := make([]time.Time, len(stale))
	for n, i := range stale {
		together[n] = functions[i]
		file := output(dir, functions[i])
		if _, ok := readNote(file); !ok {
			// go build trusts the build ID in an output, and refuses to replace a file
			// that is not a program. So only an output of ours may be there.
			if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
		}
		before[n] = modTime(file)
	}
	errs := make([]error, len(stale))
	if err := goBuild(ctx, root, env, dir, together); err != nil {
		// One build for each function shows which of them fail; the cache is warm now.
		for n, f := range together {
			errs[n] = goBuild(ctx, root, env, dir, []catalog.Function{f})
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for n, f := range together {
		// go build sets a new time on every output, but skips a package that is not a
		// program; its output would be that of an earlier build.
		if errs[n] == nil && modTime(output(dir, f)).Equal(before[n]) {
			errs[n] = catalog.Problem{File: f.Folder, Fix: "has no program; a function needs a package main with a func main"}
		}
	}
	return errs, nil
}

// modTime returns when the file was written, or zero if it does not exist.
func modTime(file string) time.Time {
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// environment returns the variables that, besides the sources, decide the bytes of a
// binary. They are set for each build, so that the machine's settings do not matter.
func environment(c *catalog.Catalog, platform v1.Platform) []string {
	return []string{
		"CGO_ENABLED=0",
		"GOOS=" + platform.OS,
		"GOARCH=" + platform.Architecture,
		"GOAMD64=v1",
		"GOARM64=v8.0",
		"GOFLAGS=",
		"GOEXPERIMENT=",
		"GOFIPS140=off",
		"GO111MODULE=",
		"GO_EXTLINK_ENABLED=",
		"GOENV=off", // without it, the values of `go env -w` replace empty ones
		"GOTOOLCHAIN=" + c.Toolchain,
	}
}

// downloads returns the user's settings for module downloads and caches, which
// GOENV=off would hide.
func downloads(ctx context.Context, dir string) []string {
	names := []string{"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE",
		"GOAUTH", "GOVCS", "GOMODCACHE", "GOCACHE", "GOCACHEPROG", "GOPATH", "GOTMPDIR"}
	cmd := exec.CommandContext(ctx, "go", append([]string{"env"}, names...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOTOOLCHAIN=local")
	out, err := cmd.Output()
	values := strings.Split(string(out), "\n")
	if err != nil || len(values) < len(names) {
		return nil // the message of go build will be better
	}
	settings := make([]string, len(names))
	for i, name := range names {
		settings[i] = name + "=" + strings.TrimSuffix(values[i], "\r")
	}
	return settings
}

// Tags are the build tags of every build.
func Tags() []string { return slices.Clone(tags) }

// Environment returns the environment in which a go command sees the workspace as
// [Compile] does.
func Environment(ctx context.Context, c *catalog.Catalog, platform v1.Platform) []string {
	return slices.Concat(os.Environ(), environment(c, platform), downloads(ctx, c.Root), []string{"GOWORK=" + filepath.Join(c.Root, "go.work")})
}

// Flags are those of every `go build`.
func Flags() []string { return slices.Clone(flags) }

// Command returns the `go build` that compiles functions into dir for the
// platform, as [Compile] runs it.
func Command(ctx context.Context, c *catalog.Catalog, functions []catalog.Function, platform v1.Platform, dir string) *exec.Cmd {
	return command(ctx, c.Root, append(environment(c, platform), downloads(ctx, dir)...), dir, functions)
}

func command(ctx context.Context, root string, env []string, dir string, functions []catalog.Function) *exec.Cmd {
	args := append([]string{"build"}, flags...)
	args = append(args, "-o", dir+string(filepath.Separator))
	for _, f := range functions {
		args = append(args, "./"+f.Folder)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	cmd.Env = append(append(os.Environ(), env...), "GOWORK="+filepath.Join(root, "go.work"))
	return cmd
}

// goBuild runs one `go build` over functions. A failure of a single function
// is a *CompileError.
func goBuild(ctx context.Context, root string, env []string, dir string, functions []catalog.Function) error {
	cmd := command(ctx, root, env, dir, functions)
	// An interrupted `go build` removes what it left half-written.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case len(functions) == 1 && errors.As(err, &exit):
		return &CompileError{Function: functions[0], Output: complaint(out.String())}
	default:
		return fmt.Errorf("run go build: %w", err)
	}
}

// complaint returns what `go build` printed, without its progress.
func complaint(output string) string {
	var lines []string
	for line := range strings.Lines(output) {
		if !strings.HasPrefix(line, "go: downloading ") {
			lines = append(lines, line)
		}
	}
	return strings.TrimSpace(strings.Join(lines, ""))
}

// WithSymbols compiles the function into dir with the symbol table that [Compile]
// leaves out, and returns the file. Otherwise the program is the same.
func WithSymbols(ctx context.Context, c *catalog.Catalog, f catalog.Function, platform v1.Platform, dir string) (string, error) {
	cmd := Command(ctx, c, []catalog.Function{f}, platform, dir)
	const before = 1 + 1 // go build
	// The last -ldflags counts; -w leaves out what only debuggers need.
	cmd.Args = slices.Insert(cmd.Args, before+len(flags), "-ldflags=-w")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.As(err, &exit):
		return "", &CompileError{Function: f, Output: complaint(string(out))}
	case err != nil:
		return "", fmt.Errorf("run go build: %w", err)
	}
	return output(dir, f), nil
}
