// Package status says what every function runs, and where that is not what the
// records and tags say.
package status

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/publish"
)

// parallel is how many functions are looked at once.
const parallel = 5

// Kind says in which way things are not as they are said to be.
type Kind string

// The kinds of drift.
const (
	Unrecorded  Kind = "unrecorded"   // it runs a digest that no release names
	LatestAhead Kind = "latest-ahead" // latest was published, and is not deployed
	ImageGone   Kind = "image-gone"   // what it runs is not in the repository
	LiveTag     Kind = "live-tag"     // the live tag does not name what it runs
	Failed      Kind = "failed"       // Lambda says so
	Missing     Kind = "missing"      // there is no such function
	AliasBehind Kind = "alias"        // the alias of the last release leads elsewhere
)

// Drift is one thing that is not as it is said to be.
type Drift struct {
	Kind Kind `json:"kind"`
	// Text says what is wrong, and what to do.
	Text string `json:"text"`
}

// Row tells of one function.
type Row struct {
	Image      string `json:"image"`
	Lambda     string `json:"lambda"`
	Repository string `json:"repository"`
	// Runs is the digest that the function runs.
	Runs string `json:"runs"`
	// Commit is the one by which it came to run that, since Since; both are empty
	// when no record says.
	Commit string    `json:"commit,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	// State and Update are Lambda's.
	State  string `json:"state,omitempty"`
	Update string `json:"lastUpdateStatus,omitempty"`
	// Latest and Live are what the tags name.
	Latest string  `json:"latest,omitempty"`
	Live   string  `json:"live,omitempty"`
	Drift  []Drift `json:"drift,omitempty"`
}

// Lambda is what is asked of Lambda.
type Lambda interface {
	Function(ctx context.Context, name, qualifier string) (deploy.Function, error)
}

// Tags is what is asked of the private registry.
type Tags interface {
	Digest(ctx context.Context, repository, identifier string) (digest v1.Hash, ok bool, err error)
}

// Look looks at the function of every item, which are those of private
// repositories.
func Look(ctx context.Context, l Lambda, tags Tags, h history.Releases, items []publish.Item, names map[string]string) ([]Row, error) {
	rows := make([]Row, len(items))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, item := range items {
		g.Go(func() (err error) {
			rows[n] = Row{Image: item.Image, Lambda: names[item.Image], Repository: item.Repository}
			if err = rows[n].look(gctx, l, tags, h, item); err != nil {
				return fmt.Errorf("%s (%s): %w", rows[n].Lambda, item.Image, err)
			}
			return nil
		})
	}
	return rows, g.Wait()
}

func (r *Row) look(ctx context.Context, l Lambda, tags Tags, h history.Releases, item publish.Item) error {
	f, err := l.Function(ctx, r.Lambda, "")
	if errors.Is(err, deploy.ErrMissing) {
		r.drift(Missing, "the function does not exist")
		return nil
	}
	if err != nil {
		return err
	}
	r.Runs, r.State, r.Update = f.Digest, f.State, f.Update
	r.Commit, r.Since, _ = h.CommitOf(r.Image, r.Runs)
	if n := len(h); n > 0 && h[n-1].Alias != "" {
		if err := r.lookAtAlias(ctx, l, h[n-1].Alias); err != nil {
			return err
		}
	}
	there := true
	for _, look := range []struct {
		identifier string
		found      *string
	}{{item.LatestTag, &r.Latest}, {deploy.Live(r.Image), &r.Live}} {
		digest, ok, err := tags.Digest(ctx, r.Repository, look.identifier)
		if err != nil {
			return err
		}
		if ok {
			*look.found = digest.String()
		}
	}
	if r.Runs != "" {
		if _, there, err = tags.Digest(ctx, r.Repository, r.Runs); err != nil {
			return err
		}
	}
	r.judge(f, there)
	return nil
}

// lookAtAlias compares what callers by alias get with what the function runs.
func (r *Row) lookAtAlias(ctx context.Context, l Lambda, alias string) error {
	f, err := l.Function(ctx, r.Lambda, alias)
	switch {
	case errors.Is(err, deploy.ErrMissing):
		r.drift(AliasBehind, "the alias %s does not exist; deploy again with --alias %s", alias, alias)
	case err != nil:
		return err
	case f.Digest != r.Runs:
		r.drift(AliasBehind, "the alias %s leads to version %s, which is %s; deploy again with --alias %s", alias, f.Version, deploy.Short(f.Digest), alias)
	}
	return nil
}

func (r *Row) drift(k Kind, format string, args ...any) {
	r.Drift = append(r.Drift, Drift{k, fmt.Sprintf(format, args...)})
}

// judge compares what the function runs with what is said.
func (r *Row) judge(f deploy.Function, there bool) {
	if why := f.Failed(); why != "" {
		r.drift(Failed, "%s", why)
	}
	if r.Runs == "" {
		r.drift(Unrecorded, "its package type is %s; it runs no image", f.PackageType)
		return
	}
	if r.Commit == "" {
		r.drift(Unrecorded, "runs %s, which no release names; `ci deploy` brings it in line", deploy.Short(r.Runs))
	}
	if !there {
		r.drift(ImageGone, "runs %s, which is gone from %s; the function will fail: deploy another image, or publish its commit again", deploy.Short(r.Runs), r.Repository)
	}
	if r.Latest != "" && r.Latest != r.Runs {
		r.drift(LatestAhead, "latest is %s, which it does not run; `ci deploy` deploys it", deploy.Short(r.Latest))
	}
	if r.Live != r.Runs && (r.Live != "" || r.Commit != "") {
		r.drift(LiveTag, "%s names %s, so that retention does not protect what runs; deploy its commit again to mend it", deploy.Live(r.Image), deploy.Short(r.Live))
	}
}
