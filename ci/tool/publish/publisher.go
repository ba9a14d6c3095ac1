// Package publish pushes images to registries. It decides which repository and tags each
// image goes to, compares that with what is in the registries, and sends only what is
// missing. The latest tags are moved last: all of them, or none.
package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/report/regionerr"
)

// Registry is the client of the registries. Repositories are named as registry/path; an
// identifier is a tag or a digest. The client retries by itself.
type Registry interface {
	HasBlob(ctx context.Context, repository string, digest v1.Hash) (bool, error)
	PutBlob(ctx context.Context, repository string, d v1.Descriptor, file string, sent func(int64)) error
	Untag(ctx context.Context, repository, tag string) error
	Tags(ctx context.Context, repository string) ([]string, error)
	referrer.Registry
	PutBytes(ctx context.Context, repository string, content []byte, media types.MediaType) (v1.Descriptor, error)
}

// DefaultParallel is how many requests run at once. A single upload fills most
// connections, but most requests are short and only wait for the registry.
const DefaultParallel = 8

// Publisher carries out plans.
type Publisher struct {
	registry Registry
	parallel int
	replication
	sent     atomic.Int64
	attached atomic.Int64
}

// NewPublisher returns a publisher that runs at most so many requests at once; 0 means
// [DefaultParallel].
func NewPublisher(r Registry, parallel int) *Publisher {
	if parallel < 1 {
		parallel = DefaultParallel
	}
	return &Publisher{registry: r, parallel: parallel}
}

// Inspect reads which tags, manifests and blobs of the items are in the registries.
func (p *Publisher) Inspect(ctx context.Context, items []reference.Item, images map[string]Image) (State, error) {
	state := State{}
	for _, item := range items {
		if _, ok := state[item.Repository]; !ok {
			state[item.Repository] = Repository{Tags: map[string]v1.Hash{}, Manifests: map[v1.Hash]bool{}, Blobs: map[v1.Hash]bool{}, Attached: map[v1.Hash][]referrer.Attached{}}
		}
	}
	var mu sync.Mutex
	err := p.told(ctx, "read", len(items), "images", func(ctx context.Context, n int) error {
		item, image := items[n], images[items[n].Image]
		for _, tag := range []string{item.CommitTag, item.LatestTag} {
			digest, ok, err := p.registry.Digest(ctx, item.Repository, tag)
			if err != nil {
				return failed(item, "publish", err)
			}
			if ok {
				mu.Lock()
				state[item.Repository].Tags[tag] = digest
				mu.Unlock()
			}
		}
		_, ok, err := p.registry.Digest(ctx, item.Repository, image.Digest.String())
		if err != nil {
			return failed(item, "publish", err)
		}
		attached, err := p.attachedTo(ctx, item, image)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		state[item.Repository].Manifests[image.Digest] = ok
		state[item.Repository].Attached[image.Digest] = attached
		return nil
	})
	if err != nil {
		return nil, err
	}

	// A registry accepts a manifest only after its blobs, so these are there too.
	type place struct {
		repository string
		digest     v1.Hash
	}
	var missing []place
	asked := map[place]bool{}
	ask := func(repository string, digest v1.Hash) {
		if at := (place{repository, digest}); !asked[at] {
			asked[at] = true
			missing = append(missing, at)
		}
	}
	for _, item := range items {
		image, there := images[item.Image], state[item.Repository]
		if item.From != "" && !there.Manifests[image.Digest] {
			continue // nothing is sent, unless it does not come by itself
		}
		if !there.Manifests[image.Digest] {
			for _, b := range image.Blobs {
				ask(item.Repository, b.Digest)
			}
		}
		artifacts, err := unattached(image, item.Tier, there)
		if err != nil {
			return nil, err
		}
		for _, a := range artifacts {
			for _, b := range a.Blobs() {
				ask(item.Repository, b.Digest)
			}
		}
	}
	err = p.told(ctx, "looked for", len(missing), "layers", func(ctx context.Context, n int) error {
		has, err := p.registry.HasBlob(ctx, missing[n].repository, missing[n].digest)
		mu.Lock()
		defer mu.Unlock()
		state[missing[n].repository].Blobs[missing[n].digest] = has
		return regionerr.Mark(reference.RegionOf(missing[n].repository), err)
	})
	return state, err
}

// Outcome says what carrying out a plan did.
type Outcome struct {
	// Sent is how many bytes of blobs were sent, without attached documents.
	Sent int64 `json:"sent"`
	// Attached is how many bytes of attached documents were sent.
	Attached int64 `json:"attached"`
	// Moved names the latest tags that were moved, as repository:tag.
	Moved []string `json:"moved"`
	// SupersededBy is another commit that was published at the same time and whose images
	// the latest tags name now.
	SupersededBy string `json:"supersededBy,omitempty"`
}

