package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/internal/testkit"
)

// running are the images of the functions, and of their alias live.
func (s *stage) running(aws *lambdafake.Fake) map[string]string {
	all := map[string]string{}
	for _, f := range s.catalog.Functions {
		all[f.Lambda] = aws.Image(f.Lambda)
		all[f.Lambda+":live"] = aws.Alias(f.Lambda, "live")
	}
	return all
}

// in runs a command line with the credentials of an account.
func (s *stage) in(aws *lambdafake.Fake, code int, line string) string {
	before := s.story.Len()
	s.aws = aws
	s.ci(code, line)
	return s.story.String()[before:]
}

// commits publishes images of three commits. Each differs from the one before.
func (s *stage) commits() {
	s.ci(exitDone, "publish --commit 1111111")
	s.edit("media-lambda")
	s.ci(exitDone, "publish --commit 2222222")
	s.edit("thumbnail-lambda")
	s.ci(exitDone, "publish --commit 3333333")
	s.story.Reset()
}

// Production and staging deploy from one registry. Each has its own history.
func TestLongTwoAccountsAndOneRegistry(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	production, staging := s.aws, lambdafake.New(t)
	staging.Account = "222222222222"
	s.functions(staging)
	s.commits()
	s.in(production, exitDone, "deploy --commit 1111111 --parallel 1")
	first := s.running(production)
	s.in(production, exitDone, "deploy --commit 2222222 --parallel 1")
	second := s.running(production)
	s.in(staging, exitDone, "deploy --commit 3333333 --parallel 1")
	third := s.running(staging)

	assert.NotContains(t, s.in(production, exitDone, "status"), "222222222222")
	assert.Contains(t, s.in(staging, exitDone, "status"), "no problems\n")
	s.in(production, exitDone, "rollback --parallel 1")
	assert.Equal(t, first, s.running(production))
	assert.Equal(t, third, s.running(staging))
	s.in(production, exitFailed, "rollback")
	s.in(staging, exitFailed, "rollback")
	assert.Contains(t, s.in(production, exitFailed, "rollback --to 1111111"),
		"ci: roll back to commit 1111111: every function runs its images already, so nothing was changed; the last release with other images: bin/ci rollback --to 2222222\n")

	// Promotion: what production ran goes to staging, built once.
	s.in(staging, exitDone, "deploy --commit 2222222 --parallel 1")
	assert.Equal(t, second, s.running(staging))
	assert.Contains(t, s.in(staging, exitDone, "rollback --parallel 1"), "rollback to commit 3333333 for linux/amd64 done: 1 updated, 2 unchanged")
	assert.Equal(t, third, s.running(staging))
	testkit.Golden(t, "accounts.golden", s.told())
}

// A canary that passes, one that fails, one whose alarm has no data, and an interrupt.
func TestACanary(t *testing.T) {
	s := newStage(t)
	s.commits()
	s.aws.Alarm("pager", "OK")
	s.ci(exitDone, "deploy --commit 1111111 --parallel 1 --alias live")
	s.ci(exitFailed, "deploy --commit 2222222 --parallel 1 --alias live --canary 10% --alarm other")
	s.aws.Traffic("Api", "live", "1", 900, 9)
	s.aws.Traffic("Api", "live", "2", 100, 1)
	s.ci(exitDone, "deploy --commit 2222222 --parallel 1 --alias live --canary 10% --alarm pager")
	second := s.running(s.aws)
	s.ci(exitDone, "status")

	s.aws.Traffic("Thumb", "live", "1", 900, 0)
	s.aws.Traffic("Thumb", "live", "2", 100, 1)
	s.ci(exitRolledBack, "deploy --commit 3333333 --parallel 1 --alias live --canary 10% --bake 10m")
	assert.Equal(t, second, s.running(s.aws))
	s.aws.Traffic("Thumb", "live", "2", 100, 0)
	s.aws.Alarm("pager", "INSUFFICIENT_DATA")
	s.ci(exitRolledBack, "deploy --commit 3333333 --parallel 1 --alias live --canary 10% --alarm pager")
	assert.Equal(t, second, s.running(s.aws))
	s.ci(exitDone, "status")

	ctx, cancel := context.WithCancel(t.Context())
	s.here()
	now := time.Now()
	clock.Now = func() time.Time { return now }
	clock.Sleep = func(ctx context.Context, d time.Duration) error {
		cancel()
		return ctx.Err()
	}
	var out strings.Builder
	code := run(ctx, []string{"--root", s.catalog.Root, "--private-registry", s.host, "deploy", "--commit", "3333333", "--alias", "live", "--canary", "10%"}, &out, &out)
	assert.Equal(t, exitRolledBack, code, out.String())
	assert.Contains(t, out.String(), "… interrupted: waiting for the running updates; then the release is rolled back, unless its canary has passed\n")
	assert.Equal(t, second, s.running(s.aws))
	assert.Empty(t, s.aws.Split("Thumb", "live"))
	t.Log(s.story.String())
	testkit.Golden(t, "canary.golden", s.told())
}
