package main

import (
	"context"
	"slices"
)

// Provenance shows how a published image was made: from which commit, from which base and modules, by which run.
//
// +cache="never"
func (m *Ci) Provenance(
	ctx context.Context,
	// Name of the image, such as "api"; `list` shows them.
	name string,
	// Commit that the image was published under.
	commit string,
) (string, error) {
	return m.act(ctx, slices.Concat([]string{"provenance", "--name", name, "--commit", commit, "--json"}, m.private(), m.public())...)
}
