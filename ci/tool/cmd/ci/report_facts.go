//go:build !steps

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/attest/documents"
	"lambdas.internal/ci/tool/attest/provenance"
	"lambdas.internal/ci/tool/attest/sbom"
	"lambdas.internal/ci/tool/attest/verify"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/inspect/cost"
	"lambdas.internal/ci/tool/inspect/page"
	"lambdas.internal/ci/tool/inspect/sizediff"
	"lambdas.internal/ci/tool/inspect/vulncheck"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// addImages adds the images, and what changed in them.
func (r *reader) addImages(ctx context.Context, before sizediff.Side) error {
	compared, err := sizediff.CompareAll(ctx, r.functions, before, r.now)
	if err != nil {
		return err
	}
	r.page.NewBytes = compared.NewBytes
	there := map[string]bool{}
	for _, source := range before.Images {
		for _, l := range source.Manifest.Layers {
			there[l.Digest.String()] = true
		}
	}
	items := reference.Items(r.functions, r.sides.target.hosts, r.page.Commit)
	for _, c := range compared.Changes {
		if c.After == nil {
			continue
		}
		f := r.functions[slices.IndexFunc(r.functions, func(f catalog.Function) bool { return f.Image == c.Image })]
		item := items[slices.IndexFunc(items, func(i reference.Item) bool { return i.Image == c.Image && !i.DeployCopy })]
		i := page.Image{Name: c.Image, Lambda: f.Lambda, Variant: string(f.Variant), Public: f.Registry == catalog.Public,
			Repository: item.Repository, Digest: c.After.Digest, Platform: c.After.Platform, Bytes: c.After.Bytes, Grew: c.Grew}
		if c.Before != nil {
			i.Before = c.Before.Digest
		}
		for _, l := range c.After.Layers {
			i.Layers = append(i.Layers, page.Layer{Kind: string(l.Kind), Digest: l.Digest, Bytes: l.Bytes, New: !there[l.Digest]})
		}
		for _, v := range c.Versions {
			i.Versions = append(i.Versions, moved(v))
		}
		i.Vulnerabilities = r.vulnerable[c.Image]
		r.page.Images = append(r.page.Images, i)
	}
	return nil
}

// moved is a version that changed, in one line.
func moved(v sizediff.Version) string {
	switch {
	case v.Before == "":
		return v.What + " " + v.After + " is new"
	case v.After == "":
		return v.What + " " + v.Before + " was removed"
	}
	return v.What + " " + v.Before + " → " + v.After
}

// addDocuments adds what the SBOM and the provenance of each image say. The whole provenance is
// beside the deploy copy.
func (r *reader) addDocuments(ctx context.Context) {
	for n := range r.page.Images {
		i := &r.page.Images[n]
		function := slices.DeleteFunc(slices.Clone(r.functions), func(f catalog.Function) bool { return f.Image != i.Name })
		item := reference.PrivateItems(function, r.sides.target.hosts, r.page.Commit)[0]
		if err := r.addSBOM(ctx, i, item); err != nil {
			r.unknown("the packages of "+i.Name, err)
		}
		if err := r.addProvenance(ctx, i, item); err != nil {
			r.unknown("who built "+i.Name, err)
		}
	}
}

func (r *reader) addSBOM(ctx context.Context, i *page.Image, item reference.Item) error {
	document, err := documents.Find(ctx, r.sides.target.registry, item, r.page.Commit, sbom.MediaType)
	if err != nil {
		return err
	}
	bom, err := sbom.Read(document)
	if err != nil {
		return err
	}
	for _, c := range *bom.Components {
		i.Packages = append(i.Packages, page.Package{Name: c.Name, Version: report.Digest(c.Version), Kind: string(c.Type), Licence: sbom.Licences(c)})
	}
	return nil
}

func (r *reader) addProvenance(ctx context.Context, i *page.Image, item reference.Item) error {
	document, err := documents.Find(ctx, r.sides.target.registry, item, r.page.Commit, provenance.MediaType)
	if err != nil {
		return err
	}
	s, err := provenance.Read(document)
	if err != nil {
		return err
	}
	i.Builder, i.Run = s.Predicate.RunDetails.Builder.ID, s.Predicate.RunDetails.Metadata.InvocationID
	return nil
}

// addReleases adds the releases of the commit, the last one first.
func (r *reader) addReleases(all history.Releases) {
	for _, release := range all {
		if release.Commit != r.page.Commit {
			continue
		}
		m := page.Made{Kind: string(release.Kind), Time: release.Time, Who: release.Who, Where: release.Side().String(), Alias: release.Alias}
		for _, f := range release.Functions {
			if f.Before != f.After {
				m.Images = append(m.Images, f.Image)
			}
		}
		r.page.Releases = append(r.page.Releases, m)
	}
	slices.SortFunc(r.page.Releases, func(a, b page.Made) int { return b.Time.Compare(a.Time) })
}

