package plan_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/plan"
	"lambdas.internal/ci/tool/workspace/catalog"
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
	p.ReadRunning(t.Context(), l, functions, nil)
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
	p.ReadRunning(t.Context(), l, functions, nil)
	assert.Less(t, l.calls.Load(), int64(100))
	assert.NotEmpty(t, p.NotSeen)
	assert.Contains(t, p.NotSeen[0], "no route")
	for _, row := range p.Functions {
		assert.Empty(t, row.Deploy)
	}
	assert.True(t, errors.Is(down, deploy.ErrPassing))
}
