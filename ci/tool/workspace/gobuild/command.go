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
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// tags are the build tags of every build. This one leaves out the RPC mode of the
// Lambda library.
var tags = []string{"lambda.norpc"}

// command runs the go command as every build does.
type command struct {
	root string
	work string // the go.work; "" if there is none
	// module is the folder of the module that is built, if there is no go.work.
	module string
	// tags and flags are those of `go build`.
	tags, flags []string
	// fixed are the variables that, besides the sources, decide the bytes of a binary.
	fixed []string
	// user are the user's settings for module downloads and caches.
	user []string
}

func newCommand(ctx context.Context, c *catalog.Catalog, f catalog.Function, platform v1.Platform) (command, error) {
	in := unread(c, f, platform)
	return in, in.readUser(ctx)
}

// unread is the command that builds the function, without the user's settings. A platform
// without an architecture stands for that of the function.
func unread(c *catalog.Catalog, f catalog.Function, platform v1.Platform) command {
	if platform.Architecture == "" {
		platform.Architecture = f.Arch()
	}
	in := command{root: c.Root, work: filepath.Join(c.Root, "go.work"), module: ".", fixed: environment(c, platform), tags: Tags(f), flags: Flags(f)}
	if c.Alone {
		in.work, in.module = "", f.In()
	}
	return in
}

// what names what is built, for people.
func (in command) what() string {
	if in.work == "" {
		return "the module in " + in.module
	}
	return "the functions"
}

// dir is the folder in which the go command runs.
func (in command) dir() string { return filepath.Join(in.root, filepath.FromSlash(in.module)) }

// arg names the package of the function.
func (in command) arg(f catalog.Function) string {
	if in.module == "." {
		return "./" + f.Main()
	}
	return "./" + strings.TrimPrefix(strings.TrimPrefix(f.Main(), in.module), "/")
}

// Collector is the setting of the garbage collector for the compiler and the linker: from empty
// caches they take about a tenth less processor time with it, and up to two fifths more memory: 920 MB
// in place of 650 in one process (docs/BENCHMARKS.md). It changes no byte of what they make. The
// user's own GOGC goes first.
const Collector = "GOGC=400"

// environ is the environment of the go command.
func (in command) environ() []string {
	work := in.work
	if work == "" {
		work = "off"
	}
	return slices.Concat([]string{Collector}, os.Environ(), []string{"GOWORK=" + work}, in.fixed, in.user)
}

// value returns a setting of the user.
func (in command) value(name string) string {
	for _, setting := range in.user {
		if value, ok := strings.CutPrefix(setting, name+"="); ok {
			return value
		}
	}
	return ""
}

// run runs the go command and returns what it prints. Its error has what it complains of.
func (in command) run(ctx context.Context, args ...string) (string, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return "", errors.New("go is not installed; install it, and add it to the PATH")
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = in.dir(), in.environ()
	// An interrupted `go build` removes what it left half-written.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", &goError{complaint(complaints.String()), exit}
	}
	return out.String(), err
}

// goError is a failure of the go command.
type goError struct {
	output string // what it complains of
	exit   *exec.ExitError
}

func (e *goError) Error() string { return fmt.Sprintf("go: %v\n%s", e.exit, e.output) }

func (e *goError) Unwrap() error { return e.exit }

