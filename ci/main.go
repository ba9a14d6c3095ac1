// Build, check, publish and deploy the container images of this repository's Lambda functions.
//
// Every step runs the repository's own program, ci/tool, in a container. On a machine
// without an engine, bin/ci runs the same program and gives the same digests. Start
// with `dagger call build-all`.
package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"lambdas.internal/ci/internal/dagger"
)

// Ci builds, checks, publishes and deploys the images.
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

// lockFile names the images that the steps start from, with their digests.
//
//go:embed images.lock.json
var lockFile []byte

// New sets what all functions of the module share. Every argument has a default.
func New(
	// Workspace to build: functions/, shared/, go.work, ci/pipeline.json and ci/images.lock.json.
	//
	// +defaultPath="/"
	// +ignore=["*", "!functions", "!shared", "!go.work", "!go.work.sum", "!ci", "ci/*", "!ci/images.lock.json", "!ci/pipeline.json", "!ci/public.json", "!.gitleaks.toml", "**/.git", "**/*.test"]
	source *dagger.Directory,
	// Source of the program that every step runs.
	//
	// +defaultPath="/ci/tool"
	// +ignore=["**/*_test.go", "**/testdata"]
	tool *dagger.Directory,
	// Platform to build for: linux/amd64 or linux/arm64.
	//
	// +default="linux/amd64"
	platform dagger.Platform,
	// Base image instead of the one in ci/images.lock.json: a reference, or "static".
	//
	// +optional
	base string,
	// Image to take ffmpeg from instead of the one in ci/images.lock.json: a reference, or "static".
	//
	// +optional
	ffmpeg string,
	// Go image to compile in instead of the one in ci/images.lock.json.
	//
	// +optional
	builder string,
	// AWS region of the private registry and of the functions.
	//
	// +default="us-east-1"
	region string,
	// AWS account of the registry (default: the account of the credentials, which is that of the functions).
	//
	// +optional
	account string,
	// Alias of the public registry, as in public.ecr.aws/ALIAS (default: the account's primary one).
	//
	// +optional
	publicAlias string,
	// Private registry, host[:port][/path] (default: ECR of the account and region).
	//
	// +optional
	privateRegistry string,
	// Public registry, host[:port][/path] (default: public.ecr.aws/ALIAS).
	//
	// +optional
	publicRegistry string,
	// URL of a stand-in for AWS, such as LocalStack or moto (default: AWS).
	//
	// +optional
	awsEndpointURL string,
	// AWS access key, such as env://AWS_ACCESS_KEY_ID. Only steps that act on AWS get it.
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

// lockedBuilder returns the Go image of the lock file, by digest if the file has one,
// and from the mirror that the file names for its registry.
func lockedBuilder() (string, error) {
	var lock struct {
		Builder struct{ Reference, Digest string }
		Mirrors map[string]string
	}
	if err := json.Unmarshal(lockFile, &lock); err != nil {
		return "", fmt.Errorf("read ci/images.lock.json: %w", err)
	}
	reference := lock.Builder.Reference
	registry, repository, _ := strings.Cut(reference, "/")
	if mirror := lock.Mirrors[registry]; mirror != "" {
		reference = mirror + "/" + repository
	}
	if lock.Builder.Digest == "" {
		return reference, nil
	}
	return reference + "@" + lock.Builder.Digest, nil
}
