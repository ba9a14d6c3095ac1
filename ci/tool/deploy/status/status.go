// Package status says which image every function runs, and where this differs from the
// release records and the tags (drift).
package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// parallel is how many functions are read at once. Lambda answers 100 calls of
// GetFunction a second.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const parallel = 16

// Kind is a kind of drift.
type Kind string

// The kinds of drift.
const (
	Unrecorded  Kind = "unrecorded"   // it runs a digest that is in no release record
	NotReleased Kind = "not-released" // it does not run the image of the last release
	LatestAhead Kind = "latest-ahead" // latest was published, but not deployed
	ImageGone   Kind = "image-gone"   // the image that it runs is not in the repository
	LiveTag     Kind = "live-tag"     // the live tag does not name the image that it runs
	Failed      Kind = "failed"       // Lambda reports a failure
	Missing     Kind = "missing"      // the function does not exist
	AliasBehind Kind = "alias"        // the alias of the last release names another image
	AliasSplit  Kind = "alias-split"  // a share of its calls goes elsewhere
)

// Drift is one difference between what runs and what the records and tags say.
type Drift struct {
	Kind Kind `json:"kind"`
	// Text says what differs, and what to do.
	Text string `json:"text"`
}

// Row is the status of one function.
type Row struct {
	Image      string `json:"image"`
	Lambda     string `json:"lambda"`
	Repository string `json:"repository"`
	// Runs is the digest that the function runs.
	Runs string `json:"runs"`
	// Platform is what the image that runs is for.
	Platform string `json:"platform,omitempty"`
	// Commit is the commit that Runs was deployed from, and Since the time of that
	// release. If no release record has the digest, Commit is one that it was published with,
	// if a document in the registry says so.
	Commit string    `json:"commit,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	// State and Update are State and LastUpdateStatus of Lambda.
	State  string `json:"state,omitempty"`
	Update string `json:"lastUpdateStatus,omitempty"`
	// Latest and Live are the digests that these tags name, and LatestPlatform what Latest is for.
	Latest         string  `json:"latest,omitempty"`
	LatestPlatform string  `json:"latestPlatform,omitempty"`
	Live           string  `json:"live,omitempty"`
	Drift          []Drift `json:"drift,omitempty"`

	seen seen
}

// seen is what is known of a function beside its row, to judge it.
type seen struct {
	function deploy.Function
	liveTag  string
	there    bool // the image that it runs is in the repository
	exists   bool // the function does
	// published are the commits that the registry has documents of, if no record has one.
	published []string
}

// Lambda reads functions.
type Lambda interface {
	Function(ctx context.Context, name, qualifier string) (deploy.Function, error)
	Alias(ctx context.Context, name, alias string) (deploy.Alias, error)
}

// Tags reads the private registry.
type Tags interface {
	Digest(ctx context.Context, repository, identifier string) (digest v1.Hash, ok bool, err error)
	// Commits returns those with which an image was published, by the documents that are
	// attached to it: the image itself does not depend on the commit.
	Commits(ctx context.Context, repository, digest string) ([]string, error)
	// Platform is what an image is for; [report.Unknown] if it cannot be read.
	Platform(ctx context.Context, repository, digest string) string
}

// Look reads the status of the functions of a side. The releases are those of the side, the
// items those of the private repositories, one for each of the functions.
func Look(ctx context.Context, l Lambda, tags Tags, side reference.Side, h history.Releases, items []reference.Item, functions []catalog.Function) ([]Row, error) {
	rows := make([]Row, len(items))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, item := range items {
		g.Go(func() (err error) {
			rows[n] = Row{Image: item.Image, Lambda: functions[n].Lambda, Repository: item.Repository}
			if err = rows[n].look(gctx, l, tags, side, h, item); err != nil {
				return fmt.Errorf("%s (%s): %w", rows[n].Lambda, item.Image, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	name(rows)
	for n := range rows {
		if rows[n].seen.exists {
			rows[n].judge(h)
		}
		rows[n].seen = seen{}
	}
	return rows, nil
}

func (r *Row) look(ctx context.Context, l Lambda, tags Tags, side reference.Side, h history.Releases, item reference.Item) error {
	f, err := l.Function(ctx, r.Lambda, "")
	if errors.Is(err, deploy.ErrMissing) {
		r.drift(Missing, "the function does not exist")
		return nil
	}
	if err != nil {
		return err
	}
	r.Runs, r.Platform, r.State, r.Update = f.Digest, f.Platform(), f.State, f.Update
	r.Commit, r.Since, _ = h.CommitOf(r.Image, r.Runs)
	if n := len(h); n > 0 && h[n-1].Alias != "" {
		last, _ := h[n-1].Function(r.Image)
		if err := r.readAlias(ctx, l, h[n-1].Alias, cmp.Or(last.After, r.Runs)); err != nil {
			return err
		}
	}
	for _, look := range []struct {
		identifier string
		found      *string
	}{{item.LatestTag, &r.Latest}, {reference.LiveTag(r.Image, side), &r.Live}, {reference.LiveTag(r.Image, reference.Side{}), &r.Live}} {
		if *look.found != "" { // the tag without a side is of before there were sides
			continue
		}
		digest, ok, err := tags.Digest(ctx, r.Repository, look.identifier)
		if err != nil {
			return err
		}
		if ok {
			*look.found = digest.String()
		}
	}
	switch r.Latest {
	case "":
	case r.Runs:
		r.LatestPlatform = r.Platform
	default:
		r.LatestPlatform = tags.Platform(ctx, r.Repository, r.Latest)
	}
	r.seen.there = r.Runs == r.Latest || r.Runs == r.Live // a tag names it
	if r.Runs != "" && !r.seen.there {
		if _, r.seen.there, err = tags.Digest(ctx, r.Repository, r.Runs); err != nil {
			return err
		}
	}
	if r.Runs != "" && r.Commit == "" && r.seen.there {
		if r.seen.published, err = tags.Commits(ctx, r.Repository, r.Runs); err != nil {
			return fmt.Errorf("find the commit of %s: %w", deploy.Short(r.Runs), err)
		}
	}
	r.seen.function, r.seen.liveTag, r.seen.exists = f, reference.LiveTag(r.Image, side), true
	return nil
}

// readAlias compares the image to which the alias leads with that of the last release.
func (r *Row) readAlias(ctx context.Context, l Lambda, alias, want string) error {
	a, f, err := follow(ctx, l, r.Lambda, alias)
	switch {
	case errors.Is(err, deploy.ErrMissing):
		r.drift(AliasBehind, "the alias %s does not exist; deploy again with --alias %s", alias, alias)
		return nil
	case err != nil:
		return err
	}
	if split := a.Split(); split != "" {
		r.drift(AliasSplit, "the alias %s sends %s, and the rest to version %s", alias, split, a.Version)
	}
	if f.Digest != want {
		r.drift(AliasBehind, "the alias %s names version %s, which runs %s; deploy again with --alias %s", alias, f.Version, deploy.Short(f.Digest), alias)
	}
	return nil
}

// drift adds a difference.
func (r *Row) drift(k Kind, format string, args ...any) {
	r.Drift = append(r.Drift, Drift{k, fmt.Sprintf(format, args...)})
}

// judge compares what the function runs with the records and tags.
func (r *Row) judge(h history.Releases) {
	f := r.seen.function
	if why := f.Failed(); why != "" {
		r.drift(Failed, "%s", why)
	}
	if r.Runs == "" {
		r.drift(Unrecorded, "its package type is %s; it runs no image", f.PackageType)
		return
	}
	var last history.Function
	if n := len(h); n > 0 {
		last, _ = h[n-1].Function(r.Image)
	}
	switch runs := r.runs(); {
	case last.After != "" && last.After != r.Runs:
		if r.Live != r.Runs {
			runs += ", which no live tag protects from retention"
		}
		r.drift(NotReleased, "runs %s; the last release put %s (commit %s) here", runs, deploy.Short(last.After), last.Commit)
	case r.Since.IsZero():
		r.drift(Unrecorded, "runs %s, which is in no release record; to deploy a commit, use `bin/ci deploy`", runs)
	}
	if !r.seen.there {
		r.drift(ImageGone, "runs %s, which is gone from %s; the function will fail: deploy another image, or publish its commit again", deploy.Short(r.Runs), r.Repository)
	}
	if r.Latest != "" && r.Latest != r.Runs {
		latest, fix := deploy.Short(r.Latest), "to deploy it, use `bin/ci deploy`"
		if r.LatestPlatform != r.Platform {
			latest = report.DigestFor(r.Latest, r.LatestPlatform)
		}
		if report.OtherPlatform(r.LatestPlatform, r.Platform) {
			fix = fmt.Sprintf("it cannot, because it is for %s: publish with --platform %[1]s", r.Platform)
		}
		r.drift(LatestAhead, "latest is %s, but the function does not run it; %s", latest, fix)
	}
	if r.Live != r.Runs && (r.Live == "" || r.Live != last.After) && (r.Live != "" || !r.Since.IsZero()) {
		r.drift(LiveTag, "%s names %s, so retention does not protect the image that runs; to fix this, deploy its commit again", r.seen.liveTag, deploy.Short(r.Live))
	}
}