// compile builds functions into dir and returns the error of each.
func compile(ctx context.Context, in command, dir string, functions []catalog.Function) ([]error, error) {
	before := make([]time.Time, len(functions))
	for n, f := range functions {
		file := output(dir, f)
		if _, ok := readNote(file); !ok {
			// go build trusts the build ID in an output, and refuses to replace a file
			// that is not a program. So only an output of ours may be there.
			if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
		}
		before[n] = modTime(file)
	}
	errs := make([]error, len(functions))
	if err := goBuild(ctx, in, dir, functions); err != nil {
		// One build for each function shows which of them fail; the cache is warm now.
		for n, f := range functions {
			errs[n] = goBuild(ctx, in, dir, []catalog.Function{f})
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for n, f := range functions {
		// go build sets a new time on every output, but skips a package that is not a
		// program; its output would be that of an earlier build.
		if errs[n] == nil && modTime(output(dir, f)).Equal(before[n]) {
			errs[n] = noProgram(f)
		}
	}
	return errs, nil
}

func noProgram(f catalog.Function) error {
	return catalog.Problem{File: f.Folder, Fix: "has no program; a function needs a package main with a func main"}
}

// goBuild runs one `go build` over functions. A failure of a single function
// is a *CompileError.
func goBuild(ctx context.Context, in command, dir string, functions []catalog.Function) error {
	_, err := in.run(ctx, in.buildArgs(dir, functions)...)
	var failed *goError
	if len(functions) == 1 && errors.As(err, &failed) {
		return &CompileError{Function: functions[0], Output: failed.output}
	}
	return err
}

// buildArgs are the arguments of the `go build` that compiles functions into dir.
func (in command) buildArgs(dir string, functions []catalog.Function) []string {
	args := append([]string{"build"}, in.flags...)
	args = append(args, "-o", filepath.Dir(output(dir, functions[0]))+string(filepath.Separator))
	for _, f := range functions {
		args = append(args, in.arg(f))
	}
	return args
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
		"GODEBUG=",
		"GOEXPERIMENT=",
		"GOFIPS140=off",
		"GO111MODULE=",
		"GO_EXTLINK_ENABLED=",
		"GOENV=off", // without it, the values of `go env -w` replace empty ones
		"GOTOOLCHAIN=" + c.Toolchain,
	}
}

// settings are those for module downloads and caches. They are the user's, because they
// decide from where modules come and where they are kept, not what is in them.
var settings = []string{"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE",
	"GOAUTH", "GOVCS", "GOMODCACHE", "GOCACHE", "GOCACHEPROG", "GOPATH", "GOTMPDIR"}

// users are the settings that `go env` printed in this process, by environment.
var users sync.Map

// readUser reads the user's settings, which GOENV=off hides.
func (in *command) readUser(ctx context.Context) error {
	asked := command{root: os.TempDir(), fixed: slices.DeleteFunc(slices.Clone(in.fixed), func(v string) bool {
		return strings.HasPrefix(v, "GOENV=") || strings.HasPrefix(v, "GOTOOLCHAIN=")
		// The workspace may want another Go, and an experiment that this one does not have.
	}), user: []string{"GOTOOLCHAIN=local", "GOWORK=off", "GOEXPERIMENT=none"}}
	key := strings.Join(asked.environ(), "\x00")
	if known, ok := users.Load(key); ok {
		in.user = known.([]string)
		return nil
	}
	out, err := asked.run(ctx, append([]string{"env"}, settings...)...)
	values := strings.Split(out, "\n")
	if err != nil || len(values) < len(settings) {
		return fmt.Errorf("read the settings of go: %w", err)
	}
	for i, name := range settings {
		in.user = append(in.user, name+"="+strings.TrimSuffix(values[i], "\r"))
	}
	users.Store(key, slices.Clip(in.user))
	return nil
}

// Tags are the build tags of the function.
func Tags(f catalog.Function) []string { return slices.Concat(tags, f.Tags) }

// Flags are those of the `go build` of the function. They leave the build ID in the binary:
// without it `go build` cannot see that an output is up to date, and links it again.
func Flags(f catalog.Function) []string {
	return []string{"-trimpath", "-buildvcs=false", "-tags=" + strings.Join(Tags(f), ","), "-ldflags=" + strings.Join(slices.Concat([]string{"-s", "-w"}, f.LDFlags), " ")}
}

// Environment returns the environment in which a go command sees the function as
// [Compile] does.
func Environment(ctx context.Context, c *catalog.Catalog, f catalog.Function, platform v1.Platform) ([]string, error) {
	in, err := newCommand(ctx, c, f, platform)
	return in.environ(), err
}

// Command returns the `go build` that compiles functions into dir for the
// platform, as [Compile] runs it.
func Command(ctx context.Context, c *catalog.Catalog, functions []catalog.Function, platform v1.Platform, dir string) (*exec.Cmd, error) {
	in, err := newCommand(ctx, c, functions[0], platform)
	cmd := exec.CommandContext(ctx, "go", in.buildArgs(dir, functions)...)
	cmd.Dir, cmd.Env = c.Root, in.environ()
	return cmd, err
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
	// -w leaves out what only debuggers need.
	return compileOther(ctx, c, f, platform, dir, "-ldflags="+strings.Join(slices.Concat([]string{"-w"}, f.LDFlags), " "))
}

// ForDebugger compiles the function into dir as debuggers want it: not optimized, with its
// symbols, and with the names that the sources have on this machine.
func ForDebugger(ctx context.Context, c *catalog.Catalog, f catalog.Function, platform v1.Platform, dir string) (string, error) {
	return compileOther(ctx, c, f, platform, dir, "-trimpath=false", "-gcflags=all=-N -l", "-ldflags="+strings.Join(f.LDFlags, " "))
}

// compileOther compiles the function into dir with other flags; of flags that are there twice
// the last one counts. It returns the file.
func compileOther(ctx context.Context, c *catalog.Catalog, f catalog.Function, platform v1.Platform, dir string, flags ...string) (string, error) {
	in, err := newCommand(ctx, c, f, platform)
	if err != nil {
		return "", err
	}
	const before = 1 // build
	args := slices.Insert(in.buildArgs(dir, []catalog.Function{f}), before+len(in.flags), flags...)
	_, err = in.run(ctx, args...)
	var failed *goError
	if errors.As(err, &failed) {
		return "", &CompileError{Function: f, Output: failed.output}
	}
	return output(dir, f), err
}
