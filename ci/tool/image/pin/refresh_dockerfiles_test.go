package pin_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

func TestDockerfiles(t *testing.T) {
	l := &lock.Lock{
		Base:    lock.Image{Reference: "example.com/base:1", Digest: "sha256:aa"},
		FFmpeg:  lock.Image{Reference: "example.com/ffmpeg:1"},
		Builder: lock.Image{Reference: "example.com/go:1", Digest: "sha256:$1"},
	}
	for name, c := range map[string]struct{ before, after string }{
		"other images":        {"# ARG BASE=kept\nARG BUILDER=old:1\nARG FFMPEG=old:1@sha256:00\nARG BASE=\nFROM ${BASE}\n", "# ARG BASE=kept\nARG BUILDER=example.com/go:1@sha256:$1\nARG FFMPEG=example.com/ffmpeg:1\nARG BASE=example.com/base:1@sha256:aa\nFROM ${BASE}\n"},
		"the same images":     {"ARG BASE=example.com/base:1@sha256:aa\n", "ARG BASE=example.com/base:1@sha256:aa\n"},
		"no default":          {"ARG BASE\nARG BASE_URL=x\n", "ARG BASE\nARG BASE_URL=x\n"},
		"lines that end CRLF": {"ARG BASE=old\r\nFROM x\r\n", "ARG BASE=example.com/base:1@sha256:aa\r\nFROM x\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			testkit.Write(t, root, map[string]string{"ci/docker/Dockerfile.light": c.before, "ci/docker/README": c.before, "Dockerfile.light": c.before})

			changed, err := pin.Dockerfiles(root, l)

			require.NoError(t, err)
			var want []string
			if c.before != c.after {
				want = []string{"ci/docker/Dockerfile.light"}
			}
			assert.Equal(t, want, changed)
			assert.Equal(t, map[string]string{"ci/docker/Dockerfile.light": c.after, "ci/docker/README": c.before, "Dockerfile.light": c.before}, testkit.Tree(t, root))
		})
	}
}

func TestWithoutDockerfiles(t *testing.T) {
	changed, err := pin.Dockerfiles(t.TempDir(), &lock.Lock{})
	require.NoError(t, err)
	assert.Empty(t, changed)
}

func TestADockerfileThatCannotBeRead(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "ci/docker/Dockerfile.light"), 0o755))
	_, err := pin.Dockerfiles(root, &lock.Lock{})
	require.ErrorContains(t, err, "read the images of a Dockerfile: ")
}

// The Dockerfiles of this repository are as lock writes them.
func TestOwnDockerfiles(t *testing.T) {
	root := t.TempDir()
	own := filepath.Join("..", "..", "..", "..")
	require.NoError(t, os.CopyFS(filepath.Join(root, "ci/docker"), os.DirFS(filepath.Join(own, "ci", "docker"))))
	l, err := lock.Load(own)
	require.NoError(t, err)

	changed, err := pin.Dockerfiles(root, l)

	require.NoError(t, err)
	assert.Empty(t, changed)
}
