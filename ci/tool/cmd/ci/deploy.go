//go:build !steps

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/deploy/release"
	"lambdas.internal/ci/tool/workspace/commit"
)

func newDeploy(a *app) *cobra.Command {
	var f releaseFlags
	var name string
	var only []string
	cmd := &cobra.Command{
		Use:   "deploy",
		Short: "Make the Lambda functions run a published commit, all or none",
		Long: `Make the Lambda functions run a published commit, all or none.

First, every function is checked: it exists and runs an image; the new image is in a
private repository of the function's region, Lambda accepts it, and it has the
function's architecture; and Lambda would allow the update. Then every function is
updated to the digest of its new image; the command waits until Lambda has finished. A
function that already runs the image is not updated. If one update fails, all are
rolled back.

After an interrupt, the command waits for the updates that have begun. If every function
was updated, it completes the release; if not, it rolls all back.

At the end the tag NAME-live names the image that runs, so that retention keeps it,
and a release record is written to the private repository.

Exit codes: 0 done, 1 failed, 2 the command line is wrong, 3 rolled back: every
function runs the same image as before.`,
		Example: `  bin/ci deploy --commit abc1234
  bin/ci deploy --commit abc1234 --smoke --alias live
  bin/ci deploy --only thumb,video --dry-run`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.deploy(cmd, &f, name, only) },
	}
	cmd.Flags().StringVar(&name, "commit", "", "published commit to deploy (default: HEAD)")
	cmd.Flags().StringSliceVar(&only, "only", nil, "images whose functions are deployed, by name (default: all)")
	f.add(cmd)
	return cmd
}

func (a *app) deploy(cmd *cobra.Command, f *releaseFlags, name string, only []string) error {
	if err := f.check(); err != nil {
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
	fl, releases, err := f.open(cmd.Context(), c)
	if err != nil {
		return err
	}
	targets, err := fl.targets(cmd.Context(), functions, name)
	if err != nil {
		return err
	}
	if n := len(releases); n > 0 && f.alias == "" && releases[n-1].Alias != "" {
		alias := releases[n-1].Alias
		warn(cmd, []string{fmt.Sprintf("the last release moved the alias %s and this one does not, so callers of the alias keep the old code; to move it too: --alias %s", alias, alias)})
	}
	return a.release(cmd, f, fl, c, &release.Release{Kind: history.Deploy, Commit: name, Targets: targets, Releases: releases})
}
