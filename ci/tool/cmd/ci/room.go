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
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/publish/retention"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/report/regionerr"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// makeRoom removes tags of old commits from images that soon have as many as AWS accepts. An
// image that does not change gets one more from each publish. tell is called with what was
// removed.
func (t *target) makeRoom(ctx context.Context, functions []catalog.Function, plan *publish.Plan, tell func(string)) error {
	if t.ecr == nil {
		return nil
	}
	there := map[string][]string{} // the digests that get one more tag, by repository
	tiers := map[string]catalog.Registry{}
	for _, s := range plan.Steps {
		if tiers[s.Repository] = s.Tier; s.Action == publish.Retag || s.Action == publish.Skip {
			there[s.Repository] = append(there[s.Repository], s.Digest)
		}
	}
	for repository, digests := range there {
		counts, err := t.ecr.TagCounts(ctx, repository, digests)
		if ecrapi.Denied(err) { // with a policy of before; there is room for long
			tell(fmt.Sprintf("warning: %v; without that, nothing makes room for tags", err))
			continue
		}
		if err != nil {
			return regionerr.Mark(reference.RegionOf(repository), err)
		}
		if !slices.ContainsFunc(digests, func(d string) bool { return counts[d] >= retention.Crowded }) {
			continue
		}
		removed, err := t.makeRoomIn(ctx, functions, repository, tiers[repository], plan.Commit)
		if err != nil {
			return regionerr.Mark(reference.RegionOf(repository), fmt.Errorf("make room for tags in %s: %w", repository, err))
		}
		for _, s := range removed {
			tell(fmt.Sprintf("removed %s of old commits from %s in %s: AWS accepts no more than %d on an image",
				report.Count(len(s.Tags), "tag"), report.Digest(s.Digest), repository, retention.MaxTags))
		}
	}
	return nil
}

func (t *target) makeRoomIn(ctx context.Context, functions []catalog.Function, repository string, tier catalog.Registry, commit string) ([]retention.Surplus, error) {
	// A private repository serves the functions of its region; a public one has the images of all.
	needed := []string{commit}
	for _, hosts := range t.hosts.Regions() {
		if tier == catalog.Private && !strings.HasPrefix(repository, hosts.Private+"/") {
			continue
		}
		releases, err := history.NewStore(t.registry, reference.PrivateRepositories(functions, hosts), reference.Side{}).All(ctx)
		if err != nil {
			return nil, err
		}
		needed = append(needed, recordsOf(releases, reference.Side{}).Commits...)
	}
	var names retention.Names
	name := reference.RepositoryName(tier, repository)
	for _, w := range ecrapi.Want(functions, t.hosts) {
		if w.Tier == tier && w.Name == name {
			names = namesIn(w)
		}
	}
	if tier == catalog.Private {
		api := t.ecr.API(repository)
		surplus, err := retention.PlanRoom(ctx, api, name, names, needed)
		if err != nil {
			return nil, err
		}
		return surplus, retention.ApplySurplus(ctx, api, name, surplus)
	}
	surplus, err := retention.PlanPublicRoom(ctx, t.ecr.Public, name, names, needed, attached{t.client, repository})
	if err != nil {
		return nil, err
	}
	return surplus, retention.ApplyPublicSurplus(ctx, t.ecr.Public, name, surplus)
}
