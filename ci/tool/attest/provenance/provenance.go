// Package provenance states how an image was made: an in-toto statement with a
// SLSA provenance about the image's digest. The structures are written out here,
// since the library's are generated for protocol buffers and have no bytes that
// stay the same; tests read what is written with the library.
// https://slsa.dev/spec/v1.0/provenance
package provenance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lambdas.internal/ci/tool/attest/composition"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/licence"
	"lambdas.internal/ci/tool/image/purl"
)

// The types of the documents.
const (
	MediaType     = "application/vnd.in-toto+json"
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://slsa.dev/provenance/v1"
	// AnnotationPredicate tells in listings what a statement is about.
	AnnotationPredicate = "in-toto.io/predicate-type"
)

// BuildType says how the parameters and dependencies are to be read: the images of
// a workspace as `ci build-all` of the commit makes them.
const BuildType = "https://lambdas.internal/ci/build-all/v1"

// Source is what was built.
type Source struct {
	// Commit is the one that the image is published under, as it is in the tag.
	Commit string
	// Checkout is the whole name of the commit that was checked out; empty where
	// there was no git.
	Checkout string
	// Repository is where the commit is to be had; empty when that is not known.
	Repository string
	// Dirty tells that the work tree had changes that no commit has.
	Dirty bool
}

// Build is one run of the builder.
type Build struct {
	Source            Source
	Builder           Builder
	Started, Finished time.Time
}

// Statement is what is stated.
type Statement struct {
	Type          string     `json:"_type"`
	Subject       []Resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     Predicate  `json:"predicate"`
}

// Predicate is how the subject was made.
type Predicate struct {
	BuildDefinition Definition `json:"buildDefinition"`
	RunDetails      Run        `json:"runDetails"`
}

// Definition is what the build was asked to do, and what it took in.
type Definition struct {
	BuildType            string     `json:"buildType"`
	ExternalParameters   Parameters `json:"externalParameters"`
	ResolvedDependencies []Resource `json:"resolvedDependencies"`
}

// Parameters are what whoever started the build chose.
type Parameters struct {
	Commit   string `json:"commit"`
	Image    string `json:"image"`
	Platform string `json:"platform"`
	// AllowDirty is set when the work tree was not what is committed.
	AllowDirty bool `json:"allowDirty,omitempty"`
}

// Resource names something by what it is called and by its digest.
type Resource struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest,omitempty"`
}

// Run is who built, and when.
type Run struct {
	Builder  BuilderID `json:"builder"`
	Metadata Metadata  `json:"metadata"`
}

// BuilderID names the builder.
type BuilderID struct {
	ID string `json:"id"`
}

// Metadata is about one run.
type Metadata struct {
	InvocationID string    `json:"invocationId,omitempty"`
	StartedOn    time.Time `json:"startedOn"`
	FinishedOn   time.Time `json:"finishedOn"`
}

// New returns the statement about an image, whose binary was made by the Go
// toolchain of the version.
func New(i composition.Image, goVersion string, b Build) ([]byte, error) {
	s := Statement{
		Type:          StatementType,
		Subject:       []Resource{{Name: i.Name, Digest: hash(i.Subject.Digest.String())}},
		PredicateType: PredicateType,
		Predicate: Predicate{
			BuildDefinition: Definition{
				BuildType: BuildType,
				ExternalParameters: Parameters{
					Commit: b.Source.Commit, Image: i.Name, Platform: i.Platform.String(), AllowDirty: b.Source.Dirty,
				},
				ResolvedDependencies: dependencies(i, goVersion, b.Source),
			},
			RunDetails: Run{
				Builder: BuilderID{b.Builder.ID},
				Metadata: Metadata{
					InvocationID: b.Builder.Invocation,
					// To the second, so that every statement has the same length.
					StartedOn: b.Started.UTC().Truncate(time.Second), FinishedOn: b.Finished.UTC().Truncate(time.Second),
				},
			},
		},
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false) // as the SBOM: package URLs hold &
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil, fmt.Errorf("state the provenance of %s: %w", i.Name, err)
	}
	return out.Bytes(), nil
}

// Read reads a statement.
func Read(document []byte) (*Statement, error) {
	var s Statement
	if err := json.Unmarshal(document, &s); err != nil {
		return nil, fmt.Errorf("read the provenance: %w", err)
	}
	if s.PredicateType != PredicateType {
		return nil, fmt.Errorf("read the provenance: it is a statement of %q", s.PredicateType)
	}
	return &s, nil
}

func dependencies(i composition.Image, goVersion string, s Source) []Resource {
	source := Resource{Name: "source"}
	if s.Repository != "" {
		source.URI = "git+" + s.Repository
	}
	if s.Checkout != "" {
		source.Digest = map[string]string{"gitCommit": s.Checkout}
	}
	var all []Resource
	if source.URI != "" || source.Digest != nil {
		all = append(all, source)
	}
	all = append(all, Resource{Name: "go", URI: "https://go.dev/dl/#" + goVersion})
	base := Resource{Name: "base"}
	if digest := i.Labels[image.LabelBaseDigest]; digest != "" {
		base.URI, base.Digest = purl.Image(i.Labels[image.LabelBaseName], digest), hash(digest)
	} else { // made by the program itself
		base.Name, base.Digest = "base ("+i.Labels[image.LabelPin]+")", hash(i.Layers[0].Digest.String())
	}
	all = append(all, base)
	if comment, ok := i.Labels[image.LabelFFmpeg]; ok {
		for _, p := range licence.Programs(comment) {
			all = append(all, Resource{Name: p.Name, URI: p.PURL, Digest: hash(p.Digest)})
		}
	}
	return all
}

// hash returns algorithm:hex as in-toto writes digests.
func hash(digest string) map[string]string {
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok {
		return nil
	}
	return map[string]string{algorithm: hex}
}
