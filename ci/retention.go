package main

import (
	"context"
	"slices"
)

// Retention keeps the last five images of each name and every image that a function runs. At ECR it sets lifecycle policies; at ECR Public it deletes older images.
//
// +cache="never"
func (m *Ci) Retention(
	ctx context.Context,
	// Show what would be done and change nothing.
	//
	// +optional
	dryRun bool,
	// Image names of removed functions. Their images are deleted, except those that a function runs.
	//
	// +optional
	removed []string,
) (string, error) {
	args := slices.Concat([]string{"retention"}, optional("--private-registry", m.PrivateRegistry), optional("--public-registry", m.PublicRegistry),
		flags(map[string]bool{"--dry-run": dryRun}))
	for _, name := range removed {
		args = append(args, "--removed", name)
	}
	return m.act(ctx, args...)
}
