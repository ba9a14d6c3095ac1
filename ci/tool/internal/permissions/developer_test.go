package permissions

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
)

// people are commands that a person runs with rights of their own, for a stage of their own.
var people = []string{"newDev"}

var policyBlock = regexp.MustCompile("(?s)```json\n(\\{\n  \"Version\".*?)```")

// The policy in docs/DEV.md allows what the command calls, at the developer's stage alone.
func TestThePolicyOfADeveloper(t *testing.T) {
	p, err := load()
	require.NoError(t, err)
	block := policyBlock.FindSubmatch(testkit.Source(t, root, "docs/DEV.md"))
	require.NotNil(t, block)
	d, err := parse(block[1])
	require.NoError(t, err)
	var allowed []string
	for _, s := range d.Statement {
		resources, err := s.resources()
		require.NoError(t, err, s.Sid)
		for _, a := range s.Action {
			assert.Equal(t, slices.Contains(everywhere, a), resources == nil, "%s: %s", s.Sid, a)
			if a == "lambda:DeleteFunction" {
				for _, r := range resources {
					assert.True(t, strings.HasSuffix(r, ":*"), "%s deletes a function, not a version", r)
				}
			}
		}
		allowed = append(allowed, s.Action...)
	}
	// Who makes a function run an image must be able to pull it.
	// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#gettingstarted-images-permissions
	needed := []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
	for _, verb := range people {
		operations, methods := p.calls(t, verb)
		for _, a := range actionsOf(operations, methods, false) {
			if strings.HasPrefix(a, "ecr-public:") || a == "sts:GetServiceBearerToken" {
				continue // it pushes to the private repository only
			}
			needed = append(needed, strings.Replace(a, "cloudwatchlogs:", "logs:", 1))
		}
	}
	slices.Sort(needed)
	slices.Sort(allowed)
	assert.Equal(t, slices.Compact(needed), slices.Compact(allowed))
}