// addCost adds what this version stores in each repository.
func (r *reader) addCost() {
	prices, err := cost.ReadPrices()
	if err != nil {
		r.unknown("what it costs to store", err)
		return
	}
	images, variants := map[string]cost.Image{}, map[string]catalog.Variant{}
	for _, f := range r.functions {
		source, ok := r.now.Images[f.Image]
		if !ok {
			continue
		}
		variants[f.Image] = f.Variant
		if images[f.Image], err = cost.ReadFunction(f, source.Digest.String(), &source.Manifest); err != nil {
			r.unknown("what it costs to store", err)
			return
		}
	}
	measured := cost.New(cost.Model(reference.Items(r.functions, r.sides.target.hosts, r.page.Commit), images, variants, 1), prices)
	r.page.Cost = &page.Cost{Dollars: measured.Dollars, Source: fmt.Sprintf("Prices of ECR in %s, %s.", prices.Region, prices.Date)}
	for _, one := range measured.Repositories {
		r.page.Cost.Repositories = append(r.page.Cost.Repositories, page.Repository{Name: one.Name, Bytes: one.Bytes, Dollars: one.Dollars})
	}
}

// platform is that of the images.
func (r *reader) platform() v1.Platform {
	p := v1.Platform{OS: "linux", Architecture: "amd64"}
	for _, source := range r.now.Images {
		p.OS, p.Architecture = source.Config.OS, source.Config.Architecture
	}
	return p
}

// readResult reads the result that another command wrote as JSON.
func readResult(flag, file string, into any) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return usageError{fmt.Errorf("--%s: %w", flag, err)}
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return usageError{fmt.Errorf("--%s: %s is not the JSON of that command: %w", flag, file, err)}
	}
	return nil
}

// addVulnerable adds what vulncheck found.
func (r *reader) addVulnerable(file string) error {
	if file == "" {
		r.page.Unknown = append(r.page.Unknown, "vulnerabilities: bin/ci vulncheck --json > FILE, then pass --vulnerabilities FILE")
		return nil
	}
	var found vulncheck.Report
	if err := readResult("vulnerabilities", file, &found); err != nil {
		return err
	}
	if len(found.Functions) == 0 {
		return usageError{errors.New("--vulnerabilities: " + file + " has no function; pass the result of bin/ci vulncheck --json")}
	}
	r.vulnerable = map[string][]page.Vulnerability{}
	for _, f := range found.Functions {
		for _, v := range f.Findings {
			r.vulnerable[f.Image] = append(r.vulnerable[f.Image], page.Vulnerability{
				ID: strings.Join(append([]string{v.ID}, v.Aliases...), ", "), Summary: v.Summary, Module: v.Module, Found: v.Found, Fixed: v.Fixed, Reach: string(v.Reach), Redeploy: v.Redeploys(),
			})
		}
	}
	for _, p := range found.Published {
		if n := p.Scan.Grave(); n > 0 {
			r.vulnerable[p.Image] = append(r.vulnerable[p.Image], page.Vulnerability{
				ID: "ECR's scan of " + p.Image, Summary: fmt.Sprintf("%d grave, %d of them without a fix", n, p.Scan.Unfixable),
				Module: "image", Found: report.Digest(p.Digest), Reach: string(vulncheck.InImage), Redeploy: p.Redeploys(),
			})
		}
	}
	r.page.Checked = "Checked with " + found.Database
	if !found.Modified.IsZero() {
		r.page.Checked += " as of " + report.Time(found.Modified)
	}
	r.page.Checked += "."
	return nil
}

// addVerified adds what verify found. It must be about this commit.
func (r *reader) addVerified(file string) error {
	if file == "" {
		r.page.Unknown = append(r.page.Unknown, "verification: bin/ci verify --commit "+r.page.Commit+" --json > FILE, then pass --verification FILE")
		return nil
	}
	var found verify.Report
	if err := readResult("verification", file, &found); err != nil {
		return err
	}
	if found.Commit != r.page.Commit || len(found.Places) == 0 {
		return usageError{fmt.Errorf("--verification: %s is about commit %q, not %s", file, found.Commit, r.page.Commit)}
	}
	r.page.Verified = fmt.Sprintf("Each image was built again from commit %s for %s and compared with the registries.", found.Commit, found.Platform)
	for _, p := range found.Places {
		r.page.Places = append(r.page.Places, page.Place{Image: p.Image, Repository: p.Repository, Same: p.Verdict == verify.Same, Result: string(p.Verdict), Signed: p.Signed(), Signer: p.Signer})
	}
	return nil
}
