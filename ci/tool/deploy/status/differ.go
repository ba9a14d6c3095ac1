package status

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/report"
)

// follow reads an alias and the version that it names.
func follow(ctx context.Context, l Lambda, name, alias string) (deploy.Alias, deploy.Function, error) {
	a, err := l.Alias(ctx, name, alias)
	if err != nil {
		return a, deploy.Function{}, err
	}
	f, err := l.Function(ctx, name, a.Version)
	return a, f, err
}

// Difference is how functions differ from what the last release left, as after a deploy or a
// rollback that was killed.
type Difference struct {
	// Functions are those that differ: in their code, or where the alias of the release leads.
	Functions []string
	// Back is the release before, if a rollback to it was begun: all that differ run its images.
	Back *history.Release
}

// Differs compares the functions with the last release. pause is called before a function that
// is being updated is read again.
func Differs(ctx context.Context, l Lambda, h history.Releases, pause func(context.Context) error) (Difference, error) {
	if len(h) == 0 {
		return Difference{}, nil
	}
	last := h[len(h)-1]
	names, runs := make([]string, len(last.Functions)), make([]string, len(last.Functions))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, f := range last.Functions {
		g.Go(func() error {
			digest, differs, err := differs(gctx, l, f, last.Alias, pause)
			if differs {
				names[n], runs[n] = f.Lambda, digest
			}
			if err != nil {
				return fmt.Errorf("find out what %s runs: %w", f.Lambda, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return Difference{}, err
	}
	now := map[string]string{}
	for n, f := range last.Functions {
		if names[n] != "" {
			now[f.Image] = runs[n]
		}
	}
	return Difference{slices.DeleteFunc(names, func(name string) bool { return name == "" }), back(h, now)}, nil
}

// back returns the release before the last one, if the functions that differ run its images.
func back(h history.Releases, runs map[string]string) *history.Release {
	before, ok := h.Previous()
	if !ok || len(runs) == 0 {
		return nil
	}
	for image, digest := range runs {
		f, ok := before.Function(image)
		if left, _ := h[len(h)-1].Function(image); !ok || f.After != digest || left.After == digest {
			return nil
		}
	}
	return &before
}

func differs(ctx context.Context, l Lambda, f history.Function, alias string, pause func(context.Context) error) (runs string, is bool, err error) {
	now, err := l.Function(ctx, f.Lambda, "")
	for err == nil && !now.Settled() {
		if err = pause(ctx); err == nil {
			now, err = l.Function(ctx, f.Lambda, "")
		}
	}
	switch {
	case errors.Is(err, deploy.ErrMissing):
		return "", false, nil // whoever goes on will be told
	case err != nil:
		return "", false, err
	case now.Digest != f.After || now.Failed() != "":
		return now.Digest, true, nil
	case alias == "":
		return now.Digest, false, nil
	}
	a, version, err := follow(ctx, l, f.Lambda, alias)
	if errors.Is(err, deploy.ErrMissing) {
		return now.Digest, true, nil
	}
	return now.Digest, version.Digest != f.After || len(a.Weights) > 0, err
}

// name gives the rows whose image no record has the commit that most of them share.
func name(rows []Row) {
	count := map[string]int{}
	for _, r := range rows {
		for _, c := range r.seen.published {
			count[c]++
		}
	}
	for n, r := range rows {
		for _, c := range r.seen.published {
			if best := rows[n].Commit; best == "" || count[c] > count[best] || count[c] == count[best] && c < best {
				rows[n].Commit = c
			}
		}
	}
}

// runs names what the function runs.
func (r Row) runs() string {
	if r.Commit == "" {
		return deploy.Short(r.Runs)
	}
	return fmt.Sprintf("%s (commit %s)", deploy.Short(r.Runs), r.Commit)
}

// next says which functions are not as the last release left them, and what to type.
func next(rows []Row, h history.Releases) string {
	last := h[len(h)-1]
	var names, commits []string
	runs := map[string]string{}
	for _, r := range rows {
		if !slices.ContainsFunc(r.Drift, func(d Drift) bool { return slices.Contains([]Kind{NotReleased, AliasBehind, AliasSplit}, d.Kind) }) {
			continue
		}
		names, runs[r.Image] = append(names, r.Lambda), r.Runs
		if f, _ := last.Function(r.Image); r.Commit != "" && f.After != r.Runs && !slices.Contains(commits, r.Commit) {
			commits = append(commits, r.Commit)
		}
	}
	if len(names) == 0 {
		return ""
	}
	text := fmt.Sprintf("not as the last release left them: %s (%d of %s), as after a", strings.Join(names, ", "), len(names), report.Count(len(rows), "function"))
	if before := back(h, runs); before != nil {
		return fmt.Sprintf("%s rollback that was killed; to finish the rollback to commit %s: bin/ci rollback; to restore the last release: bin/ci rollback --to %s",
			text, before.Commit, last.Commit)
	}
	text += fmt.Sprintf(" deploy that was killed; to restore the last release, of commit %s: bin/ci rollback", last.Commit)
	if len(commits) == 1 {
		text += "; to complete commit " + commits[0] + ": bin/ci deploy --commit " + commits[0]
		if last.Alias != "" {
			text += " --alias " + last.Alias
		}
	}
	return text
}
