//go:build !steps

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/retention"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// retentionFlags are those of retention.
type retentionFlags struct {
	region  []string
	hosts   publish.Hosts
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
	addRegions(cmd, &f.region, "")
	flags.StringVar(&f.hosts.Private, "private-registry", "", privateUsage)
	flags.StringVar(&f.hosts.Public, "public-registry", "", "public registry, host[:port][/path] (default: "+publish.PublicHost+"/ALIAS)")
	flags.StringSliceVar(&f.removed, "removed", nil, "image name of a removed function, whose images are deleted unless a function runs them; can be repeated")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be done; change nothing")
	return cmd
}

func (a *app) retention(cmd *cobra.Command, f *retentionFlags) (err error) {
	if err := (&targetFlags{hosts: f.hosts, region: f.region}).check(); err != nil {
		return err
	}
	region, err := oneRegion("retention", f.region)
	if err != nil {
		return err
	}
	c, err := a.catalog()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	session, err := login(ctx, region, f.hosts.Private)
	if err != nil {
		return err
	}
	done := report.NewProgress(cmd.ErrOrStderr()).Step("retention")
	defer func() { done(err) }()
	// Everything is read before anything is changed.
	f.hosts.Private = inRegion(f.hosts.Private, session.Region)
	r := &retainer{catalog: c, session: session, hosts: f.hosts.Of(c.Pipeline)}
	result := retention.Result{DryRun: f.dryRun, Expire: f.removed}
	if err := r.plan(ctx, &result); err != nil {
		return err
	}
	kept, _ := a.cache() // without it, more is read
	result.ReadPlatforms(func(tier catalog.Registry, name string, digests []string) map[string]string {
		repository, ok := r.repositories[tier][name]
		if !ok {
			return nil
		}
		return r.client.Platforms(ctx, kept, repository, digests)
	})
	// The changes are printed before they are made.
	err = a.print(cmd, result, result.Table)
	if err != nil || f.dryRun {
		return err
	}
	for _, change := range result.Private {
		if err := retention.ApplyPrivate(ctx, session.ECR, change); err != nil {
			return err
		}
	}
	for _, pruning := range result.Public {
		if err := retention.ApplyPublic(ctx, session.Public, pruning); err != nil {
			return err
		}
	}
	return nil
}
