package signature

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// Policy says whose signatures are accepted: those of a key, or of an identity.
type Policy struct {
	// Key is a public key: a PEM file, or awskms://.
	Key string
	// Identity or IdentityRegexp is who signs, as in the certificate, and Issuer who says so.
	Identity, IdentityRegexp, Issuer string
	// TrustedRoot is a file with the authorities that are trusted; "" for those of public Sigstore.
	TrustedRoot string
}

// Verifier checks signatures against a policy.
type Verifier struct {
	with   *verify.Verifier
	accept verify.PolicyOption
}

// NewVerifier returns the verifier of the policy.
func NewVerifier(ctx context.Context, p Policy) (*Verifier, error) {
	if p.Key != "" {
		return withKey(ctx, p.Key)
	}
	trusted, err := trustedRoot(ctx, p.TrustedRoot)
	if err != nil {
		return nil, err
	}
	return withIdentity(trusted, p)
}

func withKey(ctx context.Context, name string) (*Verifier, error) {
	public, hint, err := publicKey(ctx, name)
	if err != nil {
		return nil, err
	}
	trusted := root.NewTrustedPublicKeyMaterial(func(named string) (root.TimeConstrainedVerifier, error) {
		if named != "" && named != hint {
			return nil, errors.New("it is signed with another key")
		}
		return root.NewExpiringKey(public, time.Time{}, time.Time{}), nil
	})
	with, err := verify.NewVerifier(trusted, verify.WithNoObserverTimestamps())
	return &Verifier{with, verify.WithKey()}, err
}

// withIdentity returns the verifier of keyless signatures. What the trusted root has is asked for:
// an entry in its log, and in the log of its certificates. The time of the signature is always asked for.
func withIdentity(trusted root.TrustedMaterial, p Policy) (*Verifier, error) {
	pattern := ""
	if p.IdentityRegexp != "" {
		pattern = "^(?:" + p.IdentityRegexp + ")$"
	}
	identity, err := verify.NewShortCertificateIdentity(p.Issuer, "", p.Identity, pattern)
	if err != nil {
		return nil, fmt.Errorf("read whose signatures to accept: %w", err)
	}
	options := []verify.VerifierOption{verify.WithObserverTimestamps(1)}
	if len(trusted.RekorLogs()) > 0 {
		options = append(options, verify.WithTransparencyLog(1))
	}
	if len(trusted.CTLogs()) > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	with, err := verify.NewVerifier(trusted, options...)
	if err != nil {
		return nil, fmt.Errorf("use the trusted root: %w", err)
	}
	return &Verifier{with, verify.WithCertificateIdentity(identity)}, nil
}

func trustedRoot(ctx context.Context, file string) (root.TrustedMaterial, error) {
	if file != "" {
		r, err := root.NewTrustedRootFromPath(file)
		if err != nil {
			return nil, fmt.Errorf("read the trusted root %s: %w", file, err)
		}
		return r, nil
	}
	r, err := root.FetchTrustedRootWithOptions(tuf.DefaultOptions().WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("fetch the trusted root of public Sigstore: %w; for another instance, pass --trusted-root", err)
	}
	return r, nil
}

// Signed is a document whose signature was checked.
type Signed struct {
	Signer, Predicate string
	Statement         []byte
}

// Verify checks that a bundle is signed by whom the policy names, and that it is about the digest,
// a SHA-256 in hexadecimal.
func (v *Verifier) Verify(content []byte, digest string) (*Signed, error) {
	b := &bundle.Bundle{}
	if err := b.UnmarshalJSON(content); err != nil {
		return nil, fmt.Errorf("read a signed document: %w", err)
	}
	return v.entity(b, digest)
}

func (v *Verifier) entity(e verify.SignedEntity, digest string) (*Signed, error) {
	sum, err := hex.DecodeString(digest)
	if err != nil {
		return nil, fmt.Errorf("read the digest: %w", err)
	}
	result, err := v.with.Verify(e, verify.NewPolicy(verify.WithArtifactDigest("sha256", sum), v.accept))
	if err != nil {
		return nil, err
	}
	content, err := e.SignatureContent()
	if err != nil {
		return nil, err
	}
	envelope := content.EnvelopeContent()
	if envelope == nil || result.Statement == nil || envelope.RawEnvelope().PayloadType != PayloadType {
		return nil, errors.New("what is signed is no statement")
	}
	statement, err := envelope.RawEnvelope().DecodeB64Payload()
	if err != nil {
		return nil, err
	}
	s := &Signed{Predicate: result.Statement.GetPredicateType(), Statement: statement}
	switch {
	case result.Signature.Certificate != nil:
		s.Signer = identityName(*result.Signature.Certificate)
	case result.Signature.PublicKeyID != nil:
		s.Signer = keyName(string(*result.Signature.PublicKeyID))
	}
	return s, nil
}
