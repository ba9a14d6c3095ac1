// Package documents gives images the documents that are attached to them, an SBOM and
// a provenance, and reads them back from a registry.
package documents

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/attest/composition"
	"lambdas.internal/ci/tool/attest/provenance"
	"lambdas.internal/ci/tool/attest/sbom"
	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Attach gives every image an SBOM, which says what it is made of, and a provenance,
// which says how it was built under the commit, by the pipeline with the identity. What goes to the public registry says nothing
// of the builder. It keeps in the cache what it reads from an image.
func Attach(ctx context.Context, root, identity string, pins *lock.Lock, kept *cache.Cache, name string, images map[string]publish.Image, started time.Time, allowDirty bool) error {
	from, committed, err := source(ctx, root, name, allowDirty)
	if err != nil {
		return err
	}
	b := provenance.Build{
		Identity: identity, Source: from,
		Builder: provenance.BuilderOf(os.Getenv), Started: started, Finished: time.Now(),
	}
	if b.Builder.Repository != "" {
		b.Source.Repository = b.Builder.Repository
	}
	if b.Digests, err = packages(pins); err != nil {
		return err
	}
	var mu sync.Mutex // of images
	report.Counting(ctx, "described", int64(len(images)), "images")
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0)) // each holds a program in memory
	for image, i := range maps.Clone(images) {
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := attach(&i, kept, pins, image, name, committed, b); err != nil {
				return fmt.Errorf("publish %s: %w", image, err)
			}
			mu.Lock()
			defer mu.Unlock()
			images[image] = i
			report.Add(ctx, 1)
			return nil
		})
	}
	return g.Wait()
}

// attach gives one image its documents.
func attach(i *publish.Image, kept *cache.Cache, pins *lock.Lock, image, name string, committed time.Time, b provenance.Build) error {
	of, err := read(*i, kept)
	if err != nil {
		return err
	}
	i.Attach = map[catalog.Registry][]referrer.Artifact{}
	for tier, b := range map[catalog.Registry]provenance.Build{catalog.Private: b, catalog.Public: b.Public()} {
		recorded := committed
		if tier == catalog.Public {
			recorded = time.Time{}
		}
		b.Go = toolchain(pins, of.GoVersion, os.Getenv(builderVariable))
		statement, err := provenance.New(of.Made, of.GoVersion, b)
		if err != nil {
			return err
		}
		i.Attach[tier] = []referrer.Artifact{
			{Type: sbom.MediaType, Title: image + ".cdx.json", Content: of.SBOM},
			{
				Type: provenance.MediaType, Title: image + ".provenance.json", Content: statement, Commit: name, Committed: recorded,
				Annotations: map[string]string{provenance.AnnotationPredicate: provenance.PredicateType},
			},
		}
	}
	return nil
}

// known is what the documents of an image say of it. It depends on its digest only.
type known struct {
	Made      composition.Image
	SBOM      []byte
	GoVersion string
}

// read reads an image, unless this program has read it before.
func read(i publish.Image, kept *cache.Cache) (of known, err error) {
	program, err := cache.Program()
	if err != nil {
		return of, err
	}
	key := cache.Key("documents 1", program, i.Digest.String())
	if _, ok := kept.Load(key, &of); ok {
		return of, nil
	}
	made, binary, err := Read(i)
	if err != nil {
		return of, err
	}
	of = known{Made: made, GoVersion: binary.Info.GoVersion}
	if of.SBOM, err = sbom.New(made, binary); err != nil {
		return of, err
	}
	return of, kept.Save(key, of)
}

// Read returns what an image is made of, and its program.
func Read(i publish.Image) (composition.Image, composition.Program, error) {
	made, err := composition.Read(i.Manifest, i.Open)
	if err != nil {
		return made, composition.Program{}, err
	}
	program, err := composition.ReadProgram(made, i.Open)
	return made, program, err
}

// source is what was built: what is checked out, whatever name it is published
// under. committed is the committer's time; zero if it is unknown.
func source(ctx context.Context, root, name string, allowDirty bool) (s provenance.Source, committed time.Time, err error) {
	s = provenance.Source{Commit: name, Dirty: allowDirty}
	at, err := commit.Checkout(ctx, root)
	switch {
	case err == nil:
		s.Checkout, s.Repository, s.Dirty = at.Commit, provenance.Address(at.Remote), at.Dirty || allowDirty // which is not checked
	case !errors.Is(err, commit.ErrNoRepository):
		return s, committed, err
	case len(name) == 40: // the whole name, and nobody to ask
		s.Checkout = name
	}
	return s, at.Committed, nil
}

// Find reads the document of a kind that is attached to the item's image. If there
// are several, it is the one about the commit, else the last.
func Find(ctx context.Context, r referrer.Registry, item reference.Item, commit, kind string) ([]byte, error) {
	digest, ok, err := r.Digest(ctx, item.Repository, item.CommitTag)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s is not in %s; publish it: bin/ci publish --commit %s", item.CommitTag, item.Repository, commit)
	}
	all, err := referrer.List(ctx, r, item.Repository, digest, kind)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no %s is attached to %s in %s; publish it again: bin/ci publish --commit %s", kind, item.CommitTag, item.Repository, commit)
	}
	chosen, ok := referrer.OfCommit(all, commit)
	if !ok {
		chosen = all[len(all)-1]
	}
	return referrer.Read(ctx, r, item.Repository, chosen)
}
