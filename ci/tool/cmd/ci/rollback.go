//go:build !steps

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/deploy/release"
	"lambdas.internal/ci/tool/deploy/status"
	"lambdas.internal/ci/tool/report/regionerr"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func newRollback(a *app) *cobra.Command {
	var f releaseFlags
	var to string
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Make the Lambda functions run an earlier release, all or none",
		Long: `Make the Lambda functions run an earlier release, all or none.

The functions run the images of that release's record again, by the same steps as
deploy: every function is checked first, and if one image is missing nothing is
changed. Without --to, it rolls back to the release before the current one; a second
rollback goes one release further back. If functions are not as the last release left
them, as after a deploy that was killed, it restores that release; if they run the one
before, it finishes the rollback that was begun. If the last release
moved an alias, the rollback moves it too. A rollback that finds nothing to change fails.

The releases are those of the account and region of the functions; others may deploy from
the same registry. With several regions, each goes back by its own records, one after
another. If one has no such release, or its registry no longer has an image of it, nothing
is changed in any region.

Exit codes: 0 done, 1 failed, 2 the command line is wrong, 3 rolled back: every
function, in every region, runs the same image as before.`,
		Example: "  bin/ci rollback\n  bin/ci rollback --to abc1234 --smoke\n  bin/ci rollback --dry-run",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.rollback(cmd, &f, to) },
	}
	cmd.Flags().StringVar(&to, "to", "", "commit of the release to go back to (default: the previous release)")
	f.add(cmd)
	return cmd
}

func (a *app) rollback(cmd *cobra.Command, f *releaseFlags, to string) error {
	if err := f.check(); err != nil {
		return err
	}
	if err := checkCommit("to", to); err != nil {
		return err
	}
	c, err := a.catalog()
	if err != nil {
		return err
	}
	regions, err := f.open(cmd, c)
	if err != nil {
		return err
	}
	all, err := f.inEach(regions, func(in opened) (releasing, error) { return f.toRollBack(cmd, c, in, to) })
	if err != nil {
		return err
	}
	apart(cmd, all)
	for _, r := range all {
		if err := r.fl.restore(cmd, r.Targets, f.dryRun); err != nil {
			return regionerr.Name(r.fl.name, err)
		}
	}
	return a.release(cmd, f, c, all)
}

// toRollBack finds the release that a region goes back to.
func (f *releaseFlags) toRollBack(cmd *cobra.Command, c *catalog.Catalog, in opened, to string) (releasing, error) {
	earlier, err := unfinished(cmd, in, to)
	if err == nil && earlier.Commit == "" {
		earlier, err = choose(in, to)
	}
	if err != nil {
		return releasing{}, err
	}
	alias := f.alias
	if last := in.releases[len(in.releases)-1]; alias == "" && last.Alias != "" {
		alias = last.Alias // callers use the alias, so it moves too
		fmt.Fprintln(cmd.ErrOrStderr(), "ci: "+in.label(fmt.Sprintf("the last release moved the alias %s, so this rollback moves it too", alias)))
	}
	var targets []deploy.Target
	for _, r := range earlier.Functions {
		targets = append(targets, deploy.Target{Image: r.Image, Lambda: r.Lambda, Repository: r.Repository, Digest: r.After})
	}
	for _, function := range catalog.Running(c.Functions) {
		if _, ok := earlier.Function(function.Image); !ok {
			in.warn(cmd, "%s (%s) was not part of release %s and is not changed", function.Lambda, function.Image, earlier.Commit)
		}
	}
	r := releasing{in.fleet, &release.Release{Kind: history.Rollback, Commit: earlier.Commit, Alias: alias, Targets: targets, Releases: in.releases}}
	if in.name == "" {
		return r, nil // the check of the functions says it
	}
	gone, err := in.missing(cmd.Context(), targets)
	if err == nil && len(gone) > 0 {
		err = fmt.Errorf("roll back to %s: %s; to put %s there, check out that commit and type bin/ci publish --commit %s --no-latest%s",
			earlier.Commit, lacks(gone), them(len(gone)), earlier.Commit, in.all)
	}
	return r, err
}

// lacks says which images a repository does not have.
func lacks(gone []deploy.Target) string {
	var texts []string
	for _, t := range gone {
		texts = append(texts, fmt.Sprintf("%s (%s) is not in %s", t.Image, deploy.Short(t.Digest), t.Repository))
	}
	return strings.Join(texts, ", ")
}

// apart warns if the regions go back to different commits, as after a deploy that ended in one of
// them only.
func apart(cmd *cobra.Command, all []releasing) {
	var texts []string
	for _, r := range all {
		texts = append(texts, fmt.Sprintf("%s to %s", r.fl.name, r.Commit))
	}
	if slices.ContainsFunc(all, func(r releasing) bool { return r.Commit != all[0].Commit }) {
		warn(cmd, []string{fmt.Sprintf("the regions go back to different commits: %s; for one commit in all: bin/ci rollback --to COMMIT%s", strings.Join(texts, ", "), all[0].fl.all)})
	}
}

// unfinished returns the release to go to if functions are not as the last release left them,
// and none if they are, or if another one was named.
func unfinished(cmd *cobra.Command, in opened, to string) (history.Release, error) {
	h := in.releases
	if to != "" {
		return history.Release{}, nil
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), pace.Settle)
	defer cancel()
	differ, err := status.Differs(ctx, in.lambda, h, func(ctx context.Context) error { return deploy.SystemClock.Sleep(ctx, pace.Poll) })
	if err != nil || len(differ.Functions) == 0 {
		return history.Release{}, err
	}
	last := h[len(h)-1]
	text := fmt.Sprintf("these functions are not as the last release left them: %s; ", strings.Join(differ.Functions, ", "))
	if differ.Back != nil {
		in.warn(cmd, "%sthey run commit %s, so a rollback was begun, and this one finishes it; to restore the last release: bin/ci rollback --to %s%s",
			text, differ.Back.Commit, last.Commit, in.only())
		return *differ.Back, nil
	}
	text += fmt.Sprintf("so this rollback restores that release, of commit %s", last.Commit)
	if before, ok := h.Previous(); ok {
		text += "; to go back further: bin/ci rollback --to " + before.Commit + in.only()
	}
	in.warn(cmd, "%s", text)
	return last, nil
}

// choose returns the release to roll back to.
func choose(in opened, to string) (history.Release, error) {
	h := in.releases
	if to == "" {
		if earlier, ok := h.Previous(); ok {
			return earlier, nil
		}
		return history.Release{}, fmt.Errorf("roll back: no earlier release is recorded; to deploy a published commit: bin/ci deploy --commit COMMIT%s%s", in.only(), ran(h))
	}
	if earlier, ok := h.Find(to); ok {
		return earlier, nil
	}
	recorded := "no release is recorded"
	if commits := h.Commits(); len(commits) > 0 {
		recorded = "recorded: " + strings.Join(commits, ", ")
	}
	return history.Release{}, fmt.Errorf("roll back to %s: it was not released (%s); to deploy it: bin/ci deploy --commit %s%s", to, recorded, to, in.only())
}

// ran lists what the functions ran before the first release.
func ran(h history.Releases) string {
	if len(h) == 0 {
		return ""
	}
	var b strings.Builder
	for _, f := range h[0].Functions {
		if f.Before != "" && f.Before != f.After {
			fmt.Fprintf(&b, "\nbefore the first release %s ran %s", f.Lambda, f.Before)
		}
	}
	return b.String()
}
