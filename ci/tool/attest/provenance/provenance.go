// Package provenance writes the provenance of an image: a statement in the
// in-toto and SLSA formats that says from which sources and by which builder an image
// digest was made. It has its own structures, because those of the in-toto library are
// generated from protocol buffers and do not always give the same bytes. The tests read
// the statements with that library.
// https://slsa.dev/spec/v1.0/provenance
package provenance

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/attest/composition"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/licence"
	"lambdas.internal/ci/tool/image/purl"
	"lambdas.internal/ci/tool/report"
)

// The types of the documents.
const (
	MediaType     = "application/vnd.in-toto+json"
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://slsa.dev/provenance/v1"
	// AnnotationPredicate shows in listings what a statement is about.
	AnnotationPredicate = "in-toto.io/predicate-type"
)

// Identity is the URI of a pipeline that does not name its own in ci/pipeline.json.
const Identity = "https://lambdas.internal/ci"

// What follows the identity in URIs. The build type defines the meaning of the parameters and
// dependencies: the images that `bin/ci build-all` makes from the commit.
const (
	buildType   = "/build-all/v1"
	local       = "/builder/local"
	undisclosed = "/builder/undisclosed"
)

// Source is what was built.
type Source struct {
	// Commit is the commit of the image, as it is in the tag.
	Commit string
	// Checkout is the full hash of the commit that was checked out; empty if the sources
	// were not a git repository.
	Checkout string
	// Repository is the address that the commit can be fetched from; empty if unknown.
	Repository string
	// Dirty is true if the commit may not hold the sources: uncommitted changes, or
	// --allow-dirty.
	Dirty bool
}

// Build is one run of the builder.
type Build struct {
	// Identity is the URI that names the pipeline; "" for [Identity].
	Identity          string
	Source            Source
	Builder           Builder
	Started, Finished time.Time
	// Go is the image with the Go toolchain, if the build ran in it.
	Go Resource
	// Digests are those of npm packages, by package URL.
	Digests map[string]string
}

// Undisclosed is the builder ID in the provenance of a public image.
const Undisclosed = Identity + undisclosed

// Public returns what a public image says of its build: the commit, and what it was built
// from. Who built it, where the sources are, and when it ran, is for the private copy.
func (b Build) Public() Build {
	b.Source.Repository = ""
	return Build{Identity: b.Identity, Source: b.Source, Builder: Builder{ID: b.uri(undisclosed)}, Go: b.Go, Digests: b.Digests}
}

// uri is one of the identity.
func (b Build) uri(of string) string { return cmp.Or(b.Identity, Identity) + of }

// Statement is an in-toto statement.
type Statement struct {
	Type          string     `json:"_type"`
	Subject       []Resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     Predicate  `json:"predicate"`
}

// Predicate says how the subject was made.
type Predicate struct {
	BuildDefinition Definition `json:"buildDefinition"`
	RunDetails      Run        `json:"runDetails"`
}

// Definition has the parameters and the inputs of the build.
type Definition struct {
	BuildType            string     `json:"buildType"`
	ExternalParameters   Parameters `json:"externalParameters"`
	ResolvedDependencies []Resource `json:"resolvedDependencies"`
}

// Parameters are what the user chose.
type Parameters struct {
	Commit   string `json:"commit"`
	Image    string `json:"image,omitempty"`
	Platform string `json:"platform,omitempty"`
	Version  string `json:"version,omitempty"` // of programs
	// AllowDirty is true if the commit may not hold the sources: uncommitted changes, or --allow-dirty.
	AllowDirty bool `json:"allowDirty,omitempty"`
}

// Resource names a file, image or repository, with its digest.
type Resource struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest,omitempty"`
}

// Run says who built, and when.
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
	StartedOn    time.Time `json:"startedOn,omitzero"`
	FinishedOn   time.Time `json:"finishedOn,omitzero"`
}

// ProgramBuildType defines the meaning of the parameters of [OfPrograms]: the programs that
// `make programs` makes from the commit.
const ProgramBuildType = "https://lambdas.internal/ci/programs/v1"

// OfPrograms returns the statement about programs that are shipped as files, by name and SHA-256.
func OfPrograms(version string, sums map[string]string, goVersion string, b Build) ([]byte, error) {
	s := Statement{Type: StatementType, PredicateType: PredicateType, Predicate: Predicate{
		BuildDefinition: Definition{
			BuildType:            ProgramBuildType,
			ExternalParameters:   Parameters{Commit: b.Source.Commit, Version: version, AllowDirty: b.Source.Dirty},
			ResolvedDependencies: sources(goVersion, b),
		},
		RunDetails: b.run(),
	}}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		s.Subject = append(s.Subject, Resource{Name: name, Digest: map[string]string{"sha256": sums[name]}})
	}
	return s.encode(version)
}

