//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/attest/documents"
	"lambdas.internal/ci/tool/attest/signature"
	"lambdas.internal/ci/tool/attest/verify"
	"lambdas.internal/ci/tool/audit"
	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// signFlags say with what publish signs the documents.
type signFlags struct {
	with     string
	config   string
	disclose bool
	key      *signature.Signer // which is opened before anything is built
}

func (f *signFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.with, "sign", "", "sign the documents with a private key: a PEM file, awskms:///alias/NAME, or keyless for the identity of the CI run")
	flags.StringVar(&f.config, "signing-config", "", "with --sign keyless: file with the services of a private Sigstore (default: those of public Sigstore)")
	flags.BoolVar(&f.disclose, "disclose-signer", false, "with --sign keyless: agree that all who read the public registry, or public Sigstore, see the repository and the workflow")
}

func (f *signFlags) check() error {
	if f.with != signature.Keyless && (f.config != "" || f.disclose) {
		return usageError{errors.New("--signing-config and --disclose-signer need --sign keyless")}
	}
	return f.agreed(nil) // what can be said before anything is built
}

// agreed fails if a keyless signature would tell the public what nobody agreed to tell.
func (f *signFlags) agreed(functions []catalog.Function) error {
	if f.with != signature.Keyless || f.disclose {
		return nil
	}
	where := ""
	if at := slices.IndexFunc(functions, func(f catalog.Function) bool { return f.Registry == catalog.Public }); at >= 0 {
		where = "the public image " + functions[at].Image
	}
	if f.config == "" {
		where = "the log of public Sigstore"
	}
	if where == "" {
		return nil
	}
	return usageError{fmt.Errorf("--sign keyless writes the names of the repository and the workflow into %s, for all to read; pass --disclose-signer if they may, or sign with a key", where)}
}

// open reads the key, if there is one: a wrong name is not to be told after a build.
func (f *signFlags) open(ctx context.Context) (err error) {
	if f.with != "" && f.with != signature.Keyless {
		f.key, err = signature.NewSigner(ctx, f.with)
	}
	return err
}

// signer returns who signs. A certificate is valid for minutes, so it is asked for now; a dry run
// asks nobody, and has signatures that are worth nothing.
func (f *signFlags) signer(ctx context.Context, dryRun bool) (*signature.Signer, error) {
	switch {
	case f.key != nil:
		return f.key, nil
	case dryRun:
		return signature.NewTrial(signature.Keyless)
	}
	return signature.NewKeyless(ctx, f.config)
}

// sign gives the images signed documents, and lets the auditors read what these tell.
func (f *signFlags) sign(ctx context.Context, m *made, by auditors, images map[string]publish.Image, dryRun bool) (name string, err error) {
	if f.with == "" {
		return "", nil
	}
	if err := f.agreed(m.functions); err != nil {
		return "", err
	}
	ctx, done := m.builder.Step(ctx, "sign the documents")
	defer func() { done(err) }()
	s, err := f.signer(ctx, dryRun)
	if err != nil {
		return "", err
	}
	if err := documents.Sign(ctx, s, m.functions, images); err != nil {
		return "", err
	}
	signed, err := attachments(images, func(a referrer.Artifact) bool { return a.Type == signature.MediaType })
	if err != nil {
		return "", err
	}
	return s.Name, by.documents(ctx, signed)
}

// attachments lists those of the documents that are attached to the images: what each tells, and
// the manifest that attaches it.
func attachments(images map[string]publish.Image, want func(referrer.Artifact) bool) ([]audit.Document, error) {
	var all []audit.Document
	for name, i := range images {
		for tier, artifacts := range i.Attach {
			for _, a := range artifacts {
				if !want(a) {
					continue
				}
				manifest, _, err := a.Manifest(i.Subject())
				if err != nil {
					return nil, err
				}
				contents, err := readable(a)
				if err != nil {
					return nil, err
				}
				d := audit.Document{Image: name, Name: a.Title, Public: tier == catalog.Public}
				for _, d.Content = range contents {
					all = append(all, d)
				}
				d.Name, d.Content = "manifest of "+a.Title, manifest
				all = append(all, d)
			}
		}
	}
	return all, nil
}

// readable returns what a document that is attached tells its readers.
func readable(a referrer.Artifact) ([][]byte, error) {
	if a.Type == signature.MediaType {
		return signature.Readable(a.Content)
	}
	return [][]byte{a.Content}, nil
}

// trustFlags say whose signatures are accepted. They have the names that they have for cosign.
type trustFlags struct{ policy signature.Policy }

