// Package inventory reads what repositories hold: the manifest of every image that
// a tag names, and of those without a tag where the registry tells of them.
package inventory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/inspect/cost"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// parallel is how many requests are under way at once.
const parallel = 8

// What is called so that no function's tag names: what has another tag, what has
// none, and what is attached to images. No function's image has such a name.
const (
	other     = "(other)"
	untagged  = "(untagged)"
	documents = "(documents)"
)

// Registry is what is asked; repositories are named as registry/path.
type Registry interface {
	// Tags lists the tags; a repository that is not there has none.
	Tags(ctx context.Context, repository string) ([]string, error)
	// Digest returns what a tag names; ok is false when it names nothing.
	Digest(ctx context.Context, repository, tag string) (digest v1.Hash, ok bool, err error)
	// Manifest returns the manifest that a digest names.
	Manifest(ctx context.Context, repository, digest string) ([]byte, v1.Hash, error)
}

// Lister is a registry that also tells of images without a tag. The OCI
// distribution specification knows no way to ask for them.
type Lister interface {
	// Digests lists all that the repository holds.
	Digests(ctx context.Context, repository string) ([]string, error)
}

// Read returns what the repositories of the functions at the hosts hold. What no
// tag names is seen only if the registry is a [Lister].
func Read(ctx context.Context, r Registry, functions []catalog.Function, h publish.Hosts) ([]cost.Repository, error) {
	variants := map[string]catalog.Variant{}
	for _, f := range functions {
		variants[f.Image] = f.Variant
	}
	var all []cost.Repository
	var hosts []string
	for _, item := range publish.Items(functions, h, "") {
		if slices.Contains(hosts, item.Repository) {
			continue
		}
		hosts = append(hosts, item.Repository)
		v := variants[item.Image]
		all = append(all, cost.Repository{Name: publish.RepositoryName(item.Tier, v), Tier: item.Tier, Variant: v})
	}
	for n := range all {
		var err error
		if all[n].Images, err = read(ctx, r, hosts[n], all[n], functions); err != nil {
			return nil, fmt.Errorf("read what %s holds: %w", hosts[n], err)
		}
	}
	return all, nil
}

// read returns the images of a repository, each once.
func read(ctx context.Context, r Registry, at string, repository cost.Repository, functions []catalog.Function) ([]cost.Image, error) {
	tags, err := r.Tags(ctx, at)
	if err != nil {
		return nil, err
	}
	digests := make([]string, len(tags))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, tag := range tags {
		g.Go(func() error {
			digest, ok, err := r.Digest(gctx, at, tag)
			if ok {
				digests[n] = digest.String()
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	// A digest is named after the first tag that is of a function.
	names, latest := map[string]catalog.Function{}, map[string]bool{}
	for n, digest := range digests {
		if digest == "" { // the tag was taken away meanwhile
			continue
		}
		f, known := function(functions, tags[n])
		latest[digest] = latest[digest] || tags[n] == f.Image+publish.LatestSuffix
		if named := names[digest]; named.Image == "" || named.Image == other && known {
			names[digest] = f
		}
	}
	if l, ok := r.(Lister); ok {
		all, err := l.Digests(ctx, at)
		if err != nil {
			return nil, err
		}
		for _, digest := range all {
			if _, ok := names[digest]; !ok {
				names[digest] = catalog.Function{Image: untagged}
			}
		}
	}
	images := make([]cost.Image, 0, len(names))
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	found := make(chan cost.Image, len(names))
	for digest, f := range names {
		g.Go(func() error {
			i, err := one(gctx, r, at, digest, f, repository)
			i.Latest = latest[digest]
			found <- i
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	close(found)
	for i := range found {
		images = append(images, i)
	}
	slices.SortFunc(images, func(a, b cost.Image) int {
		return cmp.Or(strings.Compare(order(a.Name), order(b.Name)), strings.Compare(a.Digest, b.Digest))
	})
	return images, nil
}

// order puts functions' images first: what they share with others is a part of theirs.
func order(name string) string {
	if strings.HasPrefix(name, "(") {
		return "~" + name
	}
	return name
}

// function returns the function whose image a tag names.
func function(functions []catalog.Function, tag string) (catalog.Function, bool) {
	if _, ok := referrer.ListOf(tag); ok {
		return catalog.Function{Image: documents}, false
	}
	n := slices.IndexFunc(functions, func(f catalog.Function) bool { return strings.HasPrefix(tag, f.Image+"-") })
	if n < 0 {
		return catalog.Function{Image: other}, false
	}
	return functions[n], true
}

// one reads one image. What is not built as the images of this workspace are, is
// other.
func one(ctx context.Context, r Registry, at, digest string, f catalog.Function, repository cost.Repository) (cost.Image, error) {
	m, plain, err := manifest(ctx, r, at, digest)
	if err != nil {
		return cost.Image{}, err
	}
	if plain && f.Lambda != "" {
		if i, err := cost.ReadManifest(f.Image, repository.Variant, digest, m); err == nil {
			i.DeployCopy = f.Registry != repository.Tier
			return i, nil
		}
	}
	if f.Image == documents || m.Subject != nil {
		return cost.ReadOther(documents, cost.Documents, digest, m), nil
	}
	return cost.ReadOther(f.Image, cost.Other, digest, m), nil
}

// manifest reads a manifest. An index, which is not plain, is as one manifest that
// has the blobs of all.
func manifest(ctx context.Context, r Registry, at, digest string) (m *v1.Manifest, plain bool, err error) {
	raw, _, err := r.Manifest(ctx, at, digest)
	if err != nil {
		return nil, false, err
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, false, fmt.Errorf("manifest %s: %w", digest, err)
	}
	if len(index.Manifests) == 0 {
		m, err = v1.ParseManifest(bytes.NewReader(raw))
		return m, true, err
	}
	all := &v1.Manifest{}
	for _, d := range index.Manifests {
		m, _, err := manifest(ctx, r, at, d.Digest.String())
		if err != nil {
			return nil, false, err
		}
		all.Layers = append(all.Layers, m.Layers...)
		if all.Config.Size == 0 {
			all.Config = m.Config
		} else {
			all.Layers = append(all.Layers, m.Config)
		}
	}
	return all, false, nil
}
