package main

import "context"

// Sbom lists what an image is made of (Go modules, ffmpeg, base) in the format CycloneDX. Publish attaches the same document to the image.
func (m *Ci) Sbom(
	ctx context.Context,
	// Name of the image, such as "api"; `list` shows them.
	name string,
) (string, error) {
	return output(ctx, m.examine([]string{name}, m.platformArgs("sbom", "--from", layout, "--name", name, "--json")...))
}
