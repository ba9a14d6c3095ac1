//go:build !steps

package main

import (
	"context"
	"fmt"
	"time"

	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/ecrapi"
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
func (t *target) signatures(ctx context.Context, plan *publish.Plan, tell func(string)) (all []publish.Signature) {
	if t.ecr == nil {
		return nil
	}
	bound, cancel := context.WithTimeout(ctx, signingTakes)
	defer cancel()
	seen := map[string]bool{}
	for _, s := range plan.Steps {
		key := s.Repository + "@" + s.Digest
		if s.Tier != catalog.Private || seen[key] {
			continue
		}
		seen[key] = true
		made, err := t.ecr.Signatures(ctx, s.Repository, s.Digest, func(context.Context) error { return clock.Sleep(bound, signingLook) })
		if err != nil {
			text := fmt.Sprintf("warning: it is unknown whether ECR signs these images: %v", err)
			if ecrapi.Denied(err) {
				text += "; bin/ci iam --role publish prints the policy with this right"
			}
			tell(text)
			return all
		}
		all = append(all, made...)
	}
	return all
}
