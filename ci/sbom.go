package main

import "context"

// Sbom lists what an image is made of, Go modules, ffmpeg and base, as CycloneDX: what publish attaches to it.
func (m *Ci) Sbom(
	ctx context.Context,
	// Name of the image, such as "api"; `list` shows them.
	name string,
) (string, error) {
	return output(ctx, m.examine([]string{name}, m.platformArgs("sbom", "--from", layout, "--name", name, "--json")...))
}
