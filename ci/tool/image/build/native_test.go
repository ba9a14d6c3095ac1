package build_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/lock"
)

func TestNative(t *testing.T) {
	w := newWorld(t)
	w.Platform = v1.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH}
	npm, name := testkit.NewNPM(t), runtime.GOARCH
	if runtime.GOOS != "linux" {
		name = runtime.GOOS + "-" + name
	}
	w.Lock.Static = map[string]lock.Static{name: {
		FFmpeg:  npm.Publish(t, "@example/ffmpeg", "1.0.0", "ffmpeg", "the program"),
		FFprobe: npm.Publish(t, "@example/ffprobe", "1.0.0", "ffprobe", "the other one"),
	}}

	n, err := w.Native(t.Context(), w.Catalog.Functions)

	require.NoError(t, err)
	for _, f := range w.Catalog.Functions {
		root := t.TempDir()
		require.NoError(t, n.Lay(f, root))
		require.NoError(t, exec.Command(filepath.Join(root, image.BootstrapPath)).Run(), "it runs on this machine")
		assert.DirExists(t, filepath.Join(root, image.TaskRoot))
		for at, want := range map[string]string{image.FFmpegPath: "the program", image.FFprobePath: "the other one"} {
			data, err := os.ReadFile(filepath.Join(root, at))
			if f.Variant == catalog.Light {
				require.ErrorIs(t, err, os.ErrNotExist)
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, want, string(data))
		}
	}
	assert.NoDirExists(t, w.dist, "there is no image")
}
