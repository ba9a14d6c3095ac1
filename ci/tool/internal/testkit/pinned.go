package testkit

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/image/layer"
)

// Base returns a base image for two platforms: small, but with what AWS's has.
func Base(t testing.TB) v1.ImageIndex {
	t.Helper()
	entrypoint := layer.Text("lambda-entrypoint.sh", 0o755, "#!/bin/sh\n")
	task := layer.Text("var/task/.keep", 0o644, "") // where functions start
	return OCIIndex(t, map[*v1.Platform]v1.Image{&AMD64: OCIImage(t, AMD64, entrypoint, task), &ARM64: OCIImage(t, ARM64, entrypoint, task)})
}

// FFmpeg returns an image with the two programs, which do not run.
func FFmpeg(t testing.TB) v1.Image {
	t.Helper()
	program := Program(t, "amd64", false)
	return OCIImage(t, AMD64, layer.Text("ffmpeg", 0o755, program), layer.Text("ffprobe", 0o755, program+"probe"))
}
