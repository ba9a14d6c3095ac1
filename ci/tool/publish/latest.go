package publish

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report/regionerr"
	"lambdas.internal/ci/tool/workspace/catalog"
)

const (
	// moving limits the time for moving the latest tags. An interrupt does not stop it
	// halfway.
	moving = 2 * time.Minute
	// rounds limits how often the tags are moved again because another publish moves
	// them at the same time; pause is the longest wait after the first of them.
	rounds = 12
	pause  = 200 * time.Millisecond
)

// move is a latest tag that is moved to the image of a step.
type move struct {
	step   Step
	before v1.Hash
	had    bool // there was a tag before
}

func (m move) name() string { return m.step.Repository + ":" + m.step.LatestTag }

// moveLatest moves every latest tag to the image of the plan, unless they are to stay.
func (p *Publisher) moveLatest(ctx context.Context, plan *Plan, images map[string]Image, outcome *Outcome) error {
	if plan.Latest != nil && !plan.Latest.Moves {
		return nil
	}
	moves, err := p.latest(ctx, plan.Steps)
	if err != nil {
		return unmoved(err)
	}
	if plan.orders != nil && slices.ContainsFunc(moves, func(m move) bool { return m.before != m.step.latest }) {
		l, err := p.decide(ctx, plan, moves) // another publish has moved them meanwhile
		if err != nil {
			return unmoved(err)
		}
		if plan.Stay(l); !l.Moves {
			return nil
		}
	}
	moves = slices.DeleteFunc(moves, func(m move) bool { return m.before.String() == m.step.Digest })
	if len(moves) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return unmoved(context.Cause(ctx))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), moving)
	defer cancel()
	if err := p.put(ctx, moves, images); err != nil {
		return p.rollBack(moves, err)
	}
	for _, m := range moves {
		outcome.Moved = append(outcome.Moved, m.name())
	}
	outcome.SupersededBy, err = p.settle(ctx, plan, images)
	if err == nil && outcome.SupersededBy == "" && plan.orders != nil {
		outcome.SupersededBy, err = p.yield(ctx, plan)
	}
	if err != nil {
		return Stopped(err, "these latest tags were moved and not rolled back:\n"+strings.Join(outcome.Moved, "\n"))
	}
	return nil
}

// yield moves the latest tags on to the images of a younger commit, if one was published meanwhile.
func (p *Publisher) yield(ctx context.Context, plan *Plan) (string, error) {
	commit, images, err := p.younger(ctx, plan)
	if err != nil || commit == "" {
		return "", err
	}
	moves, err := p.latest(ctx, plan.Steps)
	if err != nil {
		return "", err
	}
	return commit, p.put(ctx, moves, images)
}

// latest returns a move for every step, with the digest that its latest tag names now.
func (p *Publisher) latest(ctx context.Context, steps []Step) ([]move, error) {
	moves := make([]move, len(steps))
	err := p.told(ctx, "read", len(steps), "latest tags", func(ctx context.Context, n int) (err error) {
		moves[n].step = steps[n]
		moves[n].before, moves[n].had, err = p.registry.Digest(ctx, steps[n].Repository, steps[n].LatestTag)
		return regionerr.Mark(reference.RegionOf(steps[n].Repository), err)
	})
	return moves, err
}

// put moves the tags, as many as possible at once: between the first and the last, a
// reader sees images of two commits.
func (p *Publisher) put(ctx context.Context, moves []move, images map[string]Image) error {
	// A failed request does not cancel the others: the registry might still carry out a
	// cancelled request, after the tag was rolled back.
	return p.told(ctx, "moved", len(moves), "latest tags", func(_ context.Context, n int) error {
		s := moves[n].step
		image := images[s.Image]
		return failed(s.Item, "publish", p.registry.PutManifest(ctx, s.Repository, s.LatestTag, image.Manifest, image.MediaType))
	})
}

// rollBack rolls the tags back after a failure. It leaves a tag that does not name the new
// image: another publish moved it, or it was never moved.
func (p *Publisher) rollBack(moves []move, failure error) error {
	ctx, cancel := context.WithTimeout(context.Background(), moving)
	defer cancel()
	stuck := make([]string, len(moves))
	_ = p.each(ctx, len(moves), func(ctx context.Context, n int) error {
		if err := p.rollBackTag(ctx, moves[n]); err != nil {
			stuck[n] = fmt.Sprintf("%s (%v)", moves[n].name(), err)
		}
		return nil // go on with the others
	})
	stuck = slices.DeleteFunc(stuck, func(s string) bool { return s == "" })
	if len(stuck) == 0 {
		return Stopped(failure, "every latest tag was rolled back")
	}
	return Stopped(failure, "these latest tags may name the new image and could not be rolled back:\n"+strings.Join(stuck, "\n"))
}

