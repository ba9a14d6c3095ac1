// Package status says which image every function runs, and where this differs from the
// release records and the tags (drift).
package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/report"
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
	LatestAhead Kind = "latest-ahead" // latest was published, but not deployed
	ImageGone   Kind = "image-gone"   // the image that it runs is not in the repository
	LiveTag     Kind = "live-tag"     // the live tag does not name the image that it runs
	Failed      Kind = "failed"       // Lambda reports a failure
	Missing     Kind = "missing"      // the function does not exist
	AliasBehind Kind = "alias"        // the alias of the last release names another image
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
	// Commit is the commit that Runs was deployed from, and Since the time of that
	// release. Both are empty if no release record has the digest.
	Commit string    `json:"commit,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	// State and Update are State and LastUpdateStatus of Lambda.
	State  string `json:"state,omitempty"`
	Update string `json:"lastUpdateStatus,omitempty"`
	// Latest and Live are the digests that these tags name.
	Latest string  `json:"latest,omitempty"`
	Live   string  `json:"live,omitempty"`
	Drift  []Drift `json:"drift,omitempty"`
}

// Lambda reads functions.
type Lambda interface {
	Function(ctx context.Context, name, qualifier string) (deploy.Function, error)
}

// Tags reads the private registry.
type Tags interface {
	Digest(ctx context.Context, repository, identifier string) (digest v1.Hash, ok bool, err error)
}

// Look reads the status of the functions. The items are those of the private repositories;
// names has the function of each image.
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
		if err := r.readAlias(ctx, l, h[n-1].Alias); err != nil {
			return err
		}
	}
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
	there := r.Runs == r.Latest || r.Runs == r.Live // a tag names it
	if r.Runs != "" && !there {
		if _, there, err = tags.Digest(ctx, r.Repository, r.Runs); err != nil {
			return err
		}
	}
	r.judge(f, there)
	return nil
}

// readAlias compares the image that the alias names with the one that the function runs.
func (r *Row) readAlias(ctx context.Context, l Lambda, alias string) error {
	f, err := l.Function(ctx, r.Lambda, alias)
	switch {
	case errors.Is(err, deploy.ErrMissing):
		r.drift(AliasBehind, "the alias %s does not exist; deploy again with --alias %s", alias, alias)
	case err != nil:
		return err
	case f.Digest != r.Runs:
		r.drift(AliasBehind, "the alias %s names version %s, which runs %s; deploy again with --alias %s", alias, f.Version, deploy.Short(f.Digest), alias)
	}
	return nil
}

// drift adds a difference.
func (r *Row) drift(k Kind, format string, args ...any) {
	r.Drift = append(r.Drift, Drift{k, fmt.Sprintf(format, args...)})
}

// judge compares what the function runs with the records and tags.
func (r *Row) judge(f deploy.Function, there bool) {
	if why := f.Failed(); why != "" {
		r.drift(Failed, "%s", why)
	}
	if r.Runs == "" {
		r.drift(Unrecorded, "its package type is %s; it runs no image", f.PackageType)
		return
	}
	if r.Commit == "" {
		r.drift(Unrecorded, "runs %s, which is in no release record; to deploy a commit, use `bin/ci deploy`", deploy.Short(r.Runs))
	}
	if !there {
		r.drift(ImageGone, "runs %s, which is gone from %s; the function will fail: deploy another image, or publish its commit again", deploy.Short(r.Runs), r.Repository)
	}
	if r.Latest != "" && r.Latest != r.Runs {
		r.drift(LatestAhead, "latest is %s, but the function does not run it; to deploy it, use `bin/ci deploy`", deploy.Short(r.Latest))
	}
	if r.Live != r.Runs && (r.Live != "" || r.Commit != "") {
		r.drift(LiveTag, "%s names %s, so retention does not protect the image that runs; to fix this, deploy its commit again", deploy.Live(r.Image), deploy.Short(r.Live))
	}
}

// Report is what every function runs, beside the last release.
type Report struct {
	Functions []Row `json:"functions"`
	// Last is the last release that was recorded.
	Last *history.Release `json:"lastRelease,omitempty"`
	// Drifts counts the problems of all functions.
	Drifts int `json:"drifts"`
}

// NewReport puts the rows beside the last of the releases.
func NewReport(rows []Row, h history.Releases) *Report {
	r := &Report{Functions: rows}
	if len(h) > 0 {
		r.Last = &h[len(h)-1]
	}
	for _, row := range rows {
		r.Drifts += len(row.Drift)
	}
	return r
}

// Table prints the functions, the last release and every problem.
func (r *Report) Table(w io.Writer) error {
	var rows [][]string
	for _, row := range r.Functions {
		rows = append(rows, row.cells())
	}
	if err := report.Table(w, []string{"IMAGE", "FUNCTION", "RUNS", "COMMIT", "SINCE", "STATE"}, rows); err != nil {
		return err
	}
	if r.Last != nil {
		fmt.Fprintf(w, "last release: %s of commit %s at %s by %s\n", r.Last.Kind, r.Last.Commit, report.Time(r.Last.Time), r.Last.Who)
	} else {
		fmt.Fprintln(w, "no release is recorded")
	}
	for _, row := range r.Functions {
		for _, d := range row.Drift {
			fmt.Fprintf(w, "! %s (%s): %s\n", row.Lambda, row.Image, d.Text)
		}
	}
	if r.Drifts == 0 {
		fmt.Fprintln(w, "no problems")
	}
	return nil
}

func (r Row) cells() []string {
	commit, since := r.Commit, report.Time(r.Since)
	if commit == "" {
		commit, since = "?", "?"
	}
	state := r.State
	switch {
	case len(r.Drift) > 0 && r.State == "":
		state = "missing"
	case r.Update != "" && r.Update != "Successful":
		state += ", last update " + r.Update
	}
	return []string{r.Image, r.Lambda, deploy.Short(r.Runs), commit, since, state}
}