func (f *trustFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.policy.Key, "key", "", "accept signatures of this public key: a PEM file, or awskms:///alias/NAME")
	flags.StringVar(&f.policy.Identity, "certificate-identity", "", "accept keyless signatures of this identity, such as https://github.com/OWNER/NAME/.github/workflows/main.yml@refs/heads/main")
	flags.StringVar(&f.policy.IdentityRegexp, "certificate-identity-regexp", "", "accept keyless signatures of identities that match this expression as a whole")
	flags.StringVar(&f.policy.Issuer, "certificate-oidc-issuer", "", "who vouches for the identity, such as https://token.actions.githubusercontent.com")
	flags.StringVar(&f.policy.TrustedRoot, "trusted-root", "", "file with the trusted root of a private Sigstore (default: that of public Sigstore)")
}

// given tells whether a flag is set.
func (f *trustFlags) given() bool { return f.policy != signature.Policy{} }

func (f *trustFlags) check() error {
	p := f.policy
	keyless := p.Identity != "" || p.IdentityRegexp != ""
	switch {
	case !f.given():
		return nil
	case p.Key != "" && p != signature.Policy{Key: p.Key}:
		return usageError{errors.New("--key cannot be combined with --certificate-identity, --certificate-identity-regexp, --certificate-oidc-issuer and --trusted-root")}
	case p.Key != "":
		return nil
	case !keyless:
		return usageError{errors.New("whose signatures are accepted? pass --key, or --certificate-identity with --certificate-oidc-issuer")}
	case p.Issuer == "":
		return usageError{errors.New("--certificate-oidc-issuer is missing: an identity is worth what its issuer is; for GitHub Actions pass https://token.actions.githubusercontent.com")}
	case p.Identity != "" && p.IdentityRegexp != "":
		return usageError{errors.New("--certificate-identity cannot be combined with --certificate-identity-regexp")}
	}
	return nil
}

// signedPlaces notes for each place whether its documents are signed by whom the flags name.
func (f *trustFlags) signedPlaces(ctx context.Context, r referrer.Registry, places []verify.Place, commit string) error {
	if !f.given() {
		return nil
	}
	v, err := signature.NewVerifier(ctx, f.policy)
	if err != nil {
		return err
	}
	for n := range places {
		p := &places[n]
		if p.Verdict == verify.Missing {
			continue
		}
		digest, err := v1.NewHash(p.Published)
		if err != nil {
			return fmt.Errorf("verify %s: %w", p.Image, err)
		}
		p.Signer, err = v.Image(ctx, r, p.Repository, digest, p.Image, commit)
		var refused *signature.RefusedError
		switch {
		case errors.As(err, &refused):
			p.Unsigned = refused.Why
		case err != nil:
			return err
		}
	}
	return nil
}

// signedFlags say that only signed images are deployed.
type signedFlags struct {
	trust    trustFlags
	required bool
}

func (f *signedFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.required, "require-signed", false, "refuse images whose documents are not signed by --key or --certificate-identity")
	f.trust.add(cmd)
}

func (f *signedFlags) check() error {
	switch {
	case f.required && !f.trust.given():
		return usageError{errors.New("--require-signed: signed by whom? pass --key, or --certificate-identity with --certificate-oidc-issuer")}
	case !f.required && f.trust.given():
		return usageError{errors.New("--key, --certificate-identity, --certificate-identity-regexp, --certificate-oidc-issuer and --trusted-root need --require-signed")}
	}
	return f.trust.check()
}

// require fails unless the documents of all targets are signed by whom the flags name. What could
// not be found out is no signature.
func (f *signedFlags) require(ctx context.Context, r referrer.Registry, targets []deploy.Target, commit string) error {
	if !f.required {
		return nil
	}
	v, err := signature.NewVerifier(ctx, f.trust.policy)
	if err != nil {
		return err
	}
	var errs []error
	seen := map[string]bool{}
	for _, t := range targets {
		if seen[t.Image] { // which several functions run
			continue
		}
		seen[t.Image] = true
		digest, err := v1.NewHash(t.Digest)
		if err != nil {
			return fmt.Errorf("deploy %s: %w", t.Image, err)
		}
		if _, err := v.Image(ctx, r, t.Repository, digest, t.Image, commit); err != nil {
			errs = append(errs, fmt.Errorf("deploy %s: --require-signed: %s", t.Image, report.Line(err.Error())))
		}
	}
	return errors.Join(errs...)
}
