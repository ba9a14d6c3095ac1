package main

import (
	"context"
	"slices"
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
) (string, error) {
	return m.release(ctx, only, slices.Concat(
		[]string{"publish", "--commit", commit}, m.private(), m.public(),
		flags(map[string]bool{"--dry-run": dryRun, "--create-repositories": createRepositories, "--force": force}))...)
}
