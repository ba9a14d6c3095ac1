package sizediff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry/limit"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
)

// Source is an image in an OCI image layout or in a registry, and the way to read its
// layers.
type Source struct {
	Digest   v1.Hash
	Manifest v1.Manifest
	Config   v1.ConfigFile
	// open returns the content of a blob.
	open func(context.Context, v1.Descriptor) (io.ReadCloser, error)
}

// fromLayout returns an image of an OCI image layout.
func fromLayout(i publish.Image) (*Source, error) {
	s := &Source{Digest: i.Digest, open: func(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		content, err := i.Open(d)
		if err != nil {
			return nil, fmt.Errorf("read the binary: %w", err)
		}
		return content, nil
	}}
	return s, s.read(i.Manifest, func(config v1.Descriptor) ([]byte, error) {
		content, err := i.Open(config)
		if err != nil {
			return nil, err
		}
		defer content.Close()
		return io.ReadAll(limit.Reader(context.Background(), content, limit.Small))
	})
}

// Registry is where images are read from. It checks what it returns against the digest.
type Registry interface {
	// Manifest returns the manifest that the tag names, and its digest.
	Manifest(ctx context.Context, repository, tag string) (manifest []byte, digest v1.Hash, err error)
	// Blob returns the content of a small blob.
	Blob(ctx context.Context, repository string, digest v1.Hash) ([]byte, error)
	// Download passes the content of a blob to keep. It calls keep again, with the
	// content from its beginning, when it has to read again.
	Download(ctx context.Context, repository string, digest v1.Hash, keep func(io.Reader) error) error
}

// FromRegistry returns the image that the tag of the repository names. Layers that are
// read are kept in the cache.
func FromRegistry(ctx context.Context, r Registry, kept *cache.Cache, repository, tag string) (*Source, error) {
	manifest, digest, err := r.Manifest(ctx, repository, tag)
	if err != nil {
		return nil, err
	}
	s := &Source{Digest: digest, open: func(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		if !kept.Has(d.Digest, d.Size) {
			keep := func(content io.Reader) error { return kept.Keep(limit.Reader(ctx, content, d.Size)) }
			if err := r.Download(ctx, repository, d.Digest, keep); err != nil {
				return nil, err
			}
		}
		return os.Open(kept.Blob(d.Digest))
	}}
	if err := s.read(manifest, func(d v1.Descriptor) ([]byte, error) { return r.Blob(ctx, repository, d.Digest) }); err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", tag, repository, err)
	}
	return s, nil
}

// read fills in manifest and configuration.
func (s *Source) read(manifest []byte, blob func(v1.Descriptor) ([]byte, error)) error {
	if err := json.Unmarshal(manifest, &s.Manifest); err != nil {
		return fmt.Errorf("the manifest: %w", err)
	}
	if err := limit.Check(&s.Manifest); err != nil {
		return err
	}
	if len(s.Manifest.Layers) == 0 {
		return fmt.Errorf("the manifest (%s) has no layers", s.Manifest.MediaType)
	}
	config, err := blob(s.Manifest.Config)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(config, &s.Config); err != nil {
		return fmt.Errorf("the configuration: %w", err)
	}
	return nil
}

// Program returns the function's program, which is in the last layer.
func (s *Source) Program(ctx context.Context) ([]byte, error) {
	last := s.Manifest.Layers[len(s.Manifest.Layers)-1]
	content, err := s.open(ctx, last)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	program, err := layer.Extract(content, image.BootstrapPath)
	if err != nil {
		return nil, fmt.Errorf("read the binary in layer %s: %w", last.Digest, err)
	}
	return program, nil
}

// Layer returns the compressed content of a layer; they are numbered from below.
func (s *Source) Layer(ctx context.Context, n int) (io.ReadCloser, error) {
	content, err := s.open(ctx, s.Manifest.Layers[n])
	if err != nil {
		return nil, fmt.Errorf("read layer %s: %w", s.Manifest.Layers[n].Digest, err)
	}
	return content, nil
}

