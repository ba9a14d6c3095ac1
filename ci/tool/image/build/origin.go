package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// origin is what the images of a build are made from, besides their sources.
type origin struct{ lock, commit string }

// origin finds out the origin. The commit is for people, so it may be unknown.
func (b *Builder) origin(ctx context.Context) (origin, error) {
	key, err := b.Lock.Key()
	if err != nil {
		return origin{}, err
	}
	head, err := commit.Head(ctx, b.Catalog.Root, "")
	if err != nil {
		head = "unknown"
	}
	return origin{key, head}, context.Cause(ctx)
}

// annotate writes into an image's entry of the layout what it was made from.
func (o origin) annotate(d *v1.Descriptor, f catalog.Function, files string, binary gobuild.Binary) {
	if d.Annotations == nil || binary.Key == "" {
		return // there is no image, or nobody knows
	}
	d.Annotations[image.AnnotationSources] = sourcesKey(f, files, binary.Key)
	d.Annotations[image.AnnotationLock] = o.lock
	d.Annotations[image.AnnotationCommit] = o.commit
}

// sourcesKey is the content key of a binary and of the layer of files, if there is one, with
// the description of their image.
func sourcesKey(f catalog.Function, files, binary string) string {
	description, err := json.Marshal(f)
	if err != nil {
		panic(err) // it has texts and numbers only
	}
	if files == "" {
		return cache.Key(binary, string(description))
	}
	return cache.Key(binary, string(description), files)
}

// Fits fails unless the images of the layout in dir were made from the sources of the
// functions, and from the lock file, as they are now.
func (b *Builder) Fits(ctx context.Context, functions []catalog.Function, dir string) error {
	var errs []error
	for _, p := range b.Parts(functions) {
		errs = append(errs, p.fits(ctx, p.Functions, dir))
	}
	return errors.Join(errs...)
}

// fits is [Builder.Fits] for one platform.
func (b *Builder) fits(ctx context.Context, functions []catalog.Function, dir string) error {
	now, err := b.origin(ctx)
	if err != nil {
		return err
	}
	sources, err := gobuild.Discover(ctx, b.Catalog, functions, b.Platform)
	if err != nil {
		return err
	}
	keys, err := sources.Keys()
	if err != nil {
		return err
	}
	images, err := layout.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s is not an image layout, because it has no index.json; make it: bin/ci build-all --out %s", dir, dir)
	}
	if err != nil {
		return err
	}
	var errs []error
	for n, f := range functions {
		d, err := images.Find(f.Image, b.Platform.Architecture)
		if err != nil {
			return err
		}
		at, what, files := d.Annotations, "", ""
		l, _, err := FilesLayer(b.Cache, b.Catalog.Root, f)
		if err != nil {
			return err
		}
		if l != nil {
			files = l.Digest.String()
		}
		switch {
		case at[image.AnnotationSources] == "":
			errs = append(errs, fmt.Errorf("%s in %s does not say from which sources it was made", f.Image, dir))
			continue
		case d.Platform != nil && d.Platform.Architecture != b.Platform.Architecture:
			what = fmt.Sprintf("for %s, not for %s", d.Platform, b.Platform)
		case at[image.AnnotationSources] != sourcesKey(f, files, keys[n]):
			what = "from other sources than those that are here now"
		case at[image.AnnotationLock] != now.lock:
			what = "with another lock file than the one that is here now"
		default:
			continue
		}
		errs = append(errs, fmt.Errorf("%s in %s was made %s (its commit: %s)", f.Image, dir, what, at[image.AnnotationCommit]))
	}
	if len(errs) > 0 {
		return fmt.Errorf("%w\nbuild again: bin/ci build-all --out %s", errors.Join(errs...), dir)
	}
	return nil
}
