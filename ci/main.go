// Build, check, publish and deploy the container images of this repository's Lambda functions.
//
// Every step runs the repository's own program, ci/tool, in a container. On a machine
// without an engine, bin/ci runs the same program and gives the same digests. Start
// with `dagger call build-all`.
package main

import (
	"context"

	"lambdas.internal/ci/internal/dagger"
)

// Ci builds, checks, publishes and deploys the images.
type Ci struct {
	// +private
	ToolSource *dagger.Directory
	// +private
	Platform string
	// +private
	BaseRef string
	// +private
	FFmpegRef string
	// ToolBuilder is the Go image that compiles the program, and in which it runs.
	//
	// +private
	ToolBuilder string
	// FunctionBuilder is the Go image that compiles the functions; empty for that of the source's lock file.
	//
	// +private
	FunctionBuilder string
	// +private
	Volumes string
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

// New sets what all functions of the module share. Every argument has a default.
func New(
	ctx context.Context,
	// Source of the program that every step runs.
	//
	// +defaultPath="/ci/tool"
	// +ignore=["**/*_test.go", "**/testdata"]
	tool *dagger.Directory,
	// Platform to build for, linux/amd64 or linux/arm64 (default: that of each function).
	//
	// +optional
	platform string,
	// Base image instead of the one in ci/images.lock.json. A tag is looked up on each call.
	//
	// +optional
	base *dagger.Container,
	// Build on the small static base of the program instead.
	//
	// +optional
	staticBase bool,
	// Image to take ffmpeg from instead of the one in ci/images.lock.json. A tag is looked up on each call.
	//
	// +optional
	ffmpeg *dagger.Container,
	// Go image to compile in instead of the one in ci/images.lock.json. A tag is looked up on each call.
	//
	// +optional
	builder *dagger.Container,
	// Beginning of the names of the cache volumes. A release can have volumes that other builds do not write.
	//
	// +default="lambdas"
	volumes string,
	// AWS region of the private registry and of the functions, or several with commas between, the first where a release begins.
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
	// Private registry, host[:port][/path], with {region} for each region's in ECR (default: ECR of the account and region).
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
	m := &Ci{
		ToolSource: tool, Platform: platform, Volumes: volumes,
		Region: region, Account: account, PublicAlias: publicAlias,
		PrivateRegistry: privateRegistry, PublicRegistry: publicRegistry,
		EndpointURL: awsEndpointURL,
		AccessKeyID: awsAccessKeyID, SecretAccessKey: awsSecretAccessKey, SessionToken: awsSessionToken,
	}
	return m, m.pin(ctx, base, staticBase, ffmpeg, builder)
}
