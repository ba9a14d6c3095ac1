package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lambdas.internal/ci/internal/dagger"
)

// signingKey is the file with the key that signs documents. It is in memory.
const signingKey = "/run/secrets/signing-key"

// Publish audits the images and pushes them under NAME-COMMIT. When all are in the registries, it moves each NAME-latest.
//
// +cache="never"
func (m *Ci) Publish(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Repository with its history; the commit must be the one that is checked out, and must hold what is built.
	//
	// +defaultPath="/"
	// +ignore=["bin", "dist", ".cache"]
	repository *dagger.Directory,
	// Commit to publish under, 7 to 40 hexadecimal digits.
	commit string,
	// Names of the images to publish (default: all).
	//
	// +optional
	only []string,
	// Show what would be done and send nothing.
	//
	// +optional
	dryRun bool,
	// Make repositories that are missing.
	//
	// +optional
	createRepositories bool,
	// Move a commit's tag that names another image.
	//
	// +optional
	force bool,
	// Leave the latest tags as they are, as for a branch.
	//
	// +optional
	noLatest bool,
	// Move the latest tags to this commit, also if it does not come after the one that they name.
	//
	// +optional
	moveLatest bool,
	// How long to wait for what ECR replicates to other regions, before sending it there, such as 10m (default: 5m).
	//
	// +optional
	replicationTimeout string,
	// Private key, in PEM, that signs the SBOM and the provenance, such as file://key.pem.
	//
	// +optional
	sign *dagger.Secret,
	// Variables of the CI run that publishes, such as GITHUB_RUN_ID=$GITHUB_RUN_ID; they go into the provenance.
	//
	// +optional
	run []string,
	// Publish with uncommitted changes, or where there is no repository to check the commit in.
	//
	// +optional
	allowDirty bool,
	// Folder of the repository, if .git is a file, as in a linked work tree: "$(git rev-parse --git-common-dir)".
	//
	// +optional
	git *dagger.Directory,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	in, err := m.withImages(ctx, source, only)
	if err != nil {
		return "", err
	}
	if in, err = told(in, run); err != nil {
		return "", err
	}
	if in, err = withRepository(ctx, in, repository.WithDirectory("/", source), git, allowDirty); err != nil {
		return "", err
	}
	signed := ""
	if sign != nil {
		signed = signingKey
		in = in.WithMountedSecret(signingKey, sign)
	}
	return m.release(ctx, in, only, slices.Concat(
		[]string{"publish", "--commit", commit}, m.private(), m.public(), optional("--sign", signed), optional("--replication-timeout", replicationTimeout),
		flags(map[string]bool{"--allow-dirty": allowDirty, "--dry-run": dryRun, "--create-repositories": createRepositories, "--force": force,
			"--no-latest": noLatest, "--move-latest": moveLatest, "--json": asJSON}))...)
}

// told returns the container with the variables that name the CI run.
func told(in *dagger.Container, run []string) (*dagger.Container, error) {
	for _, variable := range run {
		name, value, ok := strings.Cut(variable, "=")
		if !ok || !strings.HasPrefix(name, "GITHUB_") && !strings.HasPrefix(name, "CODEBUILD_") {
			return nil, fmt.Errorf("--run: %q is not a variable of GitHub Actions or CodeBuild; write for instance GITHUB_RUN_ID=1", name)
		}
		in = in.WithEnvVariable(name, value)
	}
	return in, nil
}
