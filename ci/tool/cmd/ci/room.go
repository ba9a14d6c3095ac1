//go:build !steps

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/publish/retention"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// makeRoom removes tags of old commits from images that soon have as many as AWS accepts. An
// image that does not change gets one more from each publish.
func (t *target) makeRoom(ctx context.Context, functions []catalog.Function, plan *publish.Plan) error {
	if t.ecr == nil {
		return nil
	}
	there := map[string][]string{} // the digests that get one more tag, by repository
	tiers := map[string]catalog.Registry{}
	for _, s := range plan.Steps {
		if tiers[s.Repository] = s.Tier; s.Action != publish.Upload {
			there[s.Repository] = append(there[s.Repository], s.Digest)
		}
	}
	for repository, digests := range there {
		counts, err := t.ecr.TagCounts(ctx, repository, digests)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(digests, func(d string) bool { return counts[d] >= retention.Crowded }) {
			continue
		}
		if err := t.makeRoomIn(ctx, functions, repository, tiers[repository], plan.Commit); err != nil {
			return fmt.Errorf("make room for tags in %s: %w", repository, err)
		}
	}
	return nil
}

func (t *target) makeRoomIn(ctx context.Context, functions []catalog.Function, repository string, tier catalog.Registry, commit string) error {
	releases, err := history.NewStore(t.registry, publish.PrivateRepositories(functions, t.hosts)).Releases(ctx)
	if err != nil {
		return err
	}
	needed := append(recordsOf(releases).Commits, commit)
	var names []string
	for _, w := range ecrapi.Want(functions) {
		if w.Tier == tier && strings.HasSuffix(repository, "/"+w.Name) {
			names = w.Images
		}
	}
	if tier == catalog.Private {
		name := strings.TrimPrefix(repository, t.hosts.Private+"/")
		surplus, err := retention.PlanRoom(ctx, t.ecr.Private, name, names, needed)
		if err != nil {
			return err
		}
		return retention.ApplySurplus(ctx, t.ecr.Private, name, surplus)
	}
	name := strings.TrimPrefix(repository, t.hosts.Public+"/")
	surplus, err := retention.PlanPublicRoom(ctx, t.ecr.Public, name, names, needed, attached(t.client, repository))
	if err != nil {
		return err
	}
	return retention.ApplyPublicSurplus(ctx, t.ecr.Public, name, surplus)
}
