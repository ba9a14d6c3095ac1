// Package documents gives images the documents that are attached to them, an SBOM and
// a provenance, and reads them back from a registry.
package documents

import (
	"context"
	"fmt"
	"os"
	"time"

	"lambdas.internal/ci/tool/attest/composition"
	"lambdas.internal/ci/tool/attest/provenance"
	"lambdas.internal/ci/tool/attest/sbom"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/workspace/commit"
)

// Attach gives every image an SBOM, which says what it is made of, and a provenance,
// which says how it was built under the commit.
func Attach(ctx context.Context, root, name string, images map[string]publish.Image, started time.Time, allowDirty bool) error {
	b := provenance.Build{
		Source:  source(ctx, root, name, allowDirty),
		Builder: provenance.BuilderOf(os.Getenv), Started: started, Finished: time.Now(),
	}
	if b.Builder.Repository != "" {
		b.Source.Repository = b.Builder.Repository
	}
	for image, i := range images {
		made, program, err := Read(i)
		if err != nil {
			return fmt.Errorf("publish %s: %w", image, err)
		}
		bill, err := sbom.New(made, program)
		if err != nil {
			return fmt.Errorf("publish %s: %w", image, err)
		}
		statement, err := provenance.New(made, program.Info.GoVersion, b)
		if err != nil {
			return fmt.Errorf("publish %s: %w", image, err)
		}
		i.Attach = []referrer.Artifact{
			{Type: sbom.MediaType, Title: image + ".cdx.json", Content: bill},
			{
				Type: provenance.MediaType, Title: image + ".provenance.json", Content: statement, Commit: name,
				Annotations: map[string]string{provenance.AnnotationPredicate: provenance.PredicateType},
			},
		}
		images[image] = i
	}
	return nil
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
// under.
func source(ctx context.Context, root, name string, allowDirty bool) provenance.Source {
	s := provenance.Source{Commit: name, Dirty: allowDirty}
	if at, ok := commit.Checkout(ctx, root); ok {
		s.Checkout, s.Repository, s.Dirty = at.Commit, provenance.Public(at.Remote), at.Dirty
	} else if len(name) == 40 { // the whole name, and nobody to ask
		s.Checkout = name
	}
	return s
}
