//go:build !steps

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/publish/retention"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func newRetention(a *app) *cobra.Command {
	var region, public string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "retention",
		Short: "Keep the last five images of each name, and all live images",
		Long: fmt.Sprintf(`Keep the last %d images of each name, and all live images.

Private repositories get a lifecycle policy made from the catalog; it is printed as a
diff first. ECR Public has no lifecycle policies: older images there are deleted now. A
policy has a rule for %d names at most; the older images of the other names are deleted
now too, by the same rules.
Documents attached to an image (SBOM, provenance) are deleted with it.

An image that any version or alias of a function runs is live and never deleted: in a
private repository it gets a tag that no rule expires. If the program cannot read which
images are live, nothing is changed.`, retention.Keep, retention.Ruled),
		Example: "  bin/ci retention --dry-run\n  bin/ci retention --region eu-central-1",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.retention(cmd, region, public, dryRun) },
	}
	cmd.Flags().StringVar(&region, "region", "", "AWS region (default: as for every AWS tool)")
	cmd.Flags().StringVar(&public, "public-registry", "", "public registry, host[:port][/path] (default: "+publish.PublicHost+"/ALIAS)")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be done; change nothing")
	return cmd
}

func (a *app) retention(cmd *cobra.Command, region, public string, dryRun bool) (err error) {
	if err := (&targetFlags{hosts: publish.Hosts{Public: public}}).check(); err != nil {
		return err
	}
	c, err := a.catalog()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	session, err := login(ctx, region)
	if err != nil {
		return err
	}
	done := report.NewProgress(cmd.ErrOrStderr()).Step("retention")
	defer func() { done(err) }()
	// Everything is read before anything is changed.
	live, err := retention.FindLive(ctx, lambda.NewFromConfig(session.Config), c.Functions)
	if err != nil {
		return err
	}
	wanted, err := ecrapi.Missing(ctx, session.ECR, session.Public, ecrapi.Want(c.Functions))
	if err != nil {
		return err
	}
	result := retention.Result{DryRun: dryRun}
	for _, w := range wanted {
		switch {
		case w.Missing:
		case w.Tier == catalog.Private:
			policy, left, _ := retention.Policy(c.Functions, w.Variant)
			change, err := retention.PlanPrivate(ctx, session.ECR, w.Name, policy, left, live, time.Now())
			if err != nil {
				return err
			}
			result.Private = append(result.Private, change)
		default:
			if public == "" { // only a public repository needs the alias
				alias, err := session.Alias(ctx)
				if err != nil {
					return err
				}
				public = publish.PublicHost + "/" + alias
			}
			client := registry.NewClient(registry.Options{Keychain: session.Keychain(publish.Hosts{Public: public})})
			pruning, err := retention.PlanPublic(ctx, session.Public, w.Name, w.Images, live, referrers(client, public+"/"+w.Name), time.Now())
			if err != nil {
				return err
			}
			result.Public = append(result.Public, pruning)
		}
	}
	// The changes are printed before they are made.
	err = a.print(cmd, result, result.Table)
	if err != nil || dryRun {
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

// referrers lists the digests of the documents that are attached to an image.
func referrers(client *registry.Client, repository string) retention.Referrers {
	return func(ctx context.Context, digest string) ([]string, error) {
		hash, err := v1.NewHash(digest)
		if err != nil {
			return nil, fmt.Errorf("read the digest %q: %w", digest, err)
		}
		all, err := client.Referrers(ctx, repository, hash)
		var digests []string
		for _, d := range all {
			digests = append(digests, d.Digest.String())
		}
		return digests, err
	}
}
