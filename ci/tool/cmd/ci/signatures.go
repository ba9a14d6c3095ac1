//go:build !steps

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/publish/ecrstate"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// signingTakes is how long publish waits for signatures of ECR, and signingLook how long between
// two looks. Nothing depends on them, so the wait is short.
const (
	signingTakes = time.Minute
	signingLook  = 2 * time.Second
)

// signatures returns what ECR has signed of what was pushed. What cannot be found out, tell says:
// the publish has ended, and does not fail because of it.
func (t *target) signatures(ctx context.Context, plan *publish.Plan, tell func(string)) []ecrstate.Signature {
	if t.ecr == nil {
		return nil
	}
	bound, cancel := context.WithTimeout(ctx, signingTakes)
	defer cancel()
	made := make([][]ecrstate.Signature, len(plan.Steps))
	seen := map[string]bool{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, s := range plan.Steps {
		key := s.Repository + "@" + s.Digest
		if s.Tier != catalog.Private || seen[key] {
			continue
		}
		seen[key] = true
		g.Go(func() (err error) {
			made[n], err = t.ecr.Signatures(gctx, s.Repository, s.Digest, func(context.Context) error { return clock.Sleep(bound, signingLook) })
			return err
		})
	}
	if err := g.Wait(); err != nil {
		text := fmt.Sprintf("warning: it is unknown whether ECR signs these images: %v", err)
		if ecrapi.Denied(err) {
			text += "; bin/ci iam --role publish prints the policy with this right"
		}
		tell(text)
	}
	return slices.Concat(made...)
}
