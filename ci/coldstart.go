package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Coldstart starts each image with none of its files in memory, and measures its cold start: time, memory, and how many blocks of the image are read.
//
// +cache="never"
func (m *Ci) Coldstart(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Name of the image (default: all).
	//
	// +optional
	name string,
	// Count the blocks that are new since a published commit, latest or live.
	//
	// +optional
	since string,
	// How often each image is started (default: 5).
	//
	// +optional
	starts int,
	// Environment variable of the functions, KEY=value; may be given again. It is no place for secrets.
	//
	// +optional
	variable []string,
	// Print Markdown instead of plain tables.
	//
	// +optional
	markdown bool,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	var only []string
	if name != "" {
		only = []string{name}
	}
	args := slices.Concat(m.platformArgs("coldstart", "--from", layout), optional("--name", name), number("--starts", starts), each("--env", variable),
		flags(map[string]bool{"--markdown": markdown, "--json": asJSON}))
	in, err := m.withImages(ctx, source, only)
	if err != nil {
		return "", err
	}
	if since == "" {
		return output(ctx, m.run(always(in.WithFile(toolPath, m.program())), args...))
	}
	return output(ctx, m.run(m.aws(in), slices.Concat(args, []string{"--since", since}, m.private(), m.public())...))
}
