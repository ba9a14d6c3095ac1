package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/audit/secret"
	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// Auditor gathers the facts and runs every gate.
type Auditor struct {
	catalog *catalog.Catalog
	cache   *cache.Cache
	step    func(name string) (done func(err error))
}

// New returns an auditor of the workspace. It caches the facts about a layer, and that a
// file has no credential, under the digest of the content. step reports progress.
func New(c *catalog.Catalog, kept *cache.Cache, step func(name string) (done func(err error))) *Auditor {
	return &Auditor{catalog: c, cache: kept, step: step}
}

// Run runs every gate on the images of the functions in the OCI image layout in dir. The
// findings are in the report; the error means that facts could not be gathered.
func (a *Auditor) Run(ctx context.Context, functions []catalog.Function, dir string) (r *Report, err error) {
	start := time.Now()
	done := a.step("audit")
	defer func() {
		if err != nil {
			done(err)
		} else {
			done(r.Err())
		}
	}()
	images := make([]ImageFacts, len(functions))
	digests := map[string]string{}
	for i, f := range functions {
		if images[i], err = a.image(dir, f.Image); err != nil {
			return nil, fmt.Errorf("audit %s: %w", f.Image, err)
		}
		digests[f.Image] = images[i].Digest.String()
		if images[i].Config.Architecture != images[0].Config.Architecture {
			return nil, fmt.Errorf("audit: %s is for %s, but %s is for %s; build all images for one platform",
				functions[0].Image, images[0].Config.Architecture, f.Image, images[i].Config.Architecture)
		}
	}
	if len(images) == 0 {
		return nil, errors.New("audit: no image was named")
	}

	var graph *gobuild.Graph
	var proprietary *Fingerprint
	var scanner *secret.Scanner
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		platform := v1.Platform{OS: images[0].Config.OS, Architecture: images[0].Config.Architecture}
		packages, err := gobuild.Packages(gctx, a.catalog, functions, platform)
		graph = gobuild.NewGraph(a.catalog.Root, packages)
		return err
	})
	g.Go(func() (err error) {
		proprietary, err = ReadProprietary(a.catalog.Root)
		return err
	})
	g.Go(func() (err error) {
		scanner, err = secret.New(a.catalog.Root)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}

	checks := make([][]Check, len(functions))
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range functions {
		g.Go(func() error {
			secrets, err := a.secrets(gctx, f, graph, images[i], scanner)
			if err != nil {
				return fmt.Errorf("audit %s: %w", f.Image, err)
			}
			checks[i] = []Check{
				CheckImports(f, graph),
				CheckContent(f, images[i].Bootstrap, proprietary),
				secrets,
				CheckFFmpeg(f, graph, images[i].Layers),
				CheckLicence(f, images[i].Layers),
				CheckLambda(f, images[i]),
				CheckBudget(f, images[i]),
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return &Report{Digests: digests, Checks: slices.Concat(checks...), Seconds: time.Since(start).Seconds()}, nil
}

// image gathers the facts of one image of the layout in dir.
func (a *Auditor) image(dir, name string) (ImageFacts, error) {
	d, err := layout.Find(dir, name)
	if err != nil {
		return ImageFacts{}, err
	}
	i := ImageFacts{MediaType: d.MediaType, Digest: d.Digest}
	if err := readJSON(dir, d.Digest, &i.Manifest); err != nil {
		return ImageFacts{}, err
	}
	if !d.MediaType.IsImage() {
		return i, nil // CheckLambda says so
	}
	if err := readJSON(dir, i.Manifest.Config.Digest, &i.Config); err != nil {
		return ImageFacts{}, err
	}
	for _, l := range i.Manifest.Layers {
		facts, err := a.layer(blob(dir, l.Digest), l)
		if err != nil {
			return ImageFacts{}, fmt.Errorf("read layer %s: %w", l.Digest, err)
		}
		i.Layers = append(i.Layers, facts)
		if f, ok := facts.Files[image.BootstrapPath]; ok && f.Regular && facts.Problem == "" {
			if i.Bootstrap, err = extract(blob(dir, l.Digest), image.BootstrapPath); err != nil {
				return ImageFacts{}, fmt.Errorf("read the binary: %w", err)
			}
		}
	}
	return i, nil
}

// layer returns the facts of a layer, from the cache if it was read before.
func (a *Auditor) layer(file string, d v1.Descriptor) (LayerFacts, error) {
	info, err := os.Stat(file)
	if err != nil {
		return LayerFacts{}, err
	}
	key := cache.Key("layer facts 3", d.Digest.String())
	var facts LayerFacts
	if _, ok := a.cache.Load(key, &facts); ok && facts.Digest == d.Digest && info.Size() == d.Size {
		return facts, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return LayerFacts{}, err
	}
	defer f.Close()
	if facts, err = ReadLayer(f); err != nil {
		return LayerFacts{}, err
	}
	if facts.Digest != d.Digest {
		return facts, nil
	}
	return facts, a.cache.Save(key, facts)
}

func blob(dir string, h v1.Hash) string {
	return filepath.Join(dir, "blobs", h.Algorithm, h.Hex)
}

func readJSON(dir string, h v1.Hash, v any) error {
	data, err := os.ReadFile(blob(dir, h))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", h, err)
	}
	return nil
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
