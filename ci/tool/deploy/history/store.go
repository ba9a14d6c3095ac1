package history

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/publish/reference"
)

// TagPrefix is the beginning of the tags of release records: release-TIME-COMMIT-ACCOUNT-REGION. No
// image may have a name that begins like it, so that no retention rule of an image
// matches a record. Every tag is used once, because tags may be immutable.
const TagPrefix = "release-"

// stamp is the format of the time in a tag: it sorts the tags by time.
const stamp = "20060102T150405.000Z"

// mediaType is that of the record, and configType that of the empty configuration.
// https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage
const (
	mediaType  types.MediaType = "application/vnd.lambdas.release.v1+json"
	configType types.MediaType = "application/vnd.oci.empty.v1+json"
)

// annotationTitle names the file that artifact tools such as oras write the record to.
const annotationTitle = "org.opencontainers.image.title"

// DefaultRecent is how many of the last records are read. It is more than the five images
// of each function that can be rolled back to, with some rollbacks in between.
const DefaultRecent = 30

// parallel is how many records are read at once.
const parallel = 4

// Registry is the client of the private registry.
type Registry interface {
	Tags(ctx context.Context, repository string) ([]string, error)
	Manifest(ctx context.Context, repository, identifier string) (manifest []byte, digest v1.Hash, err error)
	Blob(ctx context.Context, repository string, digest v1.Hash) ([]byte, error)
	PutBytes(ctx context.Context, repository string, content []byte, media types.MediaType) (v1.Descriptor, error)
	PutManifest(ctx context.Context, repository, tag string, manifest []byte, media types.MediaType) error
}

// Store reads and writes release records.
type Store struct {
	registry     Registry
	repositories []string
	side         reference.Side
}

// NewStore returns a store in the private repositories, for the releases of a side. Records are
// written to the first repository and read from all, so that none is lost if another
// repository becomes the first.
func NewStore(r Registry, repositories []string, side reference.Side) *Store {
	return &Store{r, repositories, side}
}

// Releases reads the last release records of the side.
func (s *Store) Releases(ctx context.Context) (Releases, error) {
	places, err := s.places(ctx)
	if err != nil {
		return nil, err
	}
	// Those without a side in their tag may be of this one.
	found, err := s.readAll(ctx, slices.Concat(places[s.side], places[reference.Side{}]))
	if err != nil {
		return nil, err
	}
	others := slices.ContainsFunc(slices.Collect(maps.Keys(places)), func(p reference.Side) bool { return p != reference.Side{} })
	return found.of(s.side, others), nil
}

// All reads the last release records of every side.
func (s *Store) All(ctx context.Context) (Releases, error) {
	places, err := s.places(ctx)
	if err != nil {
		return nil, err
	}
	return s.readAll(ctx, slices.Concat(slices.Collect(maps.Values(places))...))
}

type place struct{ repository, tag string }

// places are those of the last records of each side that a tag names, and of no side.
func (s *Store) places(ctx context.Context) (map[reference.Side][]place, error) {
	places := map[reference.Side][]place{}
	for _, repository := range s.repositories {
		tags, err := s.registry.Tags(ctx, repository)
		if err != nil {
			return nil, fmt.Errorf("find the release records: %w", err)
		}
		for _, tag := range tags {
			if strings.HasPrefix(tag, TagPrefix) {
				_, side := reference.CutSide(tag)
				places[side] = append(places[side], place{repository, tag})
			}
		}
	}
	for side, all := range places {
		slices.SortFunc(all, byTag)
		places[side] = all[max(0, len(all)-DefaultRecent):]
	}
	return places, nil
}

func byTag(a, b place) int { return strings.Compare(a.tag, b.tag) }

// readAll reads the records, oldest first.
func (s *Store) readAll(ctx context.Context, places []place) (Releases, error) {
	slices.SortFunc(places, byTag)
	history := make(Releases, len(places))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, p := range places {
		g.Go(func() (err error) {
			if history[n], err = s.read(gctx, p.repository, p.tag); err != nil {
				return fmt.Errorf("read the release record %s in %s: %w", p.tag, p.repository, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return history, nil
}

func (s *Store) read(ctx context.Context, repository, tag string) (Release, error) {
	raw, _, err := s.registry.Manifest(ctx, repository, tag)
	if err != nil {
		return Release{}, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return Release{}, err
	}
	if len(m.Layers) != 1 || m.Layers[0].MediaType != mediaType {
		return Release{}, fmt.Errorf("it is not a release record; remove the tag")
	}
	content, err := s.registry.Blob(ctx, repository, m.Layers[0].Digest)
	if err != nil {
		return Release{}, err
	}
	var r Release
	if err := json.Unmarshal(content, &r); err != nil {
		return Release{}, err
	}
	return r, r.check()
}

// check fails for a record that no release wrote: whoever may push to the repository can write
// one, and what it says is printed.
func (r Release) check() error {
	texts := []string{r.Commit, string(r.Kind), r.Who, r.Alias, r.Account, r.Region}
	for _, f := range r.Functions {
		texts = append(texts, f.Image, f.Lambda, f.Repository, f.Before, f.After, f.Commit, f.Version)
	}
	for _, text := range texts {
		if strings.ContainsFunc(text, unicode.IsControl) {
			return fmt.Errorf("it holds %q, which no release wrote; remove the tag", text)
		}
	}
	return nil
}

// Tag is the tag of the record of the release. It ends with the side, so that each side finds
// its own without reading those of the others.
func (r Release) Tag() string {
	return reference.WithSide(TagPrefix+r.Time.Format(stamp)+"-"+r.Commit, reference.Side{Account: r.Account, Region: r.Region})
}

// Add writes a record of the release, unless it is the same as the last one. It returns
// the tag of the record; "" if it wrote none.
func (s *Store) Add(ctx context.Context, r Release, h Releases) (string, error) {
	r.Account, r.Region = s.side.Account, s.side.Region
	h.complete(&r)
	if n := len(h); n > 0 && h[n-1].same(r) {
		return "", nil
	}
	// The time must be after that of the last record, even if the clocks differ.
	r.Time = r.Time.UTC().Truncate(time.Millisecond)
	if n := len(h); n > 0 && !r.Time.After(h[n-1].Time) {
		r.Time = h[n-1].Time.Add(time.Millisecond)
	}
	tag := r.Tag()
	if err := s.write(ctx, s.repositories[0], tag, r); err != nil {
		return "", fmt.Errorf("write the release record: %w", err)
	}
	return tag, nil
}

func (s *Store) write(ctx context.Context, repository, tag string, r Release) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	layer, err := s.registry.PutBytes(ctx, repository, append(content, '\n'), mediaType)
	if err != nil {
		return err
	}
	config, err := s.registry.PutBytes(ctx, repository, []byte("{}"), configType)
	if err != nil {
		return err
	}
	layer.Annotations = map[string]string{annotationTitle: "release.json"}
	manifest, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: string(mediaType),
		Config: config, Layers: []v1.Descriptor{layer},
	})
	if err != nil {
		return err
	}
	return s.registry.PutManifest(ctx, repository, tag, manifest, types.OCIManifestSchema1)
}
