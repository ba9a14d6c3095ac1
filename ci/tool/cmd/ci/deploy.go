//go:build !steps

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
)

// releaseFlags are those of deploy and rollback.
type releaseFlags struct {
	fleet    fleetFlags
	smoke    bool
	alias    string
	dryRun   bool
	parallel int
}

func (f *releaseFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.smoke, "smoke", false, "call every updated function with its testdata/event.json; an error undoes the release")
	flags.StringVar(&f.alias, "alias", "", "publish a version of each function and make this alias name it")
	flags.BoolVar(&f.dryRun, "dry-run", false, "look at everything, say what would be done, and change nothing")
	flags.IntVar(&f.parallel, "parallel", deploy.DefaultParallel, "functions updated at once")
	f.fleet.add(cmd)
}

// aliasName is AWS's own rule for an alias, which is no number.
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
var aliasName = regexp.MustCompile(`^[a-zA-Z0-9-_]*[a-zA-Z-_][a-zA-Z0-9-_]*$`)

func (f *releaseFlags) check() error {
	switch {
	case f.parallel < 1:
		return usageError{fmt.Errorf("--parallel: %d is not a number of functions; name 1 or more", f.parallel)}
	case f.alias != "" && (!aliasName.MatchString(f.alias) || len(f.alias) > 128):
		return usageError{fmt.Errorf("--alias: %q is not a name of at most 128 letters, digits, - and _, with one that is no digit", f.alias)}
	}
	return f.fleet.check()
}

func newDeploy(a *app) *cobra.Command {
	var f releaseFlags
	var name string
	var only []string
	cmd := &cobra.Command{
		Use:   "deploy",
		Short: "Make the Lambda functions run a published commit, all or none",
		Long: `Make the Lambda functions run a published commit, all or none.

First every function is looked at: it exists and is an image's, the image is in a
private repository of its region, is one that Lambda takes and is for its
architecture, and Lambda would allow the update. Only then functions are updated,
by digest, and each update is awaited. A function that runs the image already gets
no call. When one fails, those that were updated are put back.

An interrupt waits for the updates that are under way; then the release is finished
if all were made, and undone if not.

Afterwards NAME-live names what runs, so that retention keeps it, and a record of
the release is kept in the private repository.

Exit codes: 0 done, 1 failed, 2 the command line is wrong, 3 rolled back: every
function runs what it ran before.`,
		Example: `  ci deploy --commit abc1234
  ci deploy --commit abc1234 --smoke --alias live
  ci deploy --only thumb,video --dry-run`,
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
	if name != "" {
		if err := commit.Check(name); err != nil {
			return usageError{fmt.Errorf("--commit: %w", err)}
		}
	}
	c, functions, err := a.selected(only)
	if err != nil {
		return err
	}
	// What is deployed is what was published; the work tree does not matter.
	if name, err = commit.Choose(cmd.Context(), c.Root, name, true); err != nil {
		return err
	}
	fl, err := f.fleet.open(cmd.Context(), c)
	if err != nil {
		return err
	}
	targets, err := fl.targets(cmd.Context(), functions, name)
	if err != nil {
		return err
	}
	releases, err := fl.records.Releases(cmd.Context())
	if err != nil {
		return err
	}
	if n := len(releases); n > 0 && f.alias == "" && releases[n-1].Alias != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "ci: warning: the last release moved the alias %s and this one does not, so callers by alias do not see it; say --alias %s\n",
			releases[n-1].Alias, releases[n-1].Alias)
	}
	return a.release(cmd, &releasing{
		flags: f, fleet: fl, catalog: c, history: releases, kind: history.Deploy, commit: name, targets: targets,
	})
}

// events gives every target the event that its function is tried with.
func events(c *catalog.Catalog, targets []deploy.Target) error {
	folders := map[string]string{}
	for _, f := range c.Functions {
		folders[f.Image] = f.Folder
	}
	var errs []error
	for n, t := range targets {
		file := filepath.Join(c.Root, folders[t.Image], "testdata", "event.json")
		var err error
		if targets[n].Event, err = os.ReadFile(file); err != nil {
			errs = append(errs, fmt.Errorf("--smoke: read the test event of %s: %w", t.Image, err))
		}
	}
	return errors.Join(errs...)
}
