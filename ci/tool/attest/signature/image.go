package signature

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/attest/provenance"
	"lambdas.internal/ci/tool/attest/sbom"
	"lambdas.internal/ci/tool/registry/referrer"
)

// RefusedError says why an image has no signed documents that the policy accepts. A registry that
// does not answer gives another error.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return e.Why }

// Image checks that an image in a repository has a signed provenance, which names it and the
// commit, and a signed SBOM, and returns who signed.
func (v *Verifier) Image(ctx context.Context, r referrer.Registry, repository string, digest v1.Hash, image, commit string) (signer string, err error) {
	all, err := referrer.List(ctx, r, repository, digest, MediaType)
	if err != nil {
		return "", fmt.Errorf("read the signatures of %s in %s: %w", image, repository, err)
	}
	missing := map[string]string{provenance.PredicateType: "provenance", sbom.PredicateType: "SBOM"}
	var why error
	for _, a := range all {
		if a.Commit != "" && a.Commit != commit {
			continue
		}
		content, err := referrer.Read(ctx, r, repository, a)
		if err != nil {
			return "", fmt.Errorf("read the signatures of %s in %s: %w", image, repository, err)
		}
		signed, err := v.Verify(content, digest.Hex)
		if err == nil && signed.Predicate == provenance.PredicateType {
			err = about(signed.Statement, image, commit)
		}
		if err != nil {
			why = err
			continue
		}
		signer = signed.Signer
		delete(missing, signed.Predicate)
	}
	for _, kind := range []string{provenance.PredicateType, sbom.PredicateType} {
		if name, ok := missing[kind]; ok {
			return "", refused(image, repository, commit, name, why)
		}
	}
	return signer, nil
}

func refused(image, repository, commit, name string, why error) error {
	text := fmt.Sprintf("%s in %s has no signed %s of commit %s", image, repository, name, commit)
	if why != nil {
		return &RefusedError{fmt.Sprintf("%s that is accepted: %v", text, why)}
	}
	return &RefusedError{text + "; sign it: bin/ci publish --commit " + commit + " --sign KEY"}
}

// about checks that a provenance is that of the image under the commit: each image of a signer has
// one, and so have its old commits.
func about(statement []byte, image, commit string) error {
	s, err := provenance.Read(statement)
	if err != nil {
		return err
	}
	p := s.Predicate.BuildDefinition.ExternalParameters
	if p.Image != image {
		return fmt.Errorf("the provenance is that of image %q", p.Image)
	}
	if p.Commit != commit {
		return fmt.Errorf("the provenance is that of commit %q", p.Commit)
	}
	if p.AllowDirty {
		return errors.New("the provenance says that it was published with --allow-dirty, so the commit may not hold its sources")
	}
	return nil
}
