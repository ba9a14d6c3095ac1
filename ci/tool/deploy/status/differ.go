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

// Differs returns the functions that do not run what the release put there: their code, or
// where its alias leads. That is so after a deploy that was killed.
func Differs(ctx context.Context, l Lambda, release history.Release) ([]string, error) {
	names := make([]string, len(release.Functions))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, f := range release.Functions {
		g.Go(func() error {
			differs, err := differs(gctx, l, f, release.Alias)
			if differs {
				names[n] = f.Lambda
			}
			if err != nil {
				return fmt.Errorf("find out what %s runs: %w", f.Lambda, err)
			}
			return nil
		})
	}
	err := g.Wait()
	return slices.DeleteFunc(names, func(name string) bool { return name == "" }), err
}

func differs(ctx context.Context, l Lambda, f history.Function, alias string) (bool, error) {
	now, err := l.Function(ctx, f.Lambda, "")
	switch {
	case errors.Is(err, deploy.ErrMissing):
		return false, nil // whoever goes on will be told
	case err != nil:
		return false, err
	case now.Digest != f.After || !now.Settled() || now.Failed() != "":
		return true, nil
	case alias == "":
		return false, nil
	}
	a, version, err := follow(ctx, l, f.Lambda, alias)
	if errors.Is(err, deploy.ErrMissing) {
		return true, nil
	}
	return version.Digest != f.After || len(a.Weights) > 0, err
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

// next says which functions do not run the last release, and what to type.
func next(rows []Row, last history.Release) string {
	var names, commits []string
	for _, r := range rows {
		if !slices.ContainsFunc(r.Drift, func(d Drift) bool { return slices.Contains([]Kind{NotReleased, AliasBehind, AliasSplit}, d.Kind) }) {
			continue
		}
		names = append(names, r.Lambda)
		if f, _ := last.Function(r.Image); r.Commit != "" && f.After != r.Runs && !slices.Contains(commits, r.Commit) {
			commits = append(commits, r.Commit)
		}
	}
	if len(names) == 0 {
		return ""
	}
	text := fmt.Sprintf("not as the last release left them: %s (%d of %s), as after a deploy that was killed; to restore the %s of commit %s: bin/ci rollback",
		strings.Join(names, ", "), len(names), report.Count(len(rows), "function"), last.Kind, last.Commit)
	if len(commits) == 1 {
		text += "; to complete commit " + commits[0] + ": bin/ci deploy --commit " + commits[0]
		if last.Alias != "" {
			text += " --alias " + last.Alias
		}
	}
	return text
}
