//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/publish/retention"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/report/regionerr"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// retentionFlags are those of retention.
type retentionFlags struct {
	target  targetFlags
	removed []string
	dryRun  bool
}

func newRetention(a *app) *cobra.Command {
	var f retentionFlags
	cmd := &cobra.Command{
		Use:   "retention",
		Short: "Keep the last images of each name, and all live images",
		Long: fmt.Sprintf(`Keep the last images of each name, and all live images: %d of each, or as many as
keep in `+catalog.PipelineFile+` says.

Private repositories get a lifecycle policy made from the catalog; it is printed as a
diff first. ECR Public has no lifecycle policies: older images there are deleted now. A
policy has a rule for %d names at most; the older images of the other names are deleted
now too, by the same rules.
Documents attached to an image (SBOM, provenance) are deleted with it.

An image that any version or alias of a function runs is live and never deleted: in a
private repository it gets a tag that no rule expires. If it is unknown what is live,
nothing is changed: that is so if none of the functions exists in the region, or if one is
missing that has been released. Live images are named that a lifecycle rule of yours would
move to ECR's archive, from which Lambda cannot pull; archived images do not count, and stay.

With several regions, each has its own lifecycle policies and live images. Where it is unknown
what is live, as in a region that is out of reach, nothing is changed; then nothing is deleted
from ECR Public either, and the exit code is 1.

An image that does not change gets a tag and a document from each commit. Those of old
commits are removed, and so are release records that rollback does not read any more.

Images of a function that was removed or renamed are listed. Pass its image name with
--removed to delete those that no function runs.`, retention.Keep, retention.Ruled),
		Example: "  bin/ci retention --dry-run\n  bin/ci retention --region eu-central-1\n  bin/ci retention --removed old-name --dry-run",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.retention(cmd, &f) },
	}
	flags := cmd.Flags()
	addEnvironment(cmd)
	addRegions(cmd, &f.target.region, "")
	flags.StringVar(&f.target.hosts.Private, "private-registry", "", privateUsage)
	flags.StringVar(&f.target.hosts.Public, "public-registry", "", "public registry, host[:port][/path] (default: "+reference.PublicHost+"/ALIAS)")
	flags.StringSliceVar(&f.removed, "removed", nil, "image name of a removed function, whose images are deleted unless a function runs them; can be repeated")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be done; change nothing")
	return cmd
}

func (a *app) retention(cmd *cobra.Command, f *retentionFlags) (err error) {
	if err := f.target.check(); err != nil {
		return err
	}
	c, err := a.catalog()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	regions, err := f.target.each(cmd)
	if err != nil {
		return err
	}
	sessions := make([]*awsauth.Session, len(regions))
	for n := range regions {
		if sessions[n], err = regions[n].login(ctx); err != nil {
			return err
		}
	}
	done := report.NewProgress(cmd.ErrOrStderr()).Step("retention")
	defer func() { done(err) }()
	// Everything is read before anything is changed: the public images before what is live in any
	// region, so the regions are read one after another.
	all, errs := make([]*retainer, len(regions)), make([]error, len(regions))
	for n := range regions {
		hosts := f.target.hosts.Of(c.Pipeline)
		hosts.Private = inRegion(hosts.Private, sessions[n].Region)
		all[n] = &retainer{regional: regions[n].regional, catalog: c, session: sessions[n], hosts: hosts, public: n == 0}
		errs[n] = regionerr.Name(all[n].name, all[n].read(ctx, f.removed))
	}
	gone := errors.Join(errs...)
	if err := ctx.Err(); err != nil {
		return err
	}
	if !slices.Contains(errs, nil) {
		return errors.Join(errs...)
	}
	result, err := f.plan(ctx, all, errs)
	if err != nil {
		return err
	}
	kept, _ := a.cache() // without it, more is read
	result.ReadPlatforms(func(region string, tier catalog.Registry, name string, digests []string) map[string]string {
		r := all[max(0, slices.IndexFunc(all, func(r *retainer) bool { return r.name == region }))]
		repository, ok := r.repositories[tier][name]
		if !ok {
			return nil
		}
		return r.client.Platforms(ctx, kept, repository, digests)
	})
	// The changes are printed before they are made.
	err = a.print(cmd, result, result.Table)
	if err != nil || f.dryRun {
		return errors.Join(gone, err)
	}
	for n, r := range all {
		for _, change := range result.Private {
			if errs[n] != nil || change.Region != r.name {
				continue
			}
			if err := retention.ApplyPrivate(ctx, r.session.ECR, change); err != nil {
				return errors.Join(gone, regionerr.Name(r.name, err))
			}
		}
	}
	for _, pruning := range result.Public {
		if err := retention.ApplyPublic(ctx, sessions[0].Public, pruning); err != nil {
			return errors.Join(gone, err)
		}
	}
	return gone
}

// plan says what is to be changed: nothing in a region that could not be read, and nothing in the
// public repositories unless all were, because they are the same for all.
func (f *retentionFlags) plan(ctx context.Context, all []*retainer, errs []error) (*retention.Result, error) {
	result := &retention.Result{DryRun: f.dryRun, Expire: f.removed}
	facts := all[0].facts
	for n, r := range all {
		if errs[n] != nil {
			result.NotRead = append(result.NotRead, r.name)
			continue
		}
		changes, err := r.planPrivate(ctx)
		if err != nil {
			return nil, regionerr.Name(r.name, err)
		}
		result.Private = append(result.Private, changes...)
		if n > 0 {
			facts = facts.With(r.facts)
		}
	}
	if len(result.NotRead) > 0 {
		result.Untouched = "the public images stay, because one that runs there may be among them"
		return result, nil
	}
	var err error
	if result.Public, err = all[0].planPublic(ctx, facts); err != nil {
		return nil, err
	}
	if err := facts.CheckRemoved(result.Private, result.Public); err != nil {
		return nil, usageError{err}
	}
	return result, nil
}
