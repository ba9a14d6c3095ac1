package plan_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/plan"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/change"
)

// lambda is a Lambda that answers with the digest of each function, or fails.
type lambda struct {
	fails        func(name string) error
	calls        atomic.Int64
	now, atOnce  atomic.Int64
	callDuration time.Duration
}

func (l *lambda) Function(_ context.Context, name, _ string) (deploy.Function, error) {
	l.calls.Add(1)
	if now := l.now.Add(1); now > l.atOnce.Load() {
		l.atOnce.Store(now)
	}
	defer l.now.Add(-1)
	time.Sleep(l.callDuration)
	return deploy.Function{Name: name, Digest: "sha256:" + name}, l.fails(name)
}

func thousand() (functions []catalog.Function) {
	for n := range 1000 {
		functions = append(functions, catalog.Function{Image: fmt.Sprint(n), Lambda: fmt.Sprint("L", n)})
	}
	return functions
}

func TestReadRunning(t *testing.T) {
	functions := thousand()
	l := &lambda{callDuration: time.Millisecond, fails: func(name string) error {
		if name == "L7" {
			return deploy.ErrDenied
		}
		return nil
	}}
	p := plan.New("abc1234", functions, nil)
	p.ReadRunning(t.Context(), l, "", functions, nil)
	assert.EqualValues(t, 1000, l.calls.Load())
	assert.Greater(t, l.atOnce.Load(), int64(1))
	assert.Equal(t, []string{"what L7 runs: denied"}, p.NotSeen)
	for n, row := range p.Functions {
		if n == 7 {
			assert.Empty(t, row.Deploy)
			continue
		}
		assert.Equal(t, plan.Update, row.Deploy)
		assert.Equal(t, "sha256:"+row.Lambda, row.Runs)
	}
}

// Where Lambda cannot be reached, a thousand calls would each wait in vain.
func TestReadRunningWithoutLambda(t *testing.T) {
	functions := thousand()
	down := fmt.Errorf("no route: %w", deploy.ErrPassing)
	l := &lambda{fails: func(string) error { return down }}
	p := plan.New("abc1234", functions, nil)
	p.ReadRunning(t.Context(), l, "", functions, nil)
	assert.Less(t, l.calls.Load(), int64(100))
	assert.NotEmpty(t, p.NotSeen)
	assert.Contains(t, p.NotSeen[0], "no route")
	for _, row := range p.Functions {
		assert.Empty(t, row.Deploy)
	}
	require.ErrorIs(t, down, deploy.ErrPassing)
}

// arm is a Lambda of functions for arm64.
type arm struct{}

func (arm) Function(_ context.Context, name, _ string) (deploy.Function, error) {
	return deploy.Function{Name: name, Digest: "sha256:before", Architecture: "arm64"}, nil
}

func TestAnImageForAnotherPlatform(t *testing.T) {
	functions := []catalog.Function{{Image: "a", Lambda: "A"}, {Image: "b", Lambda: "B"}}
	p := plan.New("abc1234", functions, map[string]publish.Image{"a": {Platform: "linux/amd64"}, "b": {Platform: "linux/arm64"}})
	p.ReadRunning(t.Context(), arm{}, "", functions, nil)
	p.Functions[0].Since, p.Functions[0].Why = "0000000", new(change.Reason)
	var out strings.Builder

	require.NoError(t, p.Print(&out, false))

	assert.Equal(t, `IMAGE  PUBLISH  MB   NEW BLOCKS  RUNS NOW                       AFTER  DEPLOY  WHY                                                          FOR
a      ?        0.0  ?           sha256:before for linux/arm64  :      update  no source changed since 0000000; it is for another platform  linux/amd64
b      ?        0.0  ?           sha256:before                  :      update  ?                                                            linux/arm64
plan for commit abc1234; deploy would update 2 of 2 functions
deploy would refuse: an image for linux/amd64, because the function is for linux/arm64 (A); pass --platform linux/arm64
`, out.String())
}

func TestWhatRunsIsArchived(t *testing.T) {
	p := plan.New("abc1234", []catalog.Function{{Image: "a", Lambda: "A"}, {Image: "b", Lambda: "B"}}, nil)
	p.Functions[1].Runs = "sha256:b"
	p.AddArchived("", []string{"sha256:other", "sha256:b"}, 20*time.Minute)
	var out strings.Builder

	require.NoError(t, p.Print(&out, false))

	assert.Contains(t, out.String(), "\nrollback: what runs now is archived (B), so a rollback to it would first wait for AWS to restore it, up to 20m0s\n")
}

func TestAddOrder(t *testing.T) {
	functions := thousand()[:9]
	p := plan.New("abc1234", functions, nil)
	for n := range p.Functions {
		p.Functions[n].Deploy, p.Functions[n].RunsCommit = plan.Update, []string{"younger", "older", "younger"}[n%3]
	}
	p.Functions[0].RunsCommit = "unknown"
	p.Functions[8].RunsCommit = "branch"

	require.NoError(t, p.AddOrder(t.Context(), func(_ context.Context, other publish.Published) (publish.Order, string, error) {
		return map[string]publish.Order{"younger": publish.Before, "older": publish.Comes, "unknown": publish.Unknown, "branch": publish.Apart}[other.Commit], "because", nil
	}))

	assert.Equal(t, []string{
		"commit branch runs, after which commit abc1234 does not come (L8)",
		"commit unknown runs, and it is unknown whether commit abc1234 comes after it: because (L0)",
		"commit younger runs, which comes after commit abc1234: that would be a rollback (L2, L3, L5, L6)",
	}, p.Back)
}

func TestMarkdown(t *testing.T) {
	p := plan.New("abc1234", []catalog.Function{{Image: "a|b", Lambda: "L"}}, map[string]publish.Image{})
	p.Gates, p.Latest = 8, "latest stays: --no-latest was passed"
	p.Stop(errors.New("audit x: secrets: <b> @everyone"))
	var out strings.Builder

	require.NoError(t, p.Print(&out, true))

	assert.Equal(t, "### Plan for commit abc1234\n\n"+
		"| IMAGE | PUBLISH | MB | NEW BLOCKS | RUNS NOW | AFTER | DEPLOY | WHY |\n| --- | --- | ---: | --- | --- | --- | --- | --- |\n"+
		"| a\\|b | ? | 0.0 | ? | ? | : | ? | ? |\n\n"+
		"- plan for commit abc1234\n- latest stays: --no-latest was passed\n- publish would stop: audit x: secrets: &lt;b> @<!-- -->everyone\n", out.String())
}
