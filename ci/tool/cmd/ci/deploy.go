//go:build !steps

package main

import (
	"errors"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/deploy/release"
	"lambdas.internal/ci/tool/report/regionerr"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
)

func newDeploy(a *app) *cobra.Command {
	var f releaseFlags
	var canary canaryFlags
	var create createFlags
	var name string
	var only []string
	var signed signedFlags
	cmd := &cobra.Command{
		Use:   "deploy",
		Short: "Make the Lambda functions run a published commit, all or none",
		Long: `Make the Lambda functions run a published commit, all or none.

First, every function is checked: it exists and runs an image; the new image is in a
private repository of the function's region, Lambda accepts it, and it has the
function's architecture; and Lambda would allow the update. Then every function is
updated to the digest of its new image; the command waits until Lambda has finished. A
function that already runs the image is not updated. If one update fails, all are
rolled back. A commit that comes before the one that a function runs is refused: that is
a rollback.

After an interrupt, the command waits for the updates that have begun. If every function
was updated, it completes the release; if not, it rolls all back.

With --alias, each function gets a version, and the alias leads all its calls there. With
--canary, the versions get a share of the calls first, all at once. The command watches
the calls that fail (metrics Errors and Invocations of the alias) and, with --alarm, an
alarm. If a new version fails more often than the old one, if the alarm goes off or is not
OK at the end, if one of them cannot be read, and after an interrupt, all functions are
rolled back. A version that nobody called passes; the result says so.

At the end the tag NAME-ACCOUNT-REGION-live names the image that runs, so that retention
keeps it, and a release record is written to the private repository.

With --create, functions that do not exist are made first: with the image, the memory, the
time and the architecture of image.json, and the role of --role. They get no variables, no
triggers and no other rights. The role of a CI job need not allow that.

With --require-signed, an image is refused unless its SBOM and its provenance are signed by
whom --key or --certificate-identity names, and the provenance names the image and the
commit. A registry that does not answer about signatures counts as no signature.

With several regions, all are checked first. Then the commit is released in one region after
another, in the order given. A region that fails is rolled back, later ones are not begun, and
those that are done stay, unless --all-regions-or-none is passed: then they are rolled back too.
The last line says which regions are done, and what to type next.

Several accounts can deploy from one registry: --account names the account of the
registry, the credentials are those of the functions. Each has its own records and tags.

Exit codes: 0 done, 1 failed, 2 the command line is wrong, 3 rolled back: every
function, in every region, runs the same image as before.`,
		Example: `  bin/ci deploy --commit abc1234
  bin/ci deploy --commit abc1234 --smoke --alias live
  bin/ci deploy --commit abc1234 --alias live --canary 10% --bake 5m --alarm api-errors
  bin/ci deploy --commit abc1234 --account 123456789012
  bin/ci deploy --only thumb,video --dry-run
  bin/ci deploy --commit abc1234 --region eu-central-1,us-east-1 --all-regions-or-none
  bin/ci deploy --commit abc1234 --require-signed --key cosign.pub
  bin/ci deploy --commit abc1234 --create --role arn:aws:iam::123456789012:role/lambda`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if f.canary, err = canary.read(cmd, f.alias); err != nil {
				return err
			}
			return a.deploy(cmd, &f, &create, &signed, name, only)
		},
	}
	cmd.Flags().StringVar(&name, "commit", "", "published commit to deploy (default: HEAD)")
	cmd.Flags().BoolVar(&f.older, "allow-older", false, "deploy a commit also if it comes before the one that runs")
	cmd.Flags().StringSliceVar(&only, "only", nil, "images whose functions are deployed, by name (default: all)")
	cmd.Flags().BoolVar(&f.allOrNone, "all-regions-or-none", false, "with several regions: if one fails, roll back those that are done too")
	f.add(cmd)
	canary.add(cmd)
	create.add(cmd)
	signed.add(cmd)
	return cmd
}

func (a *app) deploy(cmd *cobra.Command, f *releaseFlags, create *createFlags, signed *signedFlags, name string, only []string) error {
	if err := errors.Join(f.check(), create.check(f.dryRun), signed.check()); err != nil {
		return err
	}
	if err := checkCommit("commit", name); err != nil {
		return err
	}
	c, functions, err := a.selected(only)
	if err != nil {
		return err
	}
	// Only published images are deployed, so what is checked out does not matter.
	if name == "" {
		if name, err = commit.Head(cmd.Context(), c.Root, ""); err != nil {
			return err
		}
	}
	regions, err := f.open(cmd, c)
	if err != nil {
		return err
	}
	all, err := f.inEach(regions, func(in opened) (releasing, error) { return f.toDeploy(cmd, in, functions, signed, name) })
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := create.missing(cmd.Context(), cmd, r.fl, functions, r.Targets); err != nil {
			return regionerr.Name(r.fl.name, err)
		}
	}
	return a.release(cmd, f, c, all)
}

// toDeploy finds the images of the commit in a region.
func (f *releaseFlags) toDeploy(cmd *cobra.Command, in opened, functions []catalog.Function, signed *signedFlags, name string) (releasing, error) {
	targets, err := in.targets(cmd.Context(), functions, name)
	if err != nil {
		return releasing{}, err
	}
	if err := signed.require(cmd.Context(), in.registry, targets, name); err != nil {
		return releasing{}, err
	}
	if n := len(in.releases); n > 0 && f.alias == "" && in.releases[n-1].Alias != "" {
		in.warn(cmd, "the last release moved the alias %[1]s and this one does not, so callers of the alias keep the old code; to move it too: --alias %[1]s", in.releases[n-1].Alias)
	}
	return releasing{in.fleet, &release.Release{Kind: history.Deploy, Commit: name, Alias: f.alias, Targets: targets, Releases: in.releases}}, nil
}
