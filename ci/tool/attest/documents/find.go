package documents

import (
	"context"
	"fmt"
	"slices"

	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/registry/referrer"
)

// Find reads the document of a kind that is attached to the item's image. If there
// are several, it is the one about the commit, else the last.
func Find(ctx context.Context, r referrer.Registry, item publish.Item, commit, kind string) ([]byte, error) {
	digest, ok, err := r.Digest(ctx, item.Repository, item.CommitTag)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s is not in %s; publish it: bin/ci publish --commit %s", item.CommitTag, item.Repository, commit)
	}
	all, err := referrer.List(ctx, r, item.Repository, digest, kind)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no %s is attached to %s in %s; publish it again: bin/ci publish --commit %s", kind, item.CommitTag, item.Repository, commit)
	}
	chosen := all[len(all)-1]
	if at := slices.IndexFunc(all, func(a referrer.Attached) bool { return a.Commit == commit }); at >= 0 {
		chosen = all[at]
	}
	return referrer.Read(ctx, r, item.Repository, chosen)
}
