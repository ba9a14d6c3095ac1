package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Vulncheck names the functions to redeploy because of a known vulnerability in a Go module or in ffmpeg.
//
// +cache="never"
func (m *Ci) Vulncheck(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Names of the images whose functions are checked (default: all).
	//
	// +optional
	only []string,
	// Copy of the vulnerability database (default: https://vuln.go.dev).
	//
	// +optional
	db *dagger.Directory,
	// Folder of OSV records of ffmpeg (default: https://api.osv.dev).
	//
	// +optional
	osv *dagger.Directory,
	// Also read what ECR's scan has found in the images that the functions run.
	//
	// +optional
	published bool,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	builder, err := m.Builder(ctx, source)
	if err != nil {
		return "", err
	}
	step := always(m.step(builder, source).WithFile(toolPath, m.program()))
	args := slices.Concat(m.platformArgs("vulncheck"), optional("--base", m.BaseRef), optional("--ffmpeg", m.FFmpegRef), named(only), flags(map[string]bool{"--json": asJSON}))
	if db != nil {
		step = step.WithMountedDirectory("/vulndb", db)
		args = append(args, "--db", "/vulndb")
	}
	if osv != nil {
		step = step.WithMountedDirectory("/osv", osv)
		args = append(args, "--osv", "/osv")
	}
	if published {
		step, args = m.aws(step), slices.Concat(args, []string{"--published"}, m.private())
	}
	return output(ctx, m.run(step, args...))
}
