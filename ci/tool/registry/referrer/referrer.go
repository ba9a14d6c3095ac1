// Package referrer attaches documents, such as an SBOM, to images in a registry. Each
// document is a small artifact (a referrer) whose subject is the image's digest, so
// neither the image nor its tags change.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
package referrer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"lambdas.internal/ci/tool/report"
)

// AnnotationCommit is the annotation that names the commit of a document.
const AnnotationCommit = "internal.lambdas.commit"

// annotationCommitted is the annotation with the committer's time of that commit.
const annotationCommitted = "internal.lambdas.committed"

// annotationTitle is the annotation that names the file of a document, for tools that
// download it.
const annotationTitle = "org.opencontainers.image.title"

// emptyType is the media type of an empty configuration.
// https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage
const emptyType types.MediaType = "application/vnd.oci.empty.v1+json"

var empty = []byte("{}")

// listTag matches the tag of a list of referrers, which clients write if the registry
// has no referrers API.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
var listTag = regexp.MustCompile(`^sha256-([0-9a-f]{64})$`)

// ListOf returns the digest whose referrers the tag lists; ok is false for any other
// tag.
func ListOf(tag string) (digest string, ok bool) {
	found := listTag.FindStringSubmatch(tag)
	if found == nil {
		return "", false
	}
	return "sha256:" + found[1], true
}

// Artifact is a document to attach.
type Artifact struct {
	// Type is the media type of the document, and the type of the artifact.
	Type string
	// Title is the document's name as a file.
	Title string
	// Commit is set if the image has one such document for each commit; otherwise it
	// has one in all. Committed is the committer's time, if it is known.
	Commit    string
	Committed time.Time
	// Annotations appear in the list of referrers.
	Annotations map[string]string
	// Same are the annotations in which another document of the type and commit must agree to
	// take its place.
	Same    []string
	Content []byte
}

// Blobs returns the blobs to upload: the document and the configuration.
func (a Artifact) Blobs() []Blob {
	return []Blob{blob(types.MediaType(a.Type), a.Content), blob(emptyType, empty)}
}

// Blob is one blob of an artifact.
type Blob struct {
	v1.Descriptor
	Content []byte
}

func blob(media types.MediaType, content []byte) Blob {
	digest, size, err := v1.SHA256(bytes.NewReader(content))
	if err != nil {
		panic(err) // a reader over memory does not fail
	}
	return Blob{v1.Descriptor{MediaType: media, Size: size, Digest: digest}, content}
}

// Manifest returns the manifest that attaches the document to the subject, and its
// digest.
func (a Artifact) Manifest(subject v1.Descriptor) ([]byte, v1.Hash, error) {
	blobs := a.Blobs()
	content := blobs[0].Descriptor
	content.Annotations = map[string]string{annotationTitle: a.Title}
	annotations := map[string]string{}
	maps.Copy(annotations, a.Annotations)
	if a.Commit != "" {
		annotations[AnnotationCommit] = a.Commit
	}
	if !a.Committed.IsZero() {
		annotations[annotationCommitted] = a.Committed.UTC().Format(time.RFC3339)
	}
	manifest, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: a.Type,
		Config: blobs[1].Descriptor, Layers: []v1.Descriptor{content}, Annotations: annotations,
		Subject: &v1.Descriptor{MediaType: subject.MediaType, Size: subject.Size, Digest: subject.Digest},
	})
	if err != nil {
		return nil, v1.Hash{}, fmt.Errorf("attach %s: %w", a.Title, err)
	}
	return manifest, blob(types.OCIManifestSchema1, manifest).Digest, nil
}

// Attached is a referrer: a document attached to an image.
type Attached struct {
	// Digest is that of the artifact's manifest.
	Digest v1.Hash `json:"digest"`
	Type   string  `json:"type"`
	// Commit is the commit of the document, if it has one, and Committed its committer's time,
	// if that is recorded.
	Commit    string    `json:"commit,omitempty"`
	Committed time.Time `json:"committed,omitzero"`
	// Annotations are all that the document has.
	Annotations map[string]string `json:"-"`
}

// OfCommit returns the document of a commit; ok is false if none of them is.
func OfCommit(all []Attached, commit string) (a Attached, ok bool) {
	if at := slices.IndexFunc(all, func(a Attached) bool { return a.Commit == commit }); at >= 0 {
		return all[at], true
	}
	return a, false
}