func (p *Publisher) rollBackTag(ctx context.Context, m move) error {
	s := m.step
	now, ok, err := p.registry.Digest(ctx, s.Repository, s.LatestTag)
	if err != nil || !ok || now.String() != s.Digest {
		return err
	}
	if !m.had {
		return p.registry.Untag(ctx, s.Repository, s.LatestTag)
	}
	manifest, _, err := p.registry.Manifest(ctx, s.Repository, m.before.String())
	if err != nil {
		return err
	}
	parsed, err := v1.ParseManifest(strings.NewReader(string(manifest)))
	if err != nil {
		return err
	}
	return p.registry.PutManifest(ctx, s.Repository, s.LatestTag, manifest, parsed.MediaType)
}

// settle makes sure that the latest tags name the images of one commit, even if another
// publish moves them at the same time. A registry has no lock, so each publish moves the
// tags and then reads them back. If they name images of several commits, it waits for a
// random time, reads again, and moves all again. The last one to read has seen everything
// that the others wrote. settle returns the commit of the other publish if the tags name
// the images of that one.
func (p *Publisher) settle(ctx context.Context, plan *Plan, images map[string]Image) (string, error) {
	for round := range rounds {
		now, err := p.latest(ctx, plan.Steps)
		if err != nil {
			return "", fmt.Errorf("the latest tags were moved, but cannot be read back: %w", err)
		}
		mine := !slices.ContainsFunc(now, func(m move) bool { return m.before.String() != m.step.Digest })
		if mine {
			return "", nil
		}
		commit, err := p.commitOf(ctx, plan, now)
		if err != nil {
			return "", err
		}
		if commit != "" {
			if plan.orders == nil {
				return commit, nil
			}
			if l, err := p.decide(ctx, plan, now); err != nil || !l.Moves {
				return commit, err
			}
		}
		select {
		case <-time.After(time.Duration(rand.Int64N(int64(pause) * int64(round+1)))):
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
		again, err := p.latest(ctx, plan.Steps)
		if err != nil {
			return "", err
		}
		if !slices.EqualFunc(now, again, func(a, b move) bool { return a.before == b.before }) {
			continue // the other publish is still moving tags
		}
		if err := p.put(ctx, again, images); err != nil {
			return "", err
		}
	}
	return "", later("the latest tags name images of several commits, because another publish moves them at the same time; wait until that one has ended")
}

// commitOf returns the other commit whose images all latest tags name; "" if there is none.
func (p *Publisher) commitOf(ctx context.Context, plan *Plan, latest []move) (string, error) {
	tags := map[string][]string{}
	for _, m := range latest {
		if _, ok := tags[m.step.Repository]; ok {
			continue
		}
		all, err := p.registry.Tags(ctx, m.step.Repository)
		if err != nil {
			return "", err
		}
		tags[m.step.Repository] = all
	}
	// Only a commit with a tag for every image can have moved all latest tags.
	var commits map[string]bool
	for _, m := range latest {
		its := map[string]bool{}
		for _, tag := range tags[m.step.Repository] {
			if commit, ok := plan.commitIn(tag, m.step.Item); ok && commit != plan.Commit && (commits == nil || commits[commit]) {
				its[commit] = true
			}
		}
		commits = its
	}
	for _, commit := range slices.Sorted(maps.Keys(commits)) {
		all := true
		for _, m := range latest {
			digest, ok, err := p.registry.Digest(ctx, m.step.Repository, plan.beginning(m.step.Item)+commit)
			if err != nil {
				return "", err
			}
			if all = ok && digest == m.before; !all {
				break
			}
		}
		if all {
			return commit, nil
		}
	}
	return "", nil
}

// beginning is that of the commit tags of an item, without the commit.
func (p *Plan) beginning(i reference.Item) string { return strings.TrimSuffix(i.CommitTag, p.Commit) }

// commitIn returns the commit in a tag of the item; ok is false if it is another tag.
func (p *Plan) commitIn(tag string, i reference.Item) (commit string, ok bool) {
	commit, ok = strings.CutPrefix(tag, p.beginning(i))
	return commit, ok && catalog.IsCommit(commit)
}
