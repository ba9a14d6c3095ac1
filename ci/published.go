package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Published shows the images that are published under a commit: repository, digest and architecture of each Lambda function, also for Terraform, CDK or CloudFormation.
//
// +cache="never"
func (m *Ci) Published(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Commit that the images were published under, 7 to 40 hexadecimal digits.
	commit string,
	// Names of the images (default: all).
	//
	// +optional
	only []string,
	// json, tfvars, cdk-context or cloudformation-parameters (default: a table).
	//
	// +optional
	format string,
) (string, error) {
	return m.act(ctx, source, slices.Concat([]string{"images", "--published", "--commit", commit}, m.private(), named(only), optional("--format", format))...)
}
