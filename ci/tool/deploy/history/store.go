package history

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
)

// TagPrefix begins the tags of the records: release-TIME-COMMIT. No image may be
// named like it, so that no rule of retention for an image meets a record; and
// every tag is used once, as immutable repositories want it.
const TagPrefix = "release-"

// stamp is the time in a tag; tags so sort by it.
const stamp = "20060102T150405.000Z"

// mediaType is that of the record itself, and configType of a configuration that
// says nothing.
// https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage
const (
	mediaType  types.MediaType = "application/vnd.lambdas.release.v1+json"
	configType types.MediaType = "application/vnd.oci.empty.v1+json"
)

// annotationTitle names the file that tools for artifacts write the record to.
const annotationTitle = "org.opencontainers.image.title"

// DefaultRecent is how many of the last records are read: more than there are
// images to roll back to, which are five for each function, and rollbacks between.
const DefaultRecent = 30

// parallel is how many records are read at once.
const parallel = 4

// Registry is what records need of a registry.
type Registry interface {
	Tags(ctx context.Context, repository string) ([]string, error)
	Manifest(ctx context.Context, repository, identifier string) (manifest []byte, digest v1.Hash, err error)
	Blob(ctx context.Context, repository string, digest v1.Hash) ([]byte, error)
	PutBytes(ctx context.Context, repository string, content []byte, media types.MediaType) (v1.Descriptor, error)
	PutManifest(ctx context.Context, repository, tag string, manifest []byte, media types.MediaType) error
}

// Store reads and writes records.
type Store struct {
	registry     Registry
	repositories []string
}

// NewStore returns a store over the private repositories. Records are written to
// the first and read from all, so that none is lost when the first becomes another.
func NewStore(r Registry, repositories []string) *Store { return &Store{r, repositories} }

// Releases reads the last records.
func (s *Store) Releases(ctx context.Context) (Releases, error) {
	type place struct{ repository, tag string }
	var places []place
	for _, repository := range s.repositories {
		tags, err := s.registry.Tags(ctx, repository)
		if err != nil {
			return nil, fmt.Errorf("find the records of releases: %w", err)
		}
		for _, tag := range tags {
			if strings.HasPrefix(tag, TagPrefix) {
				places = append(places, place{repository, tag})
			}
		}
	}
	slices.SortFunc(places, func(a, b place) int { return strings.Compare(a.tag, b.tag) })
	places = places[max(0, len(places)-DefaultRecent):]
	history := make(Releases, len(places))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, p := range places {
		g.Go(func() (err error) {
			if history[n], err = s.read(gctx, p.repository, p.tag); err != nil {
				return fmt.Errorf("read the record %s in %s: %w", p.tag, p.repository, err)
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
		return Release{}, fmt.Errorf("it is no record; remove the tag")
	}
	content, err := s.registry.Blob(ctx, repository, m.Layers[0].Digest)
	if err != nil {
		return Release{}, err
	}
	var r Release
	return r, json.Unmarshal(content, &r)
}

// Add writes a record after those of the history, unless the last one says the
// same. It returns its tag, or nothing.
func (s *Store) Add(ctx context.Context, r Release, h Releases) (string, error) {
	h.complete(&r)
	if n := len(h); n > 0 && h[n-1].same(r) {
		return "", nil
	}
	// Its time sorts it after all that is there, whatever the clocks say.
	r.Time = r.Time.UTC().Truncate(time.Millisecond)
	if n := len(h); n > 0 && !r.Time.After(h[n-1].Time) {
		r.Time = h[n-1].Time.Add(time.Millisecond)
	}
	tag := TagPrefix + r.Time.Format(stamp) + "-" + r.Commit
	if err := s.write(ctx, s.repositories[0], tag, r); err != nil {
		return "", fmt.Errorf("record the release: %w", err)
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
