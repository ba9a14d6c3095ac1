package main

import (
	"context"
	"fmt"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// What the local system listens on. A browser uploads to S3 itself, so both ports are exposed.
const (
	apiPort = 8080
	s3Port  = 9000
)

// dynalite is the version of the DynamoDB server, as in the Makefile.
const dynalite = "4.0.0"

// Up runs the whole system: all functions from their images, with servers in place of API Gateway, Lambda, S3 and DynamoDB. It is at http://127.0.0.1:8080, with a page that uses it.
//
// +up
// +cache="never"
func (m *Ci) Up(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Environment variable of the functions, KEY=value; may be given again.
	//
	// +optional
	variable []string,
	// Key of Gemini, such as env://GEMINI_API_KEY. Without it, what needs Gemini says so.
	//
	// +optional
	geminiKey *dagger.Secret,
) (*dagger.Service, error) {
	// Errors of the build are shown here. The service finds its results in the volume.
	built, err := m.assemble(ctx, source, toolCache+"/images", nil)
	if err != nil {
		return nil, err
	}
	if _, err := done(ctx, built); err != nil {
		return nil, err
	}
	node := m.withPackages("nodejs", "npm").
		WithExec([]string{"npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", "/npm", "dynalite@" + dynalite})
	in := m.step(node, source).
		WithMountedDirectory(workspace+"/.cache/npm", node.Directory("/npm")).
		WithExposedPort(apiPort).
		WithExposedPort(s3Port)
	if geminiKey != nil {
		in = in.WithSecretVariable("GEMINI_API_KEY", geminiKey)
	}
	return in.AsService(dagger.ContainerAsServiceOpts{Args: slices.Concat(
		m.platformArgs("ci", "up", "--listen", fmt.Sprint("0.0.0.0:", apiPort), "--s3-listen", fmt.Sprint("0.0.0.0:", s3Port), "--out", "/dist"),
		optional("--base", m.BaseRef), optional("--ffmpeg", m.FFmpegRef), each("--env", variable))}), nil
}
