package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"lambdas.internal/ci/tool/audit/fingerprint"
	"lambdas.internal/ci/tool/audit/secret"
	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/registry/limit"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// Auditor gathers the facts and runs every gate.
type Auditor struct {
	catalog *catalog.Catalog
	parts   image.Parts
	cache   *cache.Cache
	step    report.Steps
	in      *sources           // of the last run
	once    singleflight.Group // images share layers
}

// New returns an auditor of the workspace, to which the parts of images are known. It caches
// the facts about a layer, and that a file has no credential, under the digest of the
// content. step reports progress.
func New(c *catalog.Catalog, parts image.Parts, kept *cache.Cache, step report.Steps) *Auditor {
	return &Auditor{catalog: c, parts: parts, cache: kept, step: step}
}

// Run runs every gate on the images of the functions in the OCI image layout in dir. The
// findings are in the report; the error means that facts could not be gathered.
func (a *Auditor) Run(ctx context.Context, functions []catalog.Function, dir string) (r *Report, err error) {
	start := time.Now()
	ctx, done := a.step(ctx, "audit")
	defer func() {
		if err != nil {
			done(err)
		} else {
			done(r.Err())
		}
	}()
	if len(functions) == 0 {
		return nil, errors.New("audit: no image was named")
	}
	images, err := a.describe(functions, dir)
	if err != nil {
		return nil, err
	}
	in, err := a.sources(ctx, functions, v1.Platform{OS: images[0].Config.OS, Architecture: images[0].Config.Architecture})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	a.in = &in
	checks := make([][]Check, len(functions))
	var judged atomic.Int64
	report.Counting(ctx, "checked", int64(len(functions)), "images")
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0)) // each holds the binary of an image in memory
	for i, f := range functions {
		g.Go(func() error {
			found, reused, err := a.judge(gctx, f, images[i], in, dir)
			if err != nil {
				return fmt.Errorf("audit %s: %w", f.Image, err)
			}
			if !reused {
				judged.Add(1)
			}
			checks[i] = found
			report.Add(gctx, 1)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	digests, unpinned := map[string]string{}, map[string]string{}
	for i, f := range functions {
		digests[f.Image], unpinned[f.Image] = images[i].Digest.String(), images[i].Claim.Unpinned()
	}
	exceptions := in.except.list()
	for _, allowed := range in.scanner.Allowed() {
		exceptions = append(exceptions, secret.RulesFile+": "+allowed)
	}
	return &Report{Digests: digests, Unpinned: unpinned, Exceptions: exceptions, Checks: slices.Concat(checks...), Judged: int(judged.Load()), Seconds: time.Since(start).Seconds()}, nil
}

// sources are what the gates compare the images with.
type sources struct {
	graph       *gobuild.Graph
	fingerprint *fingerprint.Fingerprint
	scanner     *secret.Scanner
	files       *files
	compared    *compared
	published   published
	private     Private
	shared      Shared
	except      Exceptions
}

// sources reads the sources of the functions, and what must not be in their images.
func (a *Auditor) sources(ctx context.Context, functions []catalog.Function, platform v1.Platform) (sources, error) {
	in := sources{files: &files{digests: map[string]string{}}, compared: &compared{found: map[string][]string{}}, private: private(a.catalog)}
	var err error
	if in.except, err = ReadExceptions(a.catalog.Root, in.private.Folders()); err != nil {
		return in, err
	}
	all := slices.Clone(functions)
	public := slices.ContainsFunc(functions, func(f catalog.Function) bool { return f.Registry == catalog.Public })
	for _, f := range a.catalog.Functions {
		if public && f.Registry == catalog.Private && !slices.ContainsFunc(all, func(g catalog.Function) bool { return g.Folder == f.Folder }) {
			all = append(all, f) // what it reaches is compared
		}
	}
	var packages []gobuild.Package
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		packages, err = gobuild.Packages(gctx, a.catalog, all, platform)
		return err
	})
	g.Go(func() (err error) {
		in.fingerprint = fingerprint.New()
		if public {
			in.fingerprint, err = ReadPrivate(a.catalog.Root, in.private, in.except)
		}
		return err
	})
	g.Go(func() (err error) {
		in.scanner, err = secret.New(a.catalog.Root)
		return err
	})
	if err := g.Wait(); err != nil {
		return in, err
	}
	in.graph = gobuild.NewGraph(a.catalog.Root, packages)
	in.shared = NewShared(a.catalog.Functions, in.graph, in.except.Packages)
	if in.published, err = newPublished(packages); err != nil {
		return in, err
	}
	if !public {
		return in, nil
	}
	return in, a.forget(ctx, in.fingerprint, in.published)
}

