// Command distribution builds the program for those who do not build it: static, for each
// platform, the same bytes on any machine, with checksums, an SBOM of each and one provenance of
// all. The workflow of a release runs it.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/attest/composition"
	"lambdas.internal/ci/tool/attest/provenance"
	"lambdas.internal/ci/tool/attest/sbom"
	"lambdas.internal/ci/tool/workspace/commit"
)

// platforms are those that a release has.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"}

// version matches a version of semver.org, with the v of a tag.
var version = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)

func main() {
	var d distribution
	flag.StringVar(&d.version, "version", "", "version, the name of the tag: v1.2.3")
	flag.StringVar(&d.address, "address", "", "address of the repository that has the release (default: that of the CI run, else of the remote origin)")
	flag.StringVar(&d.source, "source", ".", "folder of the module of the program")
	flag.StringVar(&d.out, "out", "", "folder for the files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := d.make(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "distribution:", err)
		os.Exit(1)
	}
}

// distribution is what a release has of the program.
type distribution struct {
	version, address, source, out string
	commit                        string
}

func (d *distribution) make(ctx context.Context) error {
	started := time.Now()
	if !version.MatchString(d.version) {
		return fmt.Errorf("-version: %q is no version; pass one like v1.2.3", d.version)
	}
	if d.out == "" {
		return errors.New("-out is missing; pass a folder for the files")
	}
	root, err := filepath.Abs(d.source)
	if err != nil {
		return err
	}
	at, err := commit.Checkout(ctx, root)
	if err != nil {
		return fmt.Errorf("find the commit: %w", err)
	}
	if at.Dirty {
		return commit.ErrDirty
	}
	d.commit = at.Commit
	builder := provenance.BuilderOf(os.Getenv)
	for _, known := range []string{builder.Repository, provenance.Address(at.Remote)} {
		if d.address == "" {
			d.address = known
		}
	}
	if d.address == "" {
		return errors.New("the address of the repository is unknown; pass -address https://HOST/OWNER/NAME")
	}
	if err := os.MkdirAll(d.out, 0o755); err != nil {
		return err
	}
	sums := map[string]string{}
	for _, platform := range platforms {
		if err := d.program(ctx, platform, sums); err != nil {
			return err
		}
	}
	programs := maps.Clone(sums)
	maps.DeleteFunc(programs, func(name, _ string) bool { return strings.HasSuffix(name, ".json") })
	statement, err := provenance.OfPrograms(d.version, programs, runtime.Version(), provenance.Build{
		Source:  provenance.Source{Commit: d.commit, Checkout: d.commit, Repository: d.address},
		Builder: builder, Started: started, Finished: time.Now(),
	})
	if err != nil {
		return err
	}
	if err := d.write("ci.provenance.json", statement, sums); err != nil {
		return err
	}
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&lines, "%s  %s\n", sums[name], name) // as sha256sum prints it
	}
	fmt.Print(lines.String())
	return os.WriteFile(filepath.Join(d.out, "SHA256SUMS"), []byte(lines.String()), 0o644)
}

// program builds the program for a platform, and writes its SBOM.
func (d *distribution) program(ctx context.Context, platform string, sums map[string]string) error {
	name := "ci-" + strings.ReplaceAll(platform, "/", "-")
	file, err := filepath.Abs(filepath.Join(d.out, name))
	if err != nil {
		return err
	}
	if err := d.build(ctx, platform, file); err != nil {
		return err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	p := composition.ProgramOf(content)
	if p.Info == nil {
		return fmt.Errorf("%s has no list of its modules", name)
	}
	sums[name] = p.SHA256
	document, err := sbom.OfProgram(name, d.version, p)
	if err != nil {
		return err
	}
	return d.write(name+".cdx.json", document, sums)
}

// build compiles the program. Nothing of this machine, its folders and its settings goes in.
func (d *distribution) build(ctx context.Context, platform, file string) error {
	system, arch, _ := strings.Cut(platform, "/")
	var set []string
	for name, value := range map[string]string{"released": d.version, "builtFrom": d.commit, "address": d.address} {
		set = append(set, fmt.Sprintf("-X 'main.%s=%s'", name, value))
	}
	slices.Sort(set)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w "+strings.Join(set, " "), "-o", file, "./cmd/ci")
	cmd.Dir, cmd.Stderr = d.source, os.Stderr
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off")
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build for %s: %w", platform, err)
	}
	return nil
}

// write writes a file of the release, and notes its checksum.
func (d *distribution) write(name string, content []byte, sums map[string]string) error {
	sum := sha256.Sum256(content)
	sums[name] = hex.EncodeToString(sum[:])
	return os.WriteFile(filepath.Join(d.out, name), content, 0o644)
}
