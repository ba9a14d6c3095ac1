package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lambdas.internal/ci/internal/dagger"
)

// Publish audits the images, pushes them under NAME-COMMIT and, when all are there, moves each NAME-latest.
//
// +cache="never"
func (m *Ci) Publish(
	ctx context.Context,
	// Commit to publish under, 7 to 40 hexadecimal digits.
	commit string,
	// Images to publish, by name; all when none is named.
	//
	// +optional
	only []string,
	// Say what would be done, and send nothing.
	//
	// +optional
	dryRun bool,
	// Make the repositories that are missing.
	//
	// +optional
	createRepositories bool,
	// Give a commit's tag to another image than it has.
	//
	// +optional
	force bool,
	// The CI run that publishes, for the provenance: its variables, such as GITHUB_RUN_ID=$GITHUB_RUN_ID.
	//
	// +optional
	run []string,
) (string, error) {
	in, err := told(m.withImages(only), run)
	if err != nil {
		return "", err
	}
	return m.release(ctx, in, only, slices.Concat(
		[]string{"publish", "--commit", commit}, m.private(), m.public(),
		flags(map[string]bool{"--dry-run": dryRun, "--create-repositories": createRepositories, "--force": force}))...)
}

// told is the container with the variables that say which CI run it works for.
func told(in *dagger.Container, run []string) (*dagger.Container, error) {
	for _, variable := range run {
		name, value, ok := strings.Cut(variable, "=")
		if !ok || !strings.HasPrefix(name, "GITHUB_") && !strings.HasPrefix(name, "CODEBUILD_") {
			return nil, fmt.Errorf("--run: %q is no variable of GitHub Actions or CodeBuild, as GITHUB_RUN_ID=1 is", name)
		}
		in = in.WithEnvVariable(name, value)
	}
	return in, nil
}
