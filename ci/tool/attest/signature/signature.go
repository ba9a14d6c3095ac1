// Package signature signs the documents of images, and checks the signatures. A signed document
// is an in-toto statement in a DSSE envelope, in a Sigstore bundle, attached to its image as a
// referrer: the form that cosign and GitHub write and verify. The signature is made with a key, or
// keyless: for the identity of a CI run.
// https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md
package signature

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lambdas.internal/ci/tool/registry/referrer"
)

const (
	// MediaType is that of a bundle, and the type of its artifact.
	MediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	// PayloadType is that of what is signed.
	PayloadType = "application/vnd.in-toto+json"

	annotationContent = "dev.sigstore.bundle.content"
	// AnnotationPredicate says what the statement in a bundle is about.
	AnnotationPredicate = "dev.sigstore.bundle.predicateType"
	// annotationSigner tells the documents of one signer from those of another.
	annotationSigner = "internal.lambdas.signer"
)

// Document is a statement to sign.
type Document struct {
	// Title is its name as a file, and Predicate what it is about.
	Title, Predicate string
	Statement        []byte
	// Commit is what the image was published under, and Committed the committer's time; zero if
	// it is not to be told.
	Commit    string
	Committed time.Time
}

// Artifact is what attaches the bundle of a document to its image.
func (d Document) Artifact(bundle []byte, signer string) referrer.Artifact {
	return referrer.Artifact{
		Type: MediaType, Title: d.Title, Content: bundle, Commit: d.Commit, Committed: d.Committed,
		Annotations: map[string]string{annotationContent: "dsse-envelope", AnnotationPredicate: d.Predicate, annotationSigner: signer},
		Same:        []string{AnnotationPredicate, annotationSigner},
	}
}

// Wrap returns the in-toto statement that a document of another format is about the image with
// the digest, which is its SHA-256 in hexadecimal.
func Wrap(name, digest, predicate string, document []byte) ([]byte, error) {
	statement, err := json.Marshal(map[string]any{
		"_type":         "https://in-toto.io/Statement/v1",
		"subject":       []any{map[string]any{"name": name, "digest": map[string]string{"sha256": digest}}},
		"predicateType": predicate,
		"predicate":     json.RawMessage(document),
	})
	if err != nil {
		return nil, fmt.Errorf("write the statement about %s: %w", name, err)
	}
	return statement, nil
}

// Readable returns what a bundle tells those who read it, apart from numbers: the statement, and
// the certificate. The rest of a bundle is signatures and hashes of these two.
func Readable(bundle []byte) (all [][]byte, err error) {
	var b struct {
		Envelope struct {
			Payload []byte `json:"payload"`
		} `json:"dsseEnvelope"`
		Material struct {
			Certificate struct {
				Raw []byte `json:"rawBytes"`
			} `json:"certificate"`
		} `json:"verificationMaterial"`
	}
	if err := json.Unmarshal(bundle, &b); err != nil {
		return nil, fmt.Errorf("read a signed document: %w", err)
	}
	if len(b.Envelope.Payload) == 0 {
		return nil, errors.New("read a signed document: it holds no statement")
	}
	all = append(all, b.Envelope.Payload)
	if len(b.Material.Certificate.Raw) > 0 {
		all = append(all, b.Material.Certificate.Raw)
	}
	return all, nil
}
