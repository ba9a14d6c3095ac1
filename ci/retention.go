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
) (string, error) {
	return m.act(ctx, slices.Concat([]string{"retention"}, optional("--public-registry", m.PublicRegistry),
		flags(map[string]bool{"--dry-run": dryRun}))...)
}
