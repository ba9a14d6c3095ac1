package publish

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/publish/reference"
)

// Wait waits until an image has come from item.From to item.Repository, for as long as ctx. late
// says why it has not. pushed tells whether this publish has sent it to item.From: of what was
// there before, the registry may have copied nothing.
type Wait func(ctx context.Context, item reference.Item, digest v1.Hash, pushed bool) (late string)

// replication is what a publisher knows of registries that copy images to other regions.
type replication struct {
	wait     Wait
	patience time.Duration
	tell     func(string)
}

// Replicated makes the publisher wait for images that come to a repository by themselves, see
// [Item.From]. After the time of patience it sends them itself, as it does with what is missing
// for another reason, and says so.
func (p *Publisher) Replicated(wait Wait, patience time.Duration, tell func(string)) *Publisher {
	p.replication = replication{wait, patience, tell}
	return p
}

// replicated waits for the images of the plan that come by themselves, and sends what is missing
// then: images, their commit tags, and documents.
func (p *Publisher) replicated(ctx context.Context, plan *Plan, images map[string]Image) error {
	var at []int
	pushed := map[string]bool{}
	for n, s := range plan.Steps {
		if s.Action == Replicate {
			at = append(at, n)
		}
		pushed[s.Repository+"@"+s.Digest] = s.Action == Upload
	}
	if len(at) == 0 {
		return nil
	}
	late := make([]string, len(at))
	until := time.Now().Add(p.patience)
	err := p.told(ctx, "replicated", len(at), "images", func(ctx context.Context, n int) error {
		ctx, cancel := context.WithDeadline(ctx, until)
		defer cancel()
		s := plan.Steps[at[n]]
		late[n] = p.wait(ctx, s.Item, images[s.Image].Digest, pushed[s.From+"@"+s.Digest])
		return nil
	})
	if err == nil && ctx.Err() != nil { // the waits ended because of that
		err = context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	items := make([]reference.Item, len(at))
	for n := range at {
		items[n] = plan.Steps[at[n]].Item
		items[n].From = ""
	}
	state, err := p.Inspect(ctx, items, images)
	if err != nil {
		return err
	}
	rest, err := NewPlan(items, images, state, plan.force)
	if err != nil {
		return err
	}
	if plan.Latest != nil {
		rest.Stay(*plan.Latest)
	}
	missing := map[string][]string{} // images, by why they are
	for n := range rest.Steps {
		s := &rest.Steps[n]
		s.From = plan.Steps[at[n]].From
		switch {
		case s.Action != Upload:
			s.Why = "replicated by ECR"
		case late[n] == "":
			s.Why = "not in the repository, although ECR says that it is replicated"
		default:
			s.Why = late[n]
		}
		if s.Action == Upload {
			missing[s.Repository+": "+s.Why] = append(missing[s.Repository+": "+s.Why], s.Image)
		}
		plan.Steps[at[n]] = *s
		plan.count(*s)
	}
	for _, why := range slices.Sorted(maps.Keys(missing)) {
		p.tell(fmt.Sprintf("ECR has not copied %s to %s; publish sends what is missing", strings.Join(missing[why], ", "), why))
	}
	return p.push(ctx, rest.Steps, images)
}