// Has tells whether all contains the artifact, or another that takes its place: of its type and
// commit.
func Has(all []Attached, a Artifact, subject v1.Descriptor) (bool, error) {
	_, digest, err := a.Manifest(subject)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(all, func(there Attached) bool {
		return there.Digest == digest || a.Commit != "" && there.Type == a.Type && there.Commit == a.Commit &&
			!slices.ContainsFunc(a.Same, func(name string) bool { return there.Annotations[name] != a.Annotations[name] })
	}), nil
}

// Registry is the part of a registry client that this package uses.
type Registry interface {
	Referrers(ctx context.Context, repository string, digest v1.Hash) ([]v1.Descriptor, error)
	Digest(ctx context.Context, repository, identifier string) (digest v1.Hash, ok bool, err error)
	Manifest(ctx context.Context, repository, identifier string) (manifest []byte, digest v1.Hash, err error)
	Blob(ctx context.Context, repository string, digest v1.Hash) ([]byte, error)
	PutManifest(ctx context.Context, repository, identifier string, manifest []byte, media types.MediaType) error
}

// List returns the referrers of the image with the digest, of the given types; no type
// means all.
func List(ctx context.Context, r Registry, repository string, digest v1.Hash, kinds ...string) ([]Attached, error) {
	listed, err := r.Referrers(ctx, repository, digest)
	if err != nil {
		return nil, err
	}
	var all []Attached
	for _, d := range listed {
		a := Attached{Digest: d.Digest, Type: d.ArtifactType}
		a.note(d.Annotations)
		// Not every server and client writes the type and the annotations into the list;
		// the manifest has them.
		if d.Annotations == nil && d.MediaType == types.OCIManifestSchema1 {
			m, err := manifest(ctx, r, repository, d.Digest)
			if err != nil {
				if _, there, lookup := r.Digest(ctx, repository, d.Digest.String()); lookup == nil && !there {
					continue // deleted, but still listed
				}
				return nil, err
			}
			a.Type = m.ArtifactType
			a.note(m.Annotations)
		}
		if len(kinds) > 0 && !slices.Contains(kinds, a.Type) {
			continue
		}
		all = append(all, a)
	}
	return all, nil
}

// note reads the annotations of a document. A time that is none was not written by this program.
func (a *Attached) note(annotations map[string]string) {
	a.Commit, a.Annotations = annotations[AnnotationCommit], annotations
	a.Committed, _ = time.Parse(time.RFC3339, annotations[annotationCommitted])
}

// Read returns the content of an attached document.
func Read(ctx context.Context, r Registry, repository string, a Attached) ([]byte, error) {
	m, err := manifest(ctx, r, repository, a.Digest)
	if err != nil {
		return nil, err
	}
	if len(m.Layers) != 1 {
		return nil, fmt.Errorf("read %s in %s: it has %s, expected 1", a.Digest, repository, report.Count(len(m.Layers), "document"))
	}
	return r.Blob(ctx, repository, m.Layers[0].Digest)
}

func manifest(ctx context.Context, r Registry, repository string, digest v1.Hash) (*v1.Manifest, error) {
	raw, _, err := r.Manifest(ctx, repository, digest.String())
	if err != nil {
		return nil, err
	}
	return v1.ParseManifest(bytes.NewReader(raw))
}

// tries is how often the list of referrers is written. Without the API, two releases
// that write it at once overwrite each other's entries.
const tries = 3

// Attach attaches artifacts to the subject, and verifies that they are listed. Their
// blobs must be in the repository.
func Attach(ctx context.Context, r Registry, repository string, subject v1.Descriptor, artifacts []Artifact) error {
	missing := artifacts
	for range tries {
		for _, a := range missing { // one after another: they may share one list
			manifest, digest, err := a.Manifest(subject)
			if err != nil {
				return err
			}
			if err := r.PutManifest(ctx, repository, digest.String(), manifest, types.OCIManifestSchema1); err != nil {
				return fmt.Errorf("attach %s: %w", a.Title, err)
			}
		}
		listed, err := r.Referrers(ctx, repository, subject.Digest)
		if err != nil {
			return err
		}
		there := map[v1.Hash]bool{}
		for _, d := range listed {
			there[d.Digest] = true
		}
		var lost []Artifact
		for _, a := range missing {
			_, digest, err := a.Manifest(subject)
			if err != nil {
				return err
			}
			if !there[digest] {
				lost = append(lost, a)
			}
		}
		if missing = lost; len(missing) == 0 {
			return nil
		}
	}
	return fmt.Errorf("attach %s to %s in %s: the registry does not list it", missing[0].Title, subject.Digest, repository)
}
