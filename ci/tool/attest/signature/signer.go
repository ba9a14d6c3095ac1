package signature

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"google.golang.org/protobuf/encoding/protojson"
)

// Keyless is the name of the signing key of those who have none.
const Keyless = "keyless"

// Signer signs documents.
type Signer struct {
	keys    sign.Keypair
	options sign.BundleOptions
	// Name says who signs: a fingerprint, or "" for a keyless signer, whom its certificate names.
	Name string
}

// NewSigner returns the signer with the key of a PEM file, or that of AWS KMS.
func NewSigner(ctx context.Context, name string) (*Signer, error) {
	k, err := privateKey(ctx, name)
	if err != nil {
		return nil, err
	}
	return &Signer{keys: k, Name: keyName(k.hint)}, nil
}

// keyName is the name of the signer with the key. The word "key" before it would make it a
// credential to secret scanners, ours too.
func keyName(hint string) string { return "SHA256:" + hint }

// NewTrial returns a signer whose signatures are worth nothing: for a dry run, which is to send
// nothing to anybody.
func NewTrial(name string) (*Signer, error) {
	keys, err := sign.NewEphemeralKeypair(nil)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return &Signer{keys: keys, Name: name}, nil
}

// NewKeyless returns the signer for the identity in the token of a CI run: it has a new key, for
// which the services of the signing configuration give a certificate and a place in a log. file is
// that configuration; "" for that of public Sigstore.
func NewKeyless(ctx context.Context, file string) (*Signer, error) {
	services, err := signingConfig(ctx, file)
	if err != nil {
		return nil, err
	}
	token, err := identityToken(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := sign.NewEphemeralKeypair(nil)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	s := &Signer{keys: keys}
	s.options.CertificateProviderOptions = &sign.CertificateProviderOptions{IDToken: token}
	if err := use(&s.options, services, time.Now()); err != nil {
		return nil, err
	}
	return s, s.certify(ctx)
}

// certify gets one certificate for all documents: it is valid for minutes.
func (s *Signer) certify(ctx context.Context) error {
	der, err := s.options.CertificateProvider.GetCertificate(ctx, s.keys, s.options.CertificateProviderOptions)
	if err != nil {
		return fmt.Errorf("get a certificate for the identity of this run: %w", err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("read the certificate of this run: %w", err)
	}
	summary, err := certificate.SummarizeCertificate(c)
	if err != nil {
		return fmt.Errorf("read the certificate of this run: %w", err)
	}
	s.Name = identityName(summary)
	s.options.CertificateProvider = issued(der)
	return nil
}

// identityName is the name of a keyless signer.
func identityName(c certificate.Summary) string {
	return c.SubjectAlternativeName + " by " + c.Issuer
}

// issued is a certificate that is there already.
type issued []byte

func (i issued) GetCertificate(context.Context, sign.Keypair, *sign.CertificateProviderOptions) ([]byte, error) {
	return i, nil
}

// Sign returns the bundle of the statement.
func (s *Signer) Sign(ctx context.Context, statement []byte) ([]byte, error) {
	o := s.options
	o.Context = ctx
	b, err := sign.Bundle(&sign.DSSEData{Data: statement, PayloadType: PayloadType}, s.keys, o)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	text, err := protojson.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("write a signed document: %w", err)
	}
	return text, nil
}
