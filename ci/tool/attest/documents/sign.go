package documents

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/attest/provenance"
	"lambdas.internal/ci/tool/attest/sbom"
	"lambdas.internal/ci/tool/attest/signature"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// signers is how many documents are signed at once.
const signers = 4

// Sign gives the images of the functions, which have their documents, a signed copy of each, for
// the registries that they go to.
func Sign(ctx context.Context, s *signature.Signer, functions []catalog.Function, images map[string]publish.Image) error {
	var mu sync.Mutex // of images
	report.Counting(ctx, "signed the documents of", int64(len(functions)), "images")
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(signers)
	for _, f := range functions {
		g.Go(func() error {
			mu.Lock()
			i := images[f.Image]
			mu.Unlock()
			signed := maps.Clone(i.Attach)
			tiers := []catalog.Registry{catalog.Private}
			if f.Registry == catalog.Public {
				tiers = append(tiers, catalog.Public)
			}
			of := map[string][]byte{} // by statement: the SBOM is the same everywhere
			for _, tier := range tiers {
				all, err := sign(ctx, s, i, tier, of)
				if err != nil {
					return fmt.Errorf("publish %s: %w", f.Image, err)
				}
				signed[tier] = slices.Concat(i.Attach[tier], all)
			}
			i.Attach = signed
			mu.Lock()
			defer mu.Unlock()
			images[f.Image] = i
			report.Add(ctx, 1)
			return nil
		})
	}
	return g.Wait()
}

func sign(ctx context.Context, s *signature.Signer, i publish.Image, tier catalog.Registry, of map[string][]byte) ([]referrer.Artifact, error) {
	all, err := unsigned(i, tier)
	if err != nil {
		return nil, err
	}
	var signed []referrer.Artifact
	for _, d := range all {
		bundle, there := of[string(d.Statement)]
		if !there {
			if bundle, err = s.Sign(ctx, d.Statement); err != nil {
				return nil, err
			}
			of[string(d.Statement)] = bundle
		}
		signed = append(signed, d.Artifact(bundle, s.Name))
	}
	return signed, nil
}

// unsigned returns the documents of an image as they are signed. Each is of one commit.
func unsigned(i publish.Image, tier catalog.Registry) (all []signature.Document, err error) {
	for _, a := range i.Attach[tier] {
		switch a.Type {
		case sbom.MediaType:
			d := signature.Document{Title: i.Name + ".cdx.sigstore.json", Predicate: sbom.PredicateType}
			if d.Statement, err = signature.Wrap(i.Name, i.Digest.Hex, d.Predicate, a.Content); err != nil {
				return nil, err
			}
			all = append(all, d)
		case provenance.MediaType:
			all = append(all, signature.Document{
				Title: i.Name + ".provenance.sigstore.json", Predicate: provenance.PredicateType, Statement: a.Content,
				Commit: a.Commit, Committed: a.Committed,
			})
		}
	}
	at := slices.IndexFunc(all, func(d signature.Document) bool { return d.Commit != "" })
	if at < 0 || len(all) != 2 {
		return nil, fmt.Errorf("sign: it has %s, expected an SBOM and a provenance", report.Count(len(all), "document"))
	}
	for n := range all {
		all[n].Commit, all[n].Committed = all[at].Commit, all[at].Committed
	}
	return all, nil
}
