package cost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// parallel is how many requests run at once.
const parallel = 8

// The names of what no tag of a function names: images with another tag, images with
// no tag, and documents that are attached to images. No function's image has such a name.
const (
	other     = "(other)"
	untagged  = "(untagged)"
	documents = "(documents)"
)

// Registry is what is read; repositories are named as registry/path.
type Registry interface {
	// Tags lists the tags; a repository that does not exist has none.
	Tags(ctx context.Context, repository string) ([]string, error)
	// Digest returns the digest that a tag names; ok is false if there is no such tag.
	Digest(ctx context.Context, repository, tag string) (digest v1.Hash, ok bool, err error)
	// Manifest returns the manifest that a digest names.
	Manifest(ctx context.Context, repository, digest string) ([]byte, v1.Hash, error)
}

// Lister is a registry that lists and reads many images with one call, as ECR does, also
// those without a tag. The OCI distribution specification has no request for either.
type Lister interface {
	// Images lists the digests of all manifests in the repository, with their tags. The error
	// is [errors.ErrUnsupported] if it cannot do so for this repository.
	Images(ctx context.Context, repository string) (tags map[string][]string, err error)
	// Manifests reads manifests, by digest. It may leave out some.
	Manifests(ctx context.Context, repository string, digests []string) (map[string][]byte, error)
	// Archived counts the images in the archive class, which the others leave out, and their bytes.
	Archived(ctx context.Context, repository string) (images int, bytes int64, err error)
}

// ReadRegistries returns what the repositories of the functions at the hosts hold: each
// image that a tag names, and those without a tag if the registry is a [Lister]. Without a public
// host, it reads the private ones only.
func ReadRegistries(ctx context.Context, r Registry, functions []catalog.Function, h reference.Hosts) ([]Repository, error) {
	variants := map[string]catalog.Variant{}
	for _, f := range functions {
		variants[f.Image] = f.Variant
	}
	var all []Repository
	var hosts []string
	for _, item := range reference.Items(functions, h, "") {
		if slices.Contains(hosts, item.Repository) || item.Tier == catalog.Public && h.Public == "" {
			continue
		}
		hosts = append(hosts, item.Repository)
		v := variants[item.Image]
		all = append(all, Repository{Name: reference.RepositoryName(item.Tier, item.Repository), Tier: item.Tier, Variant: v})
	}
	for n := range all {
		var err error
		if all[n].Images, err = readRepository(ctx, r, hosts[n], all[n], functions, h.Tags); err != nil {
			return nil, fmt.Errorf("read what %s holds: %w", hosts[n], err)
		}
		if l, ok := r.(Lister); ok {
			if all[n].Archived.Images, all[n].Archived.Bytes, err = l.Archived(ctx, hosts[n]); err != nil {
				return nil, fmt.Errorf("read what %s has archived: %w", hosts[n], err)
			}
		}
	}
	return all, nil
}

// readRepository returns the images of a repository, each once.
func readRepository(ctx context.Context, r Registry, at string, repository Repository, functions []catalog.Function, patterns catalog.Tags) ([]Image, error) {
	lister, ok := r.(Lister)
	tags, err := map[string][]string(nil), errors.ErrUnsupported
	if ok {
		tags, err = lister.Images(ctx, at)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		tags, err = listTagged(ctx, r, at)
	}
	if err != nil {
		return nil, err
	}
	// An image is named after the first of its tags that belongs to a function.
	names, latest := map[string]catalog.Function{}, map[string]bool{}
	for digest, all := range tags {
		names[digest] = catalog.Function{Image: untagged}
		for _, tag := range all {
			f, known := functionOf(functions, tag, patterns)
			latest[digest] = latest[digest] || tag == patterns.OfLatest(f.Image)
			if named := names[digest]; named.Image == untagged || named.Image == other && known {
				names[digest] = f
			}
		}
	}
	digests := slices.Sorted(maps.Keys(names))
	if ok {
		manifests, err := lister.Manifests(ctx, at, digests)
		if err != nil {
			return nil, err
		}
		r = held{r, manifests}
	}
	images := make([]Image, len(digests))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, digest := range digests {
		g.Go(func() (err error) {
			images[n], err = readImage(gctx, r, at, digest, names[digest], repository)
			images[n].Latest = latest[digest]
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(images, func(a, b Image) int { return strings.Compare(Order(a.Name), Order(b.Name)) })
	return images, nil
}

// listTagged returns the digests that the tags of a repository name, with these tags.
func listTagged(ctx context.Context, r Registry, at string) (map[string][]string, error) {
	all, err := r.Tags(ctx, at)
	if err != nil {
		return nil, err
	}
	digests := make([]string, len(all))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, tag := range all {
		g.Go(func() error {
			digest, ok, err := r.Digest(gctx, at, tag)
			if ok { // if not, the tag was removed after it was listed
				digests[n] = digest.String()
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	tags := map[string][]string{}
	for n, digest := range digests {
		if digest != "" {
			tags[digest] = append(tags[digest], all[n])
		}
	}
	return tags, nil
}

// held is a registry of which some manifests are read already.
type held struct {
	Registry
	manifests map[string][]byte
}

func (h held) Manifest(ctx context.Context, repository, digest string) ([]byte, v1.Hash, error) {
	if raw, ok := h.manifests[digest]; ok {
		hash, err := v1.NewHash(digest)
		return raw, hash, err
	}
	return h.Registry.Manifest(ctx, repository, digest)
}

// Order returns what an image's name is sorted by: the functions' images are first, so
// that a layer that others share with them counts as theirs.
func Order(name string) string {
	if strings.HasPrefix(name, "(") {
		return "~" + name
	}
	return name
}

// functionOf returns the function whose image a tag names.
func functionOf(functions []catalog.Function, tag string, patterns catalog.Tags) (catalog.Function, bool) {
	if _, ok := referrer.ListOf(tag); ok {
		return catalog.Function{Image: documents}, false
	}
	of, ok := catalog.Function{Image: other}, false
	for _, f := range functions { // one name may be the beginning of another: the longest counts
		// A live tag has the name and a - in front.
		its := strings.HasPrefix(tag, patterns.OfCommit(f.Image, "")) || tag == patterns.OfLatest(f.Image) || strings.HasPrefix(tag, f.Image+"-")
		if its && (!ok || len(f.Image) > len(of.Image)) {
			of, ok = f, true
		}
	}
	return of, ok
}

// readImage reads one image. One without the layers of a function's image counts
// as other.
func readImage(ctx context.Context, r Registry, at, digest string, f catalog.Function, repository Repository) (Image, error) {
	m, plain, err := readManifest(ctx, r, at, digest)
	if err != nil {
		return Image{}, err
	}
	if plain && f.Lambda != "" {
		if i, err := ReadManifest(f.Image, repository.Variant, digest, m, too(f)...); err == nil {
			i.DeployCopy = f.Registry != repository.Tier
			return i, nil
		}
	}
	if f.Image == documents || m.Subject != nil {
		return ReadOther(documents, Documents, digest, m), nil
	}
	return ReadOther(f.Image, Other, digest, m), nil
}

// readManifest reads a manifest. An index, which is not plain, is returned as one
// manifest with the blobs of all its images.
func readManifest(ctx context.Context, r Registry, at, digest string) (m *v1.Manifest, plain bool, err error) {
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
		m, _, err := readManifest(ctx, r, at, d.Digest.String())
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
