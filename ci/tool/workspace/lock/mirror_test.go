package lock_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/workspace/lock"
)

func TestMirrors(t *testing.T) {
	const digest = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	m := lock.Mirrors{}
	require.NoError(t, m.Add("docker.io", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/docker-hub/"))
	require.NoError(t, m.Add("public.ecr.aws", "127.0.0.1:5000"))
	for reference, want := range map[string]string{
		"docker.io/mwader/static-ffmpeg:9.0.2":              "123456789012.dkr.ecr.eu-central-1.amazonaws.com/docker-hub/mwader/static-ffmpeg:9.0.2",
		"docker.io/library/golang:1.26.8-bookworm" + digest: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/docker-hub/library/golang:1.26.8-bookworm" + digest,
		"golang:1.26": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/docker-hub/library/golang:1.26",
		"public.ecr.aws/lambda/provided" + digest: "127.0.0.1:5000/lambda/provided" + digest,
		"127.0.0.1:5001/a/b:1":                    "127.0.0.1:5001/a/b:1",
		"ghcr.io/a/b":                             "ghcr.io/a/b",
	} {
		got, ok := m.Of(reference)
		assert.Equal(t, want, got)
		assert.Equal(t, want != reference, ok, reference)
	}
	for registry, mirror := range map[string]string{
		"docker.io/library": "127.0.0.1:5000", "": "127.0.0.1:5000", "docker.io": "", "quay.io": "http://127.0.0.1:5000", "ghcr.io": "NOT A HOST", "a.io": "mirror",
	} {
		require.Error(t, m.Add(registry, mirror), "%s=%s", registry, mirror)
	}
}
