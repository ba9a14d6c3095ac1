package permissions

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// pulling are the actions with which Lambda, and the account of the functions, pull.
// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html
var pulling = []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}

// The repository policy for another account allows its deploy role what the role of this account
// may do in a repository, except to change the policy itself: that only its owner does.
func TestTheRepositoryPolicyForAnotherAccount(t *testing.T) {
	c, err := catalog.Load(root)
	require.NoError(t, err)
	raw := read(t, "repository-policy")
	d, err := parse(raw)
	require.NoError(t, err)
	require.Len(t, d.Statement, 3)
	account, service, role := d.Statement[0], d.Statement[1], d.Statement[2]
	assert.Equal(t, map[string]string{"AWS": "arn:aws:iam::<functions-account>:root"}, account.Principal)
	assert.Equal(t, pulling, account.Action)
	assert.Equal(t, map[string]string{"Service": "lambda.amazonaws.com"}, service.Principal)
	assert.Equal(t, pulling, service.Action)
	source := service.Condition["StringLike"]["aws:sourceArn"]
	prefix, ok := strings.CutSuffix(strings.TrimPrefix(source, "arn:aws:lambda:<region>:<functions-account>:function:"), "*")
	require.True(t, ok, source)
	for _, f := range c.Functions {
		assert.True(t, strings.HasPrefix(f.Lambda, prefix), f.Lambda)
	}
	assert.Equal(t, map[string]string{"AWS": "arn:aws:iam::<functions-account>:role/lambdas-deploy"}, role.Principal)

	deploy, err := parse(read(t, "policy-deploy"))
	require.NoError(t, err)
	n := slices.IndexFunc(deploy.Statement, func(s statement) bool { return s.Sid == "MarkAndRecordImages" })
	require.GreaterOrEqual(t, n, 0)
	assert.Equal(t, role.Action, slices.DeleteFunc(deploy.Statement[n].Action, func(a string) bool { return strings.HasSuffix(a, "RepositoryPolicy") }))
	for _, s := range d.Statement {
		assert.Equal(t, "Allow", s.Effect)
		assert.Nil(t, s.Resource, "a repository policy is of its repository")
	}
}
