package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/internal/lambdafake"
)

// deploy --create makes what is missing, from image.json and the role, and releases it with
// the others.
func TestDeployCreates(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.ci(exitDone, "publish --allow-dirty --commit aaaaaaa")
	s.aws.Remove("Thumb")

	s.ci(exitFailed, "deploy --commit aaaaaaa")
	assert.Contains(t, s.story.String(), "Thumb")
	s.ci(exitUsage, "deploy --commit aaaaaaa --create")
	s.ci(exitUsage, "deploy --commit aaaaaaa --create --role admin")
	s.ci(exitUsage, "deploy --commit aaaaaaa --role arn:aws:iam::123456789012:role/lambda")
	s.ci(exitUsage, "deploy --commit aaaaaaa --create --dry-run --role arn:aws:iam::123456789012:role/lambda")
	assert.Empty(t, s.aws.Calls("CreateFunction"))

	s.ci(exitDone, "deploy --commit aaaaaaa --create --role arn:aws:iam::123456789012:role/lambda")
	assert.Contains(t, s.story.String(), "ci: made the function Thumb, which has no trigger and no variables yet")
	if assert.Len(t, s.aws.Calls("CreateFunction"), 1) {
		s.aws.Change("Thumb", func(f *lambdafake.Function) {
			assert.Equal(t, "arn:aws:iam::123456789012:role/lambda", f.Role)
			assert.Equal(t, "x86_64", f.Architecture)
			assert.Zero(t, f.Memory, "image.json says nothing of it")
		})
	}
	s.ci(exitDone, "deploy --commit aaaaaaa --create --role arn:aws:iam::123456789012:role/lambda")
	assert.Len(t, s.aws.Calls("CreateFunction"), 1, "it is there")
}
