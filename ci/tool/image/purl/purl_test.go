package purl

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestURLs(t *testing.T) {
	for want, got := range map[string]string{
		"pkg:golang/github.com/burntsushi/toml@v1.5.0": Module("github.com/BurntSushi/toml", "v1.5.0"),
		"pkg:golang/std@1.26.8":                        Module("std", "1.26.8"),
		"pkg:npm/%40ffmpeg-installer/linux-x64@4.1.0":  NPM("@ffmpeg-installer/linux-x64", "4.1.0"),
		"pkg:npm/left@1":                               NPM("left", "1"),
		"pkg:oci/static-ffmpeg@sha256:ab?repository_url=docker.io%2Fmwader%2Fstatic-ffmpeg&tag=7.1.1": Image("docker.io/mwader/static-ffmpeg:7.1.1", "sha256:ab"),
		"pkg:oci/ffmpeg@sha256:ab?repository_url=localhost:5000%2Fffmpeg":                             Image("localhost:5000/ffmpeg", "sha256:ab"),
		"pkg:oci/thumb@sha256:ab": Image("thumb", "sha256:ab"),
		"pkg:oci/provided?repository_url=public.ecr.aws%2Flambda%2Fprovided&tag=al2023": Image("public.ecr.aws/lambda/provided:al2023", ""),
	} {
		assert.Equal(t, want, got)
	}
}