// Run carries out the plan: it pushes every image with its commit tag, reads each tag
// back, attaches the documents, and moves the latest tags last. If it fails, every latest
// tag is as before, or the error names those that could not be rolled back. Running again
// continues where it stopped.
func (p *Publisher) Run(ctx context.Context, plan *Plan, images map[string]Image) (*Outcome, error) {
	direct := slices.DeleteFunc(slices.Clone(plan.Steps), func(s Step) bool { return s.Action == Replicate })
	if err := p.push(ctx, direct, images); err != nil {
		return nil, unmoved(err)
	}
	if err := p.replicated(ctx, plan, images); err != nil {
		return nil, unmoved(err)
	}
	outcome := &Outcome{Sent: p.sent.Load(), Attached: p.attached.Load(), Moved: []string{}}
	err := p.moveLatest(ctx, plan, images, outcome)
	return outcome, err
}

// push makes the repositories of the steps hold the images under their commit tags, with their
// documents.
func (p *Publisher) push(ctx context.Context, steps []Step, images map[string]Image) error {
	for _, do := range []func(context.Context, []Step, map[string]Image) error{p.upload, p.tag, p.verify, p.attach} {
		if err := do(ctx, steps, images); err != nil {
			return err
		}
	}
	return nil
}

func unmoved(err error) error {
	return Stopped(err, "no latest tag was moved")
}

// upload sends every blob of the steps, each once per repository. What goes to several
// repositories goes there at the same time, so that the disk reads it once.
func (p *Publisher) upload(ctx context.Context, steps []Step, images map[string]Image) error {
	type job struct {
		step Step
		blob Blob
	}
	var jobs []job
	first, bytes := map[string]int{}, int64(0)
	for _, s := range steps {
		bytes += s.Bytes
		for _, b := range s.Blobs {
			if _, ok := first[b.Digest]; !ok {
				first[b.Digest] = len(first)
			}
			jobs = append(jobs, job{s, b})
		}
	}
	slices.SortStableFunc(jobs, func(a, b job) int { return first[a.blob.Digest] - first[b.blob.Digest] })
	report.Counting(ctx, "sent", bytes, report.Bytes)
	return p.each(ctx, len(jobs), func(ctx context.Context, n int) error {
		j := jobs[n]
		err := p.registry.PutBlob(ctx, j.step.Repository, j.blob.descriptor, images[j.step.Image].file(j.blob.descriptor.Digest), func(n int64) {
			p.sent.Add(n)
			report.Add(ctx, n)
		})
		return failed(j.step.Item, "publish", err)
	})
}

// tag sets the commit tag of every image.
func (p *Publisher) tag(ctx context.Context, steps []Step, images map[string]Image) error {
	return p.told(ctx, "tagged", len(steps), "images", func(ctx context.Context, n int) error {
		s := steps[n]
		if s.Action == Skip {
			return nil
		}
		image := images[s.Image]
		put := func() error {
			return p.registry.PutManifest(ctx, s.Repository, s.CommitTag, image.Manifest, image.MediaType)
		}
		err := put()
		if err == nil {
			return nil
		}
		// The registry refuses to set an immutable tag again. Another run may have set
		// it just now, perhaps to the same image.
		switch now, ok, lookup := p.registry.Digest(ctx, s.Repository, s.CommitTag); {
		case lookup != nil || !ok:
		case now == image.Digest:
			return nil
		case s.Replaces != "" && now.String() == s.Replaces: // --force
			if err = p.registry.Untag(ctx, s.Repository, s.CommitTag); err == nil {
				err = put()
			}
		default:
			err = fmt.Errorf("%w; it names %s now; %w: publish a new commit, or use --force", err, now, errTaken)
		}
		return failed(s.Item, "publish", err)
	})
}

// verify reads back every commit tag.
func (p *Publisher) verify(ctx context.Context, steps []Step, _ map[string]Image) error {
	return p.told(ctx, "read back", len(steps), "tags", func(ctx context.Context, n int) error {
		s := steps[n]
		_, digest, err := p.registry.Manifest(ctx, s.Repository, s.CommitTag)
		if err == nil && digest.String() != s.Digest {
			err = fmt.Errorf("tag %s in %s names %s, not %s", s.CommitTag, s.Repository, digest, s.Digest)
		}
		return failed(s.Item, "verify", err)
	})
}

// told is each, and tells how many calls were made.
func (p *Publisher) told(ctx context.Context, verb string, count int, unit string, do func(ctx context.Context, n int) error) error {
	report.Counting(ctx, verb, int64(count), unit)
	return p.each(ctx, count, func(ctx context.Context, n int) error {
		defer report.Add(ctx, 1)
		return do(ctx, n)
	})
}

// each calls do for 0 to count-1, a limited number at a time. It starts no more after the
// first error, and returns the errors of all calls that ran.
func (p *Publisher) each(ctx context.Context, count int, do func(ctx context.Context, n int) error) error {
	errs := make([]error, count)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(p.parallel)
	for n := range count {
		g.Go(func() error {
			if err := gctx.Err(); err != nil {
				return err
			}
			err := do(gctx, n)
			if err != nil && !errors.Is(err, context.Canceled) {
				errs[n] = err
			}
			return err
		})
	}
	err := g.Wait()
	if all := errors.Join(errs...); all != nil {
		return all
	}
	return err
}
