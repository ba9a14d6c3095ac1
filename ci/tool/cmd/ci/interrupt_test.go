package main

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/release"
	"lambdas.internal/ci/tool/internal/lambdafake"
)

// An interrupt in the middle of a deployment undoes it, and says so: by exit code,
// in words, and as JSON.
func TestAnInterruptedDeploy(t *testing.T) {
	s := newStage(t)
	s.ci(exitDone, "publish --commit 1111111")
	s.ci(exitDone, "deploy --commit 1111111")
	s.edit("media-lambda")
	s.edit("enhance-lambda")
	s.ci(exitDone, "publish --commit 2222222")
	want := []string{s.aws.Image("Api"), s.aws.Image("Enhance")}
	s.aws.Takes = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
		if c.Operation == "UpdateFunctionCode" && !c.DryRun {
			cancel()
		}
		return lambdafake.Reply{}
	}
	s.here()

	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"--root", s.catalog.Root, "--private-registry", s.host, "deploy", "--commit", "2222222", "--parallel", "1", "--json"}, &stdout, &stderr)

	assert.Equal(t, exitRolledBack, code, stderr.String())
	assert.Contains(t, stderr.String(), "… interrupted: waiting for the running updates; then the release is finished if all functions were updated, and rolled back if not\n")
	assert.Contains(t, stderr.String(), "ci: interrupted\nci: 1 updated function was rolled back; every function runs the same image as before\n")
	assert.Equal(t, want, []string{s.aws.Image("Api"), s.aws.Image("Enhance")})
	var result release.Report
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &result))
	assert.Equal(t, "rolled-back", result.Outcome)
	assert.Equal(t, []deploy.State{deploy.Restored, deploy.Untouched, deploy.Unchanged},
		[]deploy.State{result.Functions[0].State, result.Functions[1].State, result.Functions[2].State})
}
