//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// look is how long to wait before archived images are looked at again. AWS takes minutes.
const look = 15 * time.Second

// errLate ends the wait for archived images.
var errLate = errors.New("AWS has not restored them in an hour; run the same command again later")

// archived returns the digests of archived images, by repository. It is empty where the
// registry is not at AWS. denied says of which repositories the caller may not list images.
func (f *fleet) archived(ctx context.Context, targets []deploy.Target) (all map[string][]string, denied error, err error) {
	all = map[string][]string{}
	if f.ecr == nil {
		return all, nil, nil
	}
	wanted := map[string][]string{}
	for _, t := range targets {
		name := reference.RepositoryName(catalog.Private, t.Repository)
		wanted[name] = append(wanted[name], t.Digest)
	}
	for name, digests := range wanted {
		images, err := ecrapi.Images(ctx, f.ecr, name)
		if ecrapi.Denied(err) {
			denied = err
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for _, i := range images {
			if i.Archived() && slices.Contains(digests, i.Digest) {
				all[name] = append(all[name], i.Digest)
			}
		}
	}
	return all, denied, nil
}

// restore brings back the archived images of the targets, and waits until they can be pulled. In a
// dry run it says what it would do.
func (f *fleet) restore(cmd *cobra.Command, targets []deploy.Target, dryRun bool) (err error) {
	all, _, err := f.archived(cmd.Context(), targets) // a missing image says so later
	if err != nil || len(all) == 0 {
		return err
	}
	count := 0
	for _, digests := range all {
		count += len(digests)
	}
	are := "are"
	if count == 1 {
		are = "is"
	}
	text := fmt.Sprintf("%s of %s %s archived, so Lambda cannot pull %s", report.Count(count, "image"), strings.Join(slices.Sorted(maps.Keys(all)), " and "), are, them(count))
	if dryRun {
		f.warn(cmd, "%s; the rollback restores %s first, which takes up to %s", text, them(count), ecrapi.RestoreTakes)
		return nil
	}
	f.warn(cmd, "%s; restoring %s takes up to %s; Ctrl-C stops the wait, and the same command continues it", text, them(count), ecrapi.RestoreTakes)
	done := report.NewProgress(cmd.ErrOrStderr()).Step(f.label("restore archived images"))
	defer func() { done(err) }()
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), 3*ecrapi.RestoreTakes, errLate)
	defer cancel()
	for name, digests := range all {
		if err := ecrapi.Restore(ctx, f.ecr, name, digests, func(ctx context.Context) error { return clock.Sleep(ctx, look) }); err != nil {
			return fmt.Errorf("%w; no function was changed", err)
		}
	}
	return nil
}

func them(count int) string {
	if count == 1 {
		return "it"
	}
	return "them"
}