// New returns the statement about an image. goVersion is the version of the Go toolchain
// that built its binary.
func New(i composition.Image, goVersion string, b Build) ([]byte, error) {
	s := Statement{
		Type:          StatementType,
		Subject:       []Resource{{Name: i.Name, Digest: hash(i.Subject.Digest.String())}},
		PredicateType: PredicateType,
		Predicate: Predicate{
			BuildDefinition: Definition{
				BuildType: b.uri(buildType),
				ExternalParameters: Parameters{
					Commit: b.Source.Commit, Image: i.Name, Platform: i.Platform.String(), AllowDirty: b.Source.Dirty,
				},
				ResolvedDependencies: dependencies(i, goVersion, b),
			},
			RunDetails: b.run(),
		},
	}
	return s.encode(i.Name)
}

func (b Build) run() Run {
	builder := b.Builder.ID
	if builder == Local {
		builder = b.uri(local)
	}
	return Run{
		Builder: BuilderID{builder},
		Metadata: Metadata{
			InvocationID: b.Builder.Invocation,
			// To the second, so that every statement has the same length.
			StartedOn: b.Started.UTC().Truncate(time.Second), FinishedOn: b.Finished.UTC().Truncate(time.Second),
		},
	}
}

func (s Statement) encode(of string) ([]byte, error) {
	var out bytes.Buffer
	if err := report.JSON(&out, s); err != nil { // it leaves the & of package URLs as it is
		return nil, fmt.Errorf("write the provenance of %s: %w", of, err)
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

// sources returns the inputs of each build: sources and Go.
func sources(goVersion string, b Build) []Resource {
	s := b.Source
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
	toolchain := Resource{Name: "go", URI: "https://go.dev/dl/" + goVersion + ".src.tar.gz"}
	if b.Go.URI != "" {
		toolchain.URI, toolchain.Digest = b.Go.URI, b.Go.Digest
	}
	return append(all, toolchain)
}

// dependencies returns the inputs of the build of an image: sources, Go, base and ffmpeg.
func dependencies(i composition.Image, goVersion string, b Build) []Resource {
	all := sources(goVersion, b)
	base := Resource{Name: "base"}
	if digest := i.Labels[image.LabelBaseDigest]; digest != "" {
		base.URI, base.Digest = purl.Image(i.Labels[image.LabelBaseName], digest), hash(digest)
	} else { // the base that this program makes itself
		base.Name, base.Digest = "base ("+i.Labels[image.LabelPin]+")", hash(i.Layers[0].Digest.String())
	}
	all = append(all, base)
	if comment, ok := i.Labels[image.LabelFFmpeg]; ok {
		for _, p := range licence.Programs(comment) {
			all = append(all, Resource{Name: p.Name, URI: p.PURL, Digest: hash(cmp.Or(p.Digest, b.Digests[p.PURL]))})
		}
	}
	return all
}

// hash returns the digest in the format of in-toto.
func hash(digest string) map[string]string {
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok {
		return nil
	}
	return map[string]string{algorithm: hex}
}

// Table prints how the image that a document is about was made.
func Table(w io.Writer, document []byte) error {
	s, err := Read(document)
	if err != nil {
		return err
	}
	d, run := s.Predicate.BuildDefinition, s.Predicate.RunDetails
	rows := [][]string{}
	add := func(what, value string) {
		if value != "" {
			rows = append(rows, []string{what, value})
		}
	}
	for _, subject := range s.Subject {
		add("image", inOneLine(subject))
	}
	commit := d.ExternalParameters.Commit
	if d.ExternalParameters.AllowDirty {
		commit += " (with uncommitted changes)"
	}
	add("commit", commit)
	add("platform", d.ExternalParameters.Platform)
	for _, r := range d.ResolvedDependencies {
		add("from", inOneLine(r))
	}
	add("builder", run.Builder.ID)
	add("run", run.Metadata.InvocationID)
	if at := run.Metadata.StartedOn; !at.IsZero() {
		add("started", report.Time(at))
	}
	return report.Table(w, []string{"WHAT", "VALUE"}, rows)
}

// inOneLine is a resource in one line.
func inOneLine(r Resource) string {
	text := r.Name
	if r.URI != "" {
		text += " " + r.URI
	}
	for _, algorithm := range slices.Sorted(maps.Keys(r.Digest)) {
		text += fmt.Sprintf(" %s:%s", algorithm, r.Digest[algorithm])
	}
	return text
}
