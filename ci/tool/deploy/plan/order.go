package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/publish"
)

// AddOrder notes which functions run a commit that comes after the plan's, and of which that is
// unknown.
func (p *Plan) AddOrder(ctx context.Context, orders publish.Orders) error {
	running := map[string][]string{}
	for _, row := range p.Functions {
		if row.Deploy == Update && row.RunsCommit != "" {
			running[row.RunsCommit] = append(running[row.RunsCommit], row.Lambda+in(row.Region))
		}
	}
	for _, commit := range slices.Sorted(maps.Keys(running)) {
		order, why, err := orders(ctx, publish.Published{Commit: commit})
		text := ""
		switch {
		case err != nil:
			return err
		case order == publish.Before:
			text = "which comes after commit " + p.Commit + ": that would be a rollback"
		case order == publish.Apart:
			text = "after which commit " + p.Commit + " does not come"
		case order == publish.Unknown:
			text = "and it is unknown whether commit " + p.Commit + " comes after it: " + why
		default:
			continue
		}
		names := running[commit]
		if more := len(names) - named; more > 0 {
			names = append(names[:named:named], fmt.Sprintf("%d more", more))
		}
		p.Back = append(p.Back, fmt.Sprintf("commit %s runs, %s (%s)", commit, text, strings.Join(names, ", ")))
	}
	return nil
}

// named is how many functions a line names.
const named = 5
