//go:build !steps

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report/regionerr"
)

// replicationTakes is how long publish waits for ECR's replication, if no flag says it. Most images
// take less; in rare cases it takes 30 minutes.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
const replicationTakes = 5 * time.Minute

// replicationLook is how long publish waits between two looks, and replicationUnseen how many of
// them an image that was pushed a moment ago may have no status.
const (
	replicationLook   = 3 * time.Second
	replicationUnseen = 5
)

// readReplication finds out what ECR copies from the first region to the others. If that stays
// unknown, publish sends the images itself.
func (t *target) readReplication(ctx context.Context, tell func(string)) {
	if t.ecr == nil || len(t.hosts.Copies) == 0 {
		return
	}
	var err error
	if t.replication, err = t.ecr.Replication(ctx); err != nil {
		tell(fmt.Sprintf("warning: it is unknown whether ECR replicates to the other regions, so publish sends the images to each: %v", err))
	}
}

// replicated names, in each item of another region, the repository from which ECR copies it.
func (t *target) replicated(items []reference.Item) []reference.Item {
	items = slices.Clone(items)
	for n, i := range items {
		for _, private := range t.hosts.Copies {
			if below, ok := strings.CutPrefix(i.Repository, private+"/"); ok && t.replication.Carries(t.hosts.Private+"/"+below, i.Repository) {
				items[n].From = t.hosts.Private + "/" + below
			}
		}
	}
	return items
}

// arrives waits until ECR has copied an image. It is a [publish.Wait].
func (t *target) arrives(ctx context.Context, i reference.Item, digest v1.Hash, pushed bool) (late string) {
	unseen := 0
	if pushed {
		unseen = replicationUnseen
	}
	return t.ecr.Replicated(ctx, i.From, i.Repository, digest.String(), unseen, func(ctx context.Context) error {
		return clock.Sleep(ctx, replicationLook)
	})
}

// passOthers says after a failure in some of several regions how to publish to the others.
func passOthers(err error, regions []string) error {
	failed := regionerr.Of(err)
	others := slices.DeleteFunc(slices.Clone(regions), func(r string) bool { return slices.Contains(failed, r) })
	if err == nil || len(regions) < 2 || len(failed) == 0 || len(others) == 0 {
		return err
	}
	return fmt.Errorf("%w\nonly %s failed; to publish to the other regions without it, pass --region %s", err, strings.Join(failed, " and "), strings.Join(others, ","))
}
