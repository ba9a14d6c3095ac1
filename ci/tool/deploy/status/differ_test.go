package status_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/deploy/status"
)

func TestDiffers(t *testing.T) {
	release := func(commit, digest string) history.Release {
		return history.Release{Commit: commit, Alias: "live", Time: noon, Functions: []history.Function{{Image: "api", Lambda: "Api", After: digest, Commit: commit}}}
	}
	split := map[string]float64{"8": 0.1}
	for name, c := range map[string]struct {
		lambda lambda
		h      history.Releases
		differ bool
		back   string
	}{
		"nothing was released":          {lambda{function: deploy.Function{Digest: one}}, nil, false, ""},
		"as it was left":                {lambda{function: deploy.Function{Digest: one}, alias: one}, history.Releases{release("aaaaaaa", two), release("bbbbbbb", one)}, false, ""},
		"of a deploy that was killed":   {lambda{function: deploy.Function{Digest: two}, alias: one}, history.Releases{release("bbbbbbb", one)}, true, ""},
		"of a rollback that was killed": {lambda{function: deploy.Function{Digest: two}, alias: one}, history.Releases{release("aaaaaaa", two), release("bbbbbbb", one)}, true, "aaaaaaa"},
		"of a canary that was killed":   {lambda{function: deploy.Function{Digest: one}, alias: one, split: split}, history.Releases{release("bbbbbbb", one)}, true, ""},
		"a share, and no other image":   {lambda{function: deploy.Function{Digest: one}, alias: one, split: split}, history.Releases{release("aaaaaaa", one), release("bbbbbbb", one)}, true, ""},
		"its alias is gone":             {lambda{function: deploy.Function{Digest: one}}, history.Releases{release("bbbbbbb", one)}, true, ""},
		"its last update failed":        {lambda{function: deploy.Function{Digest: one, Update: "Failed"}, alias: one}, history.Releases{release("bbbbbbb", one)}, true, ""},
		"the function is gone":          {lambda{err: deploy.ErrMissing}, history.Releases{release("bbbbbbb", one)}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := status.Differs(t.Context(), c.lambda, c.h, nil)

			require.NoError(t, err)
			assert.Equal(t, c.differ, len(got.Functions) == 1)
			back := ""
			if got.Back != nil {
				back = got.Back.Commit
			}
			assert.Equal(t, c.back, back)
		})
	}
}

// A function that is being updated is read again; if the wait ends, it is unknown.
func TestDiffersWaitsForAnUpdate(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := status.Differs(ctx, lambda{function: deploy.Function{Digest: one, Update: "InProgress"}}, released, func(ctx context.Context) error {
		cancel()
		return ctx.Err()
	})
	require.EqualError(t, err, "find out what Api runs: context canceled")
}
