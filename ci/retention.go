package main

import (
	"context"
	"slices"
)

// Retention keeps the last five images of each function, and whatever is live: lifecycle policies at ECR, and deletion at ECR Public.
//
// +cache="never"
func (m *Ci) Retention(
	ctx context.Context,
	// Say what would be done, and change nothing.
	//
	// +optional
	dryRun bool,
) (string, error) {
	return m.act(ctx, slices.Concat([]string{"retention"}, optional("--public-registry", m.PublicRegistry),
		flags(map[string]bool{"--dry-run": dryRun}))...)
}
