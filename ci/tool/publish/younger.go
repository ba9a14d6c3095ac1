package publish

import (
	"context"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// done returns the commits of which nothing will come any more: those that do not come after the
// plan's, and those that are published. Such a one, if latest does not name it, is not to be latest.
func (p *Publisher) done(ctx context.Context, plan *Plan) (map[string]bool, error) {
	all, err := p.documented(ctx, plan)
	if err != nil {
		return nil, err
	}
	done := map[string]bool{}
	for _, c := range all {
		later, images, err := p.later(ctx, plan, c)
		if err != nil {
			return nil, err
		}
		done[c.Commit] = !later || images != nil
	}
	return done, nil
}

// younger returns a commit that came after the plan's and was published meanwhile, with its images;
// "" if there is none. Its publish may have moved the latest tags between the moment when this one
// looked at them and the moment when it moved them, and has ended then.
func (p *Publisher) younger(ctx context.Context, plan *Plan) (string, map[string]Image, error) {
	all, err := p.documented(ctx, plan)
	if err != nil {
		return "", nil, err
	}
	for _, c := range all {
		if _, images, err := p.later(ctx, plan, c); err != nil || images != nil {
			return c.Commit, images, err
		}
	}
	return "", nil, nil
}

// later tells whether a commit comes after the plan's, and then returns its images, if it is complete.
func (p *Publisher) later(ctx context.Context, plan *Plan, c Published) (later bool, images map[string]Image, err error) {
	order, _, err := plan.orders(ctx, c)
	if err != nil || order != Before {
		return false, nil, err
	}
	images, err = p.complete(ctx, plan, c.Commit)
	return true, images, err
}

// documented returns the other commits under which the first image of the plan has a document, but
// for those that are done. Many commits have one image, so few images are asked for their documents.
func (p *Publisher) documented(ctx context.Context, plan *Plan) ([]Published, error) {
	first := plan.Steps[slices.IndexFunc(plan.Steps, func(s Step) bool { return s.Tier == catalog.Private })]
	tags, err := p.registry.Tags(ctx, first.Repository)
	if err != nil {
		return nil, err
	}
	var commits []string
	for _, tag := range tags {
		if commit, ok := plan.commitIn(tag, first.Item); ok && commit != plan.Commit && !plan.done[commit] {
			commits = append(commits, commit)
		}
	}
	slices.Sort(commits)
	images := make([]v1.Hash, len(commits))
	err = p.each(ctx, len(commits), func(ctx context.Context, n int) (err error) {
		images[n], _, err = p.registry.Digest(ctx, first.Repository, plan.beginning(first.Item)+commits[n])
		return err
	})
	if err != nil {
		return nil, err
	}
	attached := map[v1.Hash][]referrer.Attached{{}: nil} // a tag that is gone has none
	var found []Published
	for n, commit := range commits {
		if _, ok := attached[images[n]]; !ok {
			if attached[images[n]], err = referrer.List(ctx, p.registry, first.Repository, images[n]); err != nil {
				return nil, err
			}
		}
		if document, ok := referrer.OfCommit(attached[images[n]], commit); ok {
			found = append(found, Published{commit, document.Committed})
		}
	}
	return found, nil
}

// complete returns the images of another commit, if it has all of them with their documents, and was
// published with latest. A publish attaches documents last, before latest.
func (p *Publisher) complete(ctx context.Context, plan *Plan, commit string) (map[string]Image, error) {
	images := map[string]Image{}
	for _, s := range plan.Steps {
		tag := plan.beginning(s.Item) + commit
		manifest, digest, err := p.registry.Manifest(ctx, s.Repository, tag)
		if err != nil {
			if _, there, lookup := p.registry.Digest(ctx, s.Repository, tag); lookup == nil && !there {
				return nil, nil
			}
			return nil, err
		}
		parsed, err := v1.ParseManifest(strings.NewReader(string(manifest)))
		if err != nil {
			return nil, err
		}
		images[s.Image] = Image{Name: s.Image, Digest: digest, MediaType: parsed.MediaType, Manifest: manifest}
		if s.Tier != catalog.Private {
			continue
		}
		attached, err := referrer.List(ctx, p.registry, s.Repository, digest)
		if err != nil {
			return nil, err
		}
		document, ok := referrer.OfCommit(attached, commit)
		if !ok || document.Annotations[annotationLatest] != "" {
			return nil, nil
		}
	}
	return images, nil
}