// AllFromLayout returns the images of those functions that have one in the image
// layout, at least one.
func AllFromLayout(dir string, functions []catalog.Function, kept *cache.Cache) (map[string]*Source, error) {
	there, err := layout.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("read the image layout %s: %w", dir, err)
	}
	functions = slices.DeleteFunc(slices.Clone(functions), func(f catalog.Function) bool { return !there.Has(f.Image) })
	if len(functions) == 0 {
		return nil, fmt.Errorf("the image layout %s holds none of the images; build them: bin/ci build-all --out %s", dir, dir)
	}
	images, err := publish.ReadImages(dir, functions, kept)
	if err != nil {
		return nil, err
	}
	found := map[string]*Source{}
	for name, i := range images {
		if found[name], err = fromLayout(i); err != nil {
			return nil, fmt.Errorf("read image %s of %s: %w", name, dir, err)
		}
	}
	return found, nil
}

// Tagged is a [Registry] that lists tags.
type Tagged interface {
	Registry
	Tags(ctx context.Context, repository string) ([]string, error)
}

// AllFromRegistry returns the images at the places, without a commit, that have the tag of
// their place, or, where tag is nil, that were published under the commit. At least one has
// it; name is what an error calls them.
func AllFromRegistry(ctx context.Context, r Tagged, kept *cache.Cache, places []reference.Item, name string, tag func(reference.Item) string, of string) (map[string]*Source, error) {
	tags := map[string][]string{} // by repository
	for _, p := range places {
		if _, ok := tags[p.Repository]; ok {
			continue
		}
		listed, err := r.Tags(ctx, p.Repository)
		if err != nil {
			return nil, err
		}
		tags[p.Repository] = listed
	}
	images := make([]*Source, len(places))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(publish.DefaultParallel)
	for n, p := range places {
		match, err := tagOf(tags[p.Repository], p, tag, of)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("compare %s: %w", p.Image, err), g.Wait())
		}
		if match == "" {
			continue
		}
		g.Go(func() (err error) {
			images[n], err = FromRegistry(gctx, r, kept, p.Repository, match)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	found := map[string]*Source{}
	for n, p := range places {
		if images[n] != nil {
			found[p.Image] = images[n]
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("the registries hold no image of %s; %s", name, held(places, tags))
	}
	return found, nil
}

// tagOf returns the tag that the image of a place has; "" if it has none. A commit is found by
// fewer or more digits than it was published with.
func tagOf(tags []string, p reference.Item, tag func(reference.Item) string, of string) (string, error) {
	want := p.CommitTag + of
	if tag != nil {
		want = tag(p)
	}
	if slices.Contains(tags, want) {
		return want, nil
	}
	var matches []string
	for _, t := range tags {
		named, ok := strings.CutPrefix(t, p.CommitTag)
		if ok && tag == nil && commit.Check(named) == nil && (strings.HasPrefix(of, named) || strings.HasPrefix(named, of)) {
			matches = append(matches, t)
		}
	}
	switch len(matches) {
	case 0:
		return "", nil
	case 1:
		return matches[0], nil
	default:
		return "", fmt.Errorf("%s may be %s; name more digits", of, strings.Join(matches, " or "))
	}
}

// held tells of which commits the repositories hold images.
func held(places []reference.Item, tags map[string][]string) string {
	commits := map[string]bool{}
	for _, p := range places {
		for _, t := range tags[p.Repository] {
			if name, ok := strings.CutPrefix(t, p.CommitTag); ok && commit.Check(name) == nil {
				commits[name] = true
			}
		}
	}
	all := slices.Sorted(maps.Keys(commits))
	switch more := len(all) - shownCommits; {
	case len(all) == 0:
		return "they hold none of any commit"
	case more > 0:
		return fmt.Sprintf("they hold those of %s and %d more", strings.Join(all[:shownCommits], ", "), more)
	default:
		return "they hold those of " + strings.Join(all, ", ")
	}
}

// shownCommits bounds how many commits a message names.
const shownCommits = 8
