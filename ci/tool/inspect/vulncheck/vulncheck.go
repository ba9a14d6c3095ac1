// Package vulncheck tells which functions a known vulnerability makes redeploy: those
// that reach what is vulnerable. It runs govulncheck within this process, on the
// sources as the functions are built from them, and on what the linker makes of them.
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

// New returns a scanner for the database at an address of [Database]. What it finds
// of a function is kept in the cache. step tells of progress.
func New(database string, kept *cache.Cache, step func(name string) (done func(err error))) *Scanner {
	return &Scanner{database: database, cache: kept, step: step}
}

// Run examines the functions as they are built for the platform, one at a time:
// following all calls of one that uses the AWS SDK takes 2 GB of memory.
func (s *Scanner) Run(ctx context.Context, c *catalog.Catalog, functions []catalog.Function, platform v1.Platform) (*Report, error) {
	start := time.Now()
	keys, err := gobuild.Keys(c, functions, platform)
	if err != nil {
		return nil, fmt.Errorf("vulncheck: %w", err)
	}
	w := workspace{c, platform,
		// GOVERSION says which library the functions get.
		append(gobuild.Environment(ctx, c, platform), "GOVERSION="+c.Toolchain, "GOPACKAGESDRIVER=off")}
	examined := make([]Function, len(functions))
	for n, f := range functions {
		began := time.Now()
		if examined[n], err = s.function(ctx, w, f, keys[n]); err != nil {
			return nil, fmt.Errorf("vulncheck %s (%s): %w", f.Image, f.Folder, err)
		}
		examined[n].Seconds = time.Since(began).Seconds()
	}
	r := NewReport(s.database, s.modified, examined)
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

// workspace is what functions are built from, and how.
type workspace struct {
	*catalog.Catalog
	platform v1.Platform
	env      []string
}

// function examines one function. Whether it imports what is vulnerable is known in
// half a second; only if it does are its calls followed, for half a minute.
func (s *Scanner) function(ctx context.Context, w workspace, f catalog.Function, key string) (examined Function, err error) {
	examined = Function{Image: f.Image, Lambda: f.Lambda, Folder: f.Folder}
	source := func(level string, packages ...string) (*stream, error) {
		args := []string{"-C", filepath.Join(w.Root, filepath.FromSlash(f.Folder)), "-scan", level, "-tags", strings.Join(gobuild.Tags(), ",")}
		return s.run(ctx, w.env, append(args, packages...)...)
	}
	done := s.step("see what " + f.Image + " imports")
	told, err := source("package", ".")
	done(err)
	if err != nil {
		return examined, err
	}
	examined.Modules, examined.Findings = told.modules, told.result(false)
	if !slices.ContainsFunc(examined.Findings, func(f Finding) bool { return f.Reach == Imported }) {
		return examined, nil
	}
	// What is reached depends on the sources and on what the vulnerabilities are.
	parts := []string{"reached 1", scanner(), key}
	for _, id := range slices.Sorted(maps.Keys(told.entries)) {
		parts = append(parts, string(told.entries[id].raw))
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
	if told, err = source("symbol", append(starters, ".")...); err != nil {
		return examined, err
	}
	examined.Findings = withBinary(told.result(false), linked)
	return examined, s.cache.Save(kept, examined.Findings)
}

// linked returns what the function's binary holds.
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
	told, err := s.run(ctx, w.env, "-mode", "binary", file)
	if err != nil {
		return nil, err
	}
	return told.result(true), nil
}

// runtime is the library by which Go functions run in Lambda. It calls handlers by
// reflection, where no analysis follows.
const runtime = "github.com/aws/aws-lambda-go/lambda"

// starters returns those packages of the workspace, without the function's own, that
// hand handlers to the runtime: what they export is called from there, in effect.
func starters(ctx context.Context, w workspace, f catalog.Function) ([]string, error) {
	packages, err := gobuild.Packages(ctx, w.Catalog, []catalog.Function{f}, w.platform)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, p := range packages {
		rel, err := filepath.Rel(w.Root, p.Dir)
		if err == nil && filepath.IsLocal(rel) && filepath.ToSlash(rel) != f.Folder && slices.Contains(p.Imports, runtime) {
			found = append(found, p.ImportPath)
		}
	}
	return found, nil
}

// run runs govulncheck and returns what it tells.
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
	case <-ctx.Done(): // which govulncheck does not look at while it thinks
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

// complaint returns what govulncheck complained of, without its empty lines, and what
// helps where the database cannot be read.
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
			return fmt.Errorf("%s; a copy of the database can be named with --db", text)
		}
	}
	return errors.New(text)
}

// scanner names the version of govulncheck, which a later one may see more than.
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
