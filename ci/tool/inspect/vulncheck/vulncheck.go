// Package vulncheck finds the functions to redeploy because of a known vulnerability:
// those whose program can reach the vulnerable code. It runs govulncheck in this process,
// on the sources from which the functions are built, and on their binaries.
package vulncheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/vuln/scan"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// Scanner looks for the vulnerabilities of one database.
type Scanner struct {
	database string
	cache    *cache.Cache
	step     func(name string) (done func(err error))
	modified time.Time
}

// New returns a scanner for the database at an address from [Database]. It keeps the
// findings of each function in the cache, and calls step to report progress.
func New(database string, kept *cache.Cache, step func(name string) (done func(err error))) *Scanner {
	return &Scanner{database: database, cache: kept, step: step}
}

// Run examines the functions as they are built for the platform, or each for its own
// architecture if the platform has none. It examines one at a
// time: to follow all calls of a function that uses the AWS SDK needs 2 GB of memory.
func (s *Scanner) Run(ctx context.Context, c *catalog.Catalog, functions []catalog.Function, platform v1.Platform) (*Report, error) {
	start := time.Now()
	sources, err := gobuild.Discover(ctx, c, functions, platform)
	if err != nil {
		return nil, fmt.Errorf("vulncheck: %w", err)
	}
	keys, err := sources.Keys()
	if err != nil {
		return nil, fmt.Errorf("vulncheck: %w", err)
	}
	examined := make([]Function, len(functions))
	for n, f := range functions {
		began := time.Now()
		env, err := gobuild.Environment(ctx, c, f, platform)
		if err != nil {
			return nil, fmt.Errorf("vulncheck: %w", err)
		}
		// GOVERSION is the version of the standard library of the functions.
		w := workspace{c, platform, append(env, "GOVERSION="+c.Toolchain, "GOPACKAGESDRIVER=off")}
		if examined[n], err = s.function(ctx, w, f, keys[n]); err != nil {
			return nil, fmt.Errorf("vulncheck %s (%s): %w", f.Image, f.Folder, err)
		}
		examined[n].Seconds = time.Since(began).Seconds()
	}
	r := NewReport(s.database, s.modified, examined)
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

// workspace is the workspace and the environment in which functions are built.
type workspace struct {
	*catalog.Catalog
	platform v1.Platform
	env      []string
}

// function examines one function. It takes half a second to find out whether the function
// imports a vulnerable package. Only then are its calls followed, which takes half a minute.
func (s *Scanner) function(ctx context.Context, w workspace, f catalog.Function, key string) (examined Function, err error) {
	examined = Function{Image: f.Image, Lambda: f.Lambda, Folder: f.Folder}
	source := func(level string, packages ...string) (*stream, error) {
		args := []string{"-C", filepath.Join(w.Root, filepath.FromSlash(f.Main())), "-scan", level, "-tags", strings.Join(gobuild.Tags(f), ",")}
		return s.run(ctx, w.env, append(args, packages...)...)
	}
	done := s.step("read the imports of " + f.Image)
	answer, err := source("package", ".")
	done(err)
	if err != nil {
		return examined, err
	}
	examined.Modules, examined.Findings = answer.modules, answer.result(false)
	if !slices.ContainsFunc(examined.Findings, func(f Finding) bool { return f.Reach == Imported }) {
		return examined, nil
	}
	// The findings depend on the sources and on the descriptions of the vulnerabilities.
	parts := []string{"reached 1", scanner(), key}
	for _, id := range slices.Sorted(maps.Keys(answer.entries)) {
		parts = append(parts, string(answer.entries[id].raw))
	}
	kept := cache.Key(parts...)
	var findings []Finding
	if _, ok := s.cache.Load(kept, &findings); ok {
		examined.Findings, examined.Reused = findings, true
		return examined, nil
	}
	done = s.step("follow the calls of " + f.Image)
	defer func() { done(err) }()
	linked, err := s.linked(ctx, w, f)
	if err != nil {
		return examined, err
	}
	starters, err := starters(ctx, w, f)
	if err != nil {
		return examined, err
	}
	if answer, err = source("symbol", append(starters, ".")...); err != nil {
		return examined, err
	}
	examined.Findings = withBinary(answer.result(false), linked)
	return examined, s.cache.Save(kept, examined.Findings)
}

// linked returns the findings in the function's binary.
func (s *Scanner) linked(ctx context.Context, w workspace, f catalog.Function) ([]Finding, error) {
	dir, err := os.MkdirTemp("", "ci-vulncheck-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file, err := gobuild.WithSymbols(ctx, w.Catalog, f, w.platform, dir)
	if err != nil {
		return nil, err
	}
	answer, err := s.run(ctx, w.env, "-mode", "binary", file)
	if err != nil {
		return nil, err
	}
	return answer.result(true), nil
}

// runtime is the library that runs Go functions in Lambda. It calls handlers by reflection,
// which the analysis cannot follow.
const runtime = "github.com/aws/aws-lambda-go/lambda"

// starters returns the packages of the workspace, except the function's own, that pass
// handlers to the runtime. What they export is examined as if the runtime called it.
func starters(ctx context.Context, w workspace, f catalog.Function) ([]string, error) {
	packages, err := gobuild.Packages(ctx, w.Catalog, []catalog.Function{f}, w.platform)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, p := range packages {
		rel, err := filepath.Rel(w.Root, p.Dir)
		if err == nil && filepath.IsLocal(rel) && filepath.ToSlash(rel) != f.Main() && slices.Contains(p.Imports, runtime) {
			found = append(found, p.ImportPath)
		}
	}
	return found, nil
}

// run runs govulncheck and returns its messages.
func (s *Scanner) run(ctx context.Context, env []string, args ...string) (*stream, error) {
	cmd := scan.Command(ctx, append([]string{"-format", "json", "-db", s.database}, args...)...)
	var out, complaints bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, strings.NewReader(""), &out, &complaints
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ctx.Done(): // govulncheck itself does not stop when ctx ends
		return nil, context.Cause(ctx)
	case err := <-ended:
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, complaint(err, complaints.String())
		}
	}
	read, err := readStream(&out)
	if err != nil {
		return nil, err
	}
	s.modified = read.modified
	return read, nil
}

// complaint returns the error of govulncheck, without empty lines, and with advice if the
// database cannot be read.
func complaint(err error, complaints string) error {
	var lines []string
	for line := range strings.Lines(err.Error() + "\n" + complaints) {
		if line = strings.TrimRight(line, "\n"); strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	text := strings.Join(lines, "\n")
	for _, sign := range []string{"fetching vulnerabilities: ", "creating client: "} {
		if strings.Contains(text, sign) {
			return fmt.Errorf("%s; to use a copy of the database, pass --db", text)
		}
	}
	return errors.New(text)
}

// scanner returns the version of govulncheck, because a later version may find more.
func scanner() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == "golang.org/x/vuln" {
			return m.Version
		}
	}
	return ""
}
