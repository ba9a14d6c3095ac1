package publish

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Order is where the commit of a publish, or of a deploy, stands to another one.
type Order string

// The orders.
const (
	Comes   Order = "after"  // it is that commit, or comes after it
	Before  Order = "before" // that commit comes after it
	Apart   Order = "apart"  // neither: they are on different branches, or a branch was rewritten
	Unknown Order = "unknown"
)

// Published is a commit under which an image was published, as its documents say. The
// committer's time is zero if they do not say it.
type Published struct {
	Commit    string
	Committed time.Time
}

// Orders tells where the commit stands to another one, and if that is unknown, why.
type Orders func(ctx context.Context, other Published) (Order, string, error)

// ByTime is the order by the committer's times, where the history of git is not there.
func ByTime(own, other time.Time) Order {
	switch {
	case own.IsZero() || other.IsZero() || own.Equal(other):
		return Unknown
	case own.After(other):
		return Comes
	default:
		return Before
	}
}

// Latest says what happens to the latest tags.
type Latest struct {
	Moves bool `json:"moves"`
	// At is the commit whose images they name, if they stay for its sake, and Why they stay.
	At  string `json:"at,omitempty"`
	Why string `json:"why,omitempty"`
}

// String is one line, or nothing if the tags move.
func (l Latest) String() string {
	switch {
	case l.Moves:
		return ""
	case l.At == "":
		return "latest stays: " + l.Why
	default:
		return fmt.Sprintf("latest stays at commit %s: %s", l.At, l.Why)
	}
}

// annotationLatest marks the documents of a commit that was published without latest.
const annotationLatest = "internal.lambdas.latest"

// Stay lets the latest tags stay as they are, unless l says that they move.
func (p *Plan) Stay(l Latest) {
	p.Latest = &l
	if l.Moves {
		return
	}
	for n := range p.Steps {
		p.Steps[n].MovesLatest = false
		for i := range p.Steps[n].Attach {
			if a := &p.Steps[n].Attach[i].artifact; a.Commit != "" {
				marked := map[string]string{annotationLatest: "stays"}
				maps.Copy(marked, a.Annotations)
				a.Annotations = marked
			}
		}
	}
}

// Forward lets the latest tags move only to a commit that comes after the one whose images they
// name. Of which commit these are, the documents say that are attached to them.
func (p *Publisher) Forward(ctx context.Context, plan *Plan, orders Orders) error {
	plan.orders = orders
	moves := make([]move, len(plan.Steps))
	for n, s := range plan.Steps {
		moves[n] = move{step: s, had: s.LatestFrom != "", before: s.latest}
	}
	l, err := p.decide(ctx, plan, moves)
	if err != nil {
		return err
	}
	if plan.Stay(l); l.Moves {
		plan.done, err = p.done(ctx, plan)
	}
	return err
}

// decide says whether the latest tags, which name now what moves say, move to the images of the
// plan. Only private repositories are looked at: they have every image, and the time of its commit.
func (p *Publisher) decide(ctx context.Context, plan *Plan, moves []move) (Latest, error) {
	moves = slices.DeleteFunc(slices.Clone(moves), func(m move) bool { return m.step.Tier != catalog.Private || !m.had })
	if !slices.ContainsFunc(moves, func(m move) bool { return m.before.String() != m.step.Digest }) {
		return Latest{Moves: true}, nil // there are none, or they name these images
	}
	recorded, err := p.recorded(ctx, moves)
	if err != nil {
		return Latest{}, err
	}
	// An image that did not change has many commits; the release has those that all images have.
	common := maps.Clone(recorded[0])
	for _, all := range recorded {
		maps.DeleteFunc(common, func(commit string, _ Published) bool { _, ok := all[commit]; return !ok })
	}
	if len(common) > 0 {
		recorded = []map[string]Published{common}
	}
	for n, all := range recorded {
		l, err := plan.judge(ctx, all)
		if err != nil || !l.Moves {
			switch {
			case l.At != "" && len(common) == 0:
				l.At += ", though not all latest tags are"
			case l.At == "":
				l.Why = fmt.Sprintf("no document says of which commit %s is; to move it to commit %s all the same, pass --move-latest", moves[n].name(), plan.Commit)
			}
			return l, err
		}
	}
	return Latest{Moves: true}, nil
}

// recorded returns the commits under which the images that latest tags name were published.
func (p *Publisher) recorded(ctx context.Context, moves []move) ([]map[string]Published, error) {
	recorded := make([]map[string]Published, len(moves))
	err := p.told(ctx, "read", len(moves), "documents", func(ctx context.Context, n int) error {
		m := moves[n]
		attached := m.step.attached
		if m.before.String() != m.step.Digest {
			var err error
			if attached, err = referrer.List(ctx, p.registry, m.step.Repository, m.before); err != nil {
				return fmt.Errorf("find the commit of %s: %w", m.name(), err)
			}
		}
		recorded[n] = map[string]Published{}
		for _, a := range attached {
			if a.Commit != "" && recorded[n][a.Commit].Committed.IsZero() {
				recorded[n][a.Commit] = Published{a.Commit, a.Committed}
			}
		}
		return nil
	})
	return recorded, err
}

// judge decides by the commits that the images have. One that comes after the plan's lets latest
// stay, and so does one of which that is unknown; a branch that had the same images does not.
func (p *Plan) judge(ctx context.Context, all map[string]Published) (l Latest, err error) {
	const allTheSame = "; to move it all the same, pass --move-latest"
	found := map[Order]Published{}
	unknown := ""
	for _, other := range slices.SortedFunc(maps.Values(all), func(a, b Published) int { return strings.Compare(a.Commit, b.Commit) }) {
		order, why, err := p.orders(ctx, other)
		if err != nil {
			return l, err
		}
		if f, ok := found[order]; !ok || other.Committed.After(f.Committed) {
			found[order] = other
		}
		if order == Unknown {
			unknown = why
		}
	}
	if f, ok := found[Before]; ok {
		return Latest{At: f.Commit, Why: fmt.Sprintf("commit %s comes before it%s", p.Commit, allTheSame)}, nil
	}
	if f, ok := found[Unknown]; ok {
		return Latest{At: f.Commit, Why: fmt.Sprintf("it is unknown whether commit %s comes after it (%s)%s", p.Commit, unknown, allTheSame)}, nil
	}
	if _, ok := found[Comes]; ok {
		return Latest{Moves: true}, nil
	}
	if f, ok := found[Apart]; ok {
		return Latest{At: f.Commit, Why: fmt.Sprintf("commit %s does not come after it, so they are on different branches, or a branch was rewritten%s", p.Commit, allTheSame)}, nil
	}
	return l, nil
}
