// Build, check and run the container images of this repository's Lambda functions.
//
// Every step runs the repository's own program, ci/tool, in a container, so that
// the images have the same digests here and from bin/ci on a machine without an
// engine. Start with `dagger call build-all`.
package main

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"lambdas.internal/ci/internal/dagger"
)

// Ci builds, checks and runs the images.
type Ci struct {
	// +private
	Source *dagger.Directory
	// +private
	ToolSource *dagger.Directory
	// +private
	Platform dagger.Platform
	// +private
	BaseRef string
	// +private
	FFmpegRef string
	// +private
	BuilderRef string
	// +private
	Region string
	// +private
	Account string
	// +private
	PublicAlias string
	// +private
	PrivateRegistry string
	// +private
	PublicRegistry string
	// +private
	EndpointURL string
	// +private
	AccessKeyID *dagger.Secret
	// +private
	SecretAccessKey *dagger.Secret
	// +private
	SessionToken *dagger.Secret
}

// lockFile pins the images that the steps start from.
//
//go:embed images.lock.json
var lockFile []byte

// New takes what all functions share; everything has a default.
func New(
	// The workspace to build: functions/, shared/, go.work and ci/images.lock.json.
	//
	// +defaultPath="/"
	// +ignore=["*", "!functions", "!shared", "!go.work", "!go.work.sum", "!ci", "ci/*", "!ci/images.lock.json", "!.gitleaks.toml", "**/.git", "**/*.test"]
	source *dagger.Directory,
	// The program that knows how to build.
	//
	// +defaultPath="/ci/tool"
	// +ignore=["**/*_test.go", "**/testdata"]
	tool *dagger.Directory,
	// What to build for: linux/amd64 or linux/arm64.
	//
	// +default="linux/amd64"
	platform dagger.Platform,
	// Base image instead of the one pinned in ci/images.lock.json: a reference, or "static".
	//
	// +optional
	base string,
	// Image to take ffmpeg from instead of the one pinned in ci/images.lock.json.
	//
	// +optional
	ffmpeg string,
	// Go image to compile in instead of the one pinned in ci/images.lock.json.
	//
	// +optional
	builder string,
	// AWS region of the private registry and of the functions.
	//
	// +default="us-east-1"
	region string,
	// AWS account number; asked from AWS when it is needed and not given.
	//
	// +optional
	account string,
	// Alias of the public registry, public.ecr.aws/{alias}.
	//
	// +optional
	publicAlias string,
	// Private registry instead of ECR of the account and region: host[:port][/path].
	//
	// +optional
	privateRegistry string,
	// Public registry instead of public.ecr.aws/ALIAS: host[:port][/path].
	//
	// +optional
	publicRegistry string,
	// Endpoint of a stand-in for AWS, such as LocalStack or moto.
	//
	// +optional
	awsEndpointURL string,
	// AWS access key, such as env://AWS_ACCESS_KEY_ID; only the steps that act on AWS see it.
	//
	// +optional
	awsAccessKeyID *dagger.Secret,
	// AWS secret key, such as env://AWS_SECRET_ACCESS_KEY.
	//
	// +optional
	awsSecretAccessKey *dagger.Secret,
	// AWS session token, such as env://AWS_SESSION_TOKEN.
	//
	// +optional
	awsSessionToken *dagger.Secret,
) (*Ci, error) {
	if builder == "" {
		var err error
		if builder, err = lockedBuilder(); err != nil {
			return nil, err
		}
	}
	return &Ci{
		Source: source, ToolSource: tool, Platform: platform,
		BaseRef: base, FFmpegRef: ffmpeg, BuilderRef: builder,
		Region: region, Account: account, PublicAlias: publicAlias,
		PrivateRegistry: privateRegistry, PublicRegistry: publicRegistry,
		EndpointURL: awsEndpointURL,
		AccessKeyID: awsAccessKeyID, SecretAccessKey: awsSecretAccessKey, SessionToken: awsSessionToken,
	}, nil
}

// lockedBuilder returns the pinned Go image, by digest as soon as one is known.
func lockedBuilder() (string, error) {
	var lock struct {
		Builder struct{ Reference, Digest string }
	}
	if err := json.Unmarshal(lockFile, &lock); err != nil {
		return "", fmt.Errorf("read ci/images.lock.json: %w", err)
	}
	if lock.Builder.Digest == "" {
		return lock.Builder.Reference, nil
	}
	return lock.Builder.Reference + "@" + lock.Builder.Digest, nil
}