// describe reads the manifests and configurations of the images, which must be for one
// platform.
func (a *Auditor) describe(functions []catalog.Function, dir string) ([]ImageFacts, error) {
	images := make([]ImageFacts, len(functions))
	there, err := layout.Open(dir)
	for n, f := range functions {
		if err == nil {
			images[n], err = a.describeOne(f, dir, there)
		}
		if err != nil {
			return nil, fmt.Errorf("audit %s: %w", f.Image, err)
		}
		if first := images[0].Config.Architecture; images[n].Config.Architecture != first {
			return nil, fmt.Errorf("audit: %s is for %s, but %s is for %s; build all images for one platform",
				functions[0].Image, first, f.Image, images[n].Config.Architecture)
		}
	}
	return images, nil
}

// describeOne reads what is small of an image, and what it claims to be.
func (a *Auditor) describeOne(f catalog.Function, dir string, there layout.Images) (ImageFacts, error) {
	d, err := there.Find(f.Image, f.Arch())
	if err != nil {
		return ImageFacts{}, err
	}
	i := ImageFacts{MediaType: d.MediaType, Digest: d.Digest}
	if i.RawManifest, err = readJSON(dir, d.Digest, &i.Manifest); err != nil {
		return ImageFacts{}, err
	}
	if err := limit.Check(&i.Manifest); err != nil {
		return ImageFacts{}, err
	}
	if !d.MediaType.IsImage() {
		i.ClaimErr = fmt.Errorf("the image is a %s", d.MediaType)
		return i, nil
	}
	if i.RawConfig, err = readJSON(dir, i.Manifest.Config.Digest, &i.Config); err != nil {
		return ImageFacts{}, err
	}
	i.Claim, i.ClaimErr = a.parts.Claim(f, i.Manifest, i.Config)
	return i, nil
}

// judge runs every gate on one image, unless it passed them before.
func (a *Auditor) judge(ctx context.Context, f catalog.Function, i ImageFacts, in sources, dir string) (checks []Check, reused bool, err error) {
	files, _, err := build.FilesLayer(a.cache, a.catalog.Root, f)
	if err != nil {
		return nil, false, err
	}
	key, err := verdictKey(f, i, in, files, a.parts, a.catalog.Pipeline.FFmpeg.Folder())
	if err != nil {
		return nil, false, err
	}
	if _, ok := a.cache.Load(key, &checks); ok {
		return checks, true, nil
	}
	if err := a.readLayers(ctx, &i, dir); err != nil {
		return nil, false, err
	}
	secrets, err := a.secrets(ctx, f, i, in)
	if err != nil {
		return nil, false, err
	}
	compared, err := in.compare(ctx, f)
	if err != nil {
		return nil, false, err
	}
	binary, err := a.binaryLayer(i.Bootstrap)
	if err != nil {
		return nil, false, err
	}
	beside, err := a.surface(ctx, f, i, binary, in, dir)
	if err != nil {
		return nil, false, err
	}
	checks = []Check{
		CheckAssembly(f, i, files, binary),
		CheckImports(f, in.graph, in.private.Folders(), in.shared),
		CheckContent(f, i.Bootstrap, compared, in.fingerprint, in.private).join(beside, beside.Private),
		secrets.join(beside, beside.Secrets),
		CheckFFmpeg(f, in.graph, i.Layers, a.catalog.Pipeline.FFmpeg.Folder()),
		CheckLicence(f, i.Layers),
		CheckLambda(f, i),
		CheckBudget(f, i),
	}
	if slices.ContainsFunc(checks, func(c Check) bool { return !c.Passed }) {
		return checks, false, nil // it is judged again until it passes
	}
	return checks, false, a.cache.Save(key, checks)
}

func blob(dir string, h v1.Hash) string {
	return filepath.Join(dir, "blobs", h.Algorithm, h.Hex)
}

// readJSON reads a JSON document into v, and returns its bytes.
func readJSON(dir string, h v1.Hash, v any) ([]byte, error) {
	data, err := os.ReadFile(blob(dir, h))
	if err != nil {
		return nil, err
	}
	if got, _, err := v1.SHA256(bytes.NewReader(data)); err != nil || got != h {
		return nil, fmt.Errorf("%s has other content than its name says; build again: bin/ci build-all", blob(dir, h))
	}
	if err := json.Unmarshal(data, v); err != nil {
		return nil, fmt.Errorf("%s: %w", h, err)
	}
	return data, nil
}

// extract returns the content of one file of a layer.
func extract(file, name string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return layer.Extract(f, name)
}
