//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/release"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/workspace/commit"
)

// latestFlags say whether the latest tags move.
type latestFlags struct{ none, move bool }

func (f *latestFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.none, "no-latest", false, "leave the latest tags as they are, as for a branch")
	cmd.Flags().BoolVar(&f.move, "move-latest", false, "move the latest tags to this commit, also if it does not come after the one that they name")
}

func (f *latestFlags) check() error {
	if f.none && f.move {
		return usageError{errors.New("--no-latest cannot be combined with --move-latest")}
	}
	return nil
}

// forward decides whether the publish of the plan moves the latest tags.
func (f *latestFlags) forward(ctx context.Context, root string, publisher *publish.Publisher, plan *publish.Plan) error {
	switch {
	case f.move:
		return nil
	case f.none:
		plan.Stay(publish.Latest{Why: "--no-latest was passed"})
		return nil
	}
	return publisher.Forward(ctx, plan, orders(root, plan.Commit, func(other publish.Published) (own, others time.Time, err error) {
		own, err = commit.Committed(ctx, root, plan.Commit)
		if errors.Is(err, commit.ErrNoRepository) {
			err = nil
		}
		return own, other.Committed, err
	}))
}

// orders compares a commit with others: by git, and where its history is not there, by the
// committer's times.
func orders(root, name string, times func(other publish.Published) (own, others time.Time, err error)) publish.Orders {
	return func(ctx context.Context, other publish.Published) (publish.Order, string, error) {
		order, why, err := commit.Compare(ctx, root, name, other.Commit)
		if err != nil {
			return "", "", err
		}
		switch order {
		case commit.Same, commit.After:
			return publish.Comes, "", nil
		case commit.Before:
			return publish.Before, "", nil
		case commit.Apart:
			return publish.Apart, "", nil
		}
		own, others, err := times(other)
		if err != nil {
			return "", "", err
		}
		by := publish.ByTime(own, others)
		switch {
		case order == commit.Elsewhere && by != publish.Before: // it is not in the history, whatever the time
			return publish.Apart, "", nil
		case by != publish.Unknown:
			return by, "", nil
		case own.IsZero() || others.IsZero():
			return by, why + ", and the committer's time is not recorded", nil
		default:
			return by, why + ", and both have the same committer's time", nil
		}
	}
}

// onlyForward fails if a function runs a commit that comes after the one to deploy, which would be
// a rollback. Of what cannot be known it warns.
func onlyForward(cmd *cobra.Command, root string, fl *fleet, r *release.Release, plan *deploy.Plan) error {
	seen := map[string]bool{}
	for _, f := range plan.Results() {
		if f.State != deploy.Planned || f.Before == f.Digest {
			continue
		}
		live, _, ok := r.Releases.CommitOf(f.Image, f.Before)
		if seen[live] || len(r.Releases) == 0 {
			continue
		}
		seen[live] = true
		if !ok {
			fl.warn(cmd, "no release record says which commit %s (%s) runs, so it is unknown whether commit %s comes after it", f.Lambda, f.Image, r.Commit)
			continue
		}
		order, why, err := orders(root, r.Commit, func(publish.Published) (own, others time.Time, err error) {
			if own, err = fl.committed(cmd.Context(), f.Repository, f.Digest, r.Commit); err == nil {
				others, err = fl.committed(cmd.Context(), f.Repository, f.Before, live)
			}
			return own, others, err
		})(cmd.Context(), publish.Published{Commit: live})
		switch {
		case err != nil:
			return err
		case order == publish.Before:
			text := fmt.Sprintf("deploy commit %s: %s (%s) runs commit %s, which comes after it, so this is a rollback; ", r.Commit, f.Lambda, f.Image, live)
			if _, released := r.Releases.Find(r.Commit); released {
				text += fmt.Sprintf("run: bin/ci rollback --to %s%s; or ", r.Commit, fl.all)
			}
			return errors.New(text + "pass --allow-older")
		case order == publish.Apart:
			fl.warn(cmd, "commit %s does not come after commit %s, which %s (%s) runs: they are on different branches, or a branch was rewritten", r.Commit, live, f.Lambda, f.Image)
		case order == publish.Unknown:
			fl.warn(cmd, "it is unknown whether commit %s comes after commit %s, which %s (%s) runs: %s", r.Commit, live, f.Lambda, f.Image, why)
		}
	}
	return nil
}

// committed returns the committer's time that the documents of an image say of a commit; zero if
// they say none.
func (f *fleet) committed(ctx context.Context, repository, digest, name string) (time.Time, error) {
	hash, err := v1.NewHash(digest)
	if err != nil {
		return time.Time{}, err
	}
	all, err := referrer.List(ctx, f.registry, repository, hash)
	document, _ := referrer.OfCommit(all, name)
	return document.Committed, err
}
