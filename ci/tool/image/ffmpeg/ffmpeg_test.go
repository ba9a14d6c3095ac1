package ffmpeg_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/ffmpeg"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/licence"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

// programs returns the content of the layer's programs by their path, and checks that the
// licence files are there.
func programs(t *testing.T, c *cache.Cache, l layer.Layer) map[string]string {
	t.Helper()
	f, err := os.Open(c.Blob(l.Digest))
	require.NoError(t, err)
	defer f.Close()
	zr, err := gzip.NewReader(f)
	require.NoError(t, err)
	files, notices := map[string]string{}, map[string]string{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			want := licence.Texts()
			want[licence.Build] = l.Comment + "\n"
			if _, ok := notices[licence.Versions]; ok {
				want[licence.Versions] = versions
			}
			assert.Equal(t, want, notices)
			return files
		}
		require.NoError(t, err)
		if h.Typeflag == tar.TypeReg {
			data, err := io.ReadAll(tr)
			require.NoError(t, err)
			if name, ok := strings.CutPrefix(h.Name, licence.Dir+"/"); ok {
				assert.EqualValues(t, 0o644, h.Mode)
				notices[name] = string(data)
				continue
			}
			assert.EqualValues(t, 0o755, h.Mode)
			files[h.Name] = string(data)
		}
	}
}

// versions is the file with the versions of the libraries.
const versions = `{"ffmpeg": "7.1.1"}`

func choose(t *testing.T, r *testkit.Registry, img v1.Image) pin.Choice {
	t.Helper()
	reference := r.Push(t, "ffmpeg:7", img)
	return pin.Choice{Name: reference, Reference: reference, Digest: testkit.DigestOf(t, img), Pin: image.Pinned}
}

func TestFromAnImage(t *testing.T) {
	static, other := testkit.Program(t, "amd64", false), testkit.Program(t, "amd64", false)+"probe"
	want := map[string]string{"usr/local/bin/ffmpeg": static, "usr/local/bin/ffprobe": other}
	for name, files := range map[string][]layer.File{
		"in the root":       {layer.Text("ffmpeg", 0o755, static), layer.Text("ffprobe", 0o755, other)},
		"in /usr/local/bin": {layer.Text("usr/local/bin/ffmpeg", 0o755, static), layer.Text("usr/local/bin/ffprobe", 0o500, other)},
		"beside other files with these names": {
			layer.Text("usr/bin/ffmpeg", 0o755, static), layer.Text("usr/bin/ffprobe", 0o755, other),
			layer.Text("usr/share/completions/ffmpeg", 0o644, "complete -F _ffmpeg ffmpeg\n"),
			layer.Text("etc/ffprobe", 0o644, ""), layer.Text("versions.json", 0o644, versions), layer.Text("doc/versions.json", 0o644, "no"), layer.Directory("doc/ffmpeg", 0o755)},
	} {
		t.Run(name, func(t *testing.T) {
			r, c := testkit.NewRegistry(t), testkit.Cache(t)
			chosen := choose(t, r, testkit.OCIImage(t, testkit.AMD64, files...))
			assert.False(t, ffmpeg.Cached(c, chosen, testkit.AMD64))

			l, reused, err := ffmpeg.Get(t.Context(), c, chosen, nil, testkit.AMD64)

			require.NoError(t, err)
			assert.False(t, reused)
			assert.Equal(t, chosen.Name+"@"+chosen.Digest.String(), l.Comment)
			assert.Equal(t, want, programs(t, c, l))
			testkit.NoLeftovers(t, c.Path())
			assert.True(t, ffmpeg.Cached(c, chosen, testkit.AMD64))
			assert.False(t, ffmpeg.Cached(c, chosen, testkit.ARM64))

			r.Stop()
			again, reused, err := ffmpeg.Get(t.Context(), c, chosen, nil, testkit.AMD64)
			require.NoError(t, err)
			assert.True(t, reused)
			assert.Equal(t, l, again)
		})
	}
}

func TestFromAnImageRefuses(t *testing.T) {
	good := layer.Text("ffmpeg", 0o755, testkit.Program(t, "amd64", false))
	for name, c := range map[string]struct {
		files []layer.File
		want  string // with the reference where %s is
	}{
		"another architecture": {[]layer.File{good, layer.Text("ffprobe", 0o755, testkit.Program(t, "arm64", false))},
			": is built for EM_AARCH64, not for linux/amd64"},
		"shared libraries": {[]layer.File{good, layer.Text("ffprobe", 0o755, testkit.Program(t, "amd64", true))},
			": is linked dynamically; the image has no libraries for it"},
		"a missing program": {[]layer.File{good}, ": is missing"},
		"no program":        {[]layer.File{good, layer.Text("ffprobe", 0o755, "#!/bin/sh\n")}, ": is missing"},
		"a broken program":  {[]layer.File{good, layer.Text("ffprobe", 0o755, "\x7fELF")}, ": read the program: "},
	} {
		t.Run(name, func(t *testing.T) {
			r, kept := testkit.NewRegistry(t), testkit.Cache(t)
			chosen := choose(t, r, testkit.OCIImage(t, testkit.AMD64, c.files...))

			_, reused, err := ffmpeg.Get(t.Context(), kept, chosen, nil, testkit.AMD64)

			require.ErrorContains(t, err, "get ffmpeg: ffprobe from "+chosen.Name+"@"+chosen.Digest.String()+c.want)
			assert.NotContains(t, err.Error(), "\n")
			assert.False(t, reused)
			assert.Empty(t, testkit.Tree(t, kept.Path()))
			testkit.NoLeftovers(t, kept.Path())
		})
	}
}

func TestFromNPM(t *testing.T) {
	registry, c := testkit.NewNPM(t), testkit.Cache(t)
	program, probe := testkit.GoProgram(t, "amd64"), testkit.Program(t, "amd64", false)
	x64 := lock.Static{
		FFmpeg:  registry.Publish(t, "@ffmpeg-installer/linux-x64", "4.1.0", "ffmpeg", program),
		FFprobe: registry.Publish(t, "@ffprobe-installer/linux-x64", "5.2.0", "ffprobe", probe),
	}
	offline := pin.Choice{Pin: image.Offline}
	// The packages for arm64 are, by mistake, those for amd64.
	locked := map[string]lock.Static{"amd64": x64, "arm64": x64}

	l, reused, err := ffmpeg.Get(t.Context(), c, offline, locked, testkit.AMD64)

	require.NoError(t, err)
	assert.False(t, reused)
	assert.Equal(t, "npm @ffmpeg-installer/linux-x64@4.1.0, @ffprobe-installer/linux-x64@5.2.0", l.Comment)
	assert.Equal(t, map[string]string{"usr/local/bin/ffmpeg": program, "usr/local/bin/ffprobe": probe}, programs(t, c, l))
	asked := registry.Requests.Load()
	again, reused, err := ffmpeg.Get(t.Context(), c, offline, locked, testkit.AMD64)
	require.NoError(t, err)
	assert.True(t, reused)
	assert.Equal(t, l, again)
	assert.Equal(t, asked, registry.Requests.Load())

	_, _, err = ffmpeg.Get(t.Context(), c, offline, locked, testkit.ARM64)
	require.ErrorContains(t, err, "is built for EM_X86_64, not for linux/arm64", "what is made for amd64 is not used for arm64")

	wrong := lock.Static{FFmpeg: x64.FFprobe, FFprobe: x64.FFprobe}
	_, _, err = ffmpeg.Get(t.Context(), c, offline, map[string]lock.Static{"amd64": wrong}, testkit.AMD64)
	require.EqualError(t, err, "get ffmpeg: find ffmpeg in ffprobe-installer-linux-x64-5.2.0.tgz: it is missing")
	testkit.NoLeftovers(t, c.Path())
}

// For a function that runs on another system, the programs are files of this machine.
func TestPrograms(t *testing.T) {
	registry, c := testkit.NewNPM(t), testkit.Cache(t)
	locked := map[string]lock.Static{"darwin-arm64": {
		FFmpeg:  registry.Publish(t, "@ffmpeg-installer/darwin-arm64", "4.1.5", "ffmpeg", "of macOS"),
		FFprobe: registry.Publish(t, "@ffprobe-installer/darwin-arm64", "5.0.1", "ffprobe", "of macOS too"),
	}}
	mac := v1.Platform{OS: "darwin", Architecture: "arm64"}

	found, err := ffmpeg.Programs(t.Context(), c, locked, mac)

	require.NoError(t, err)
	for at, want := range map[string]string{image.FFmpegPath: "of macOS", image.FFprobePath: "of macOS too"} {
		data, err := os.ReadFile(found[at])
		require.NoError(t, err)
		assert.Equal(t, want, string(data))
		info, err := os.Stat(found[at])
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o755), info.Mode().Perm())
	}
	asked := registry.Requests.Load()
	again, err := ffmpeg.Programs(t.Context(), c, locked, mac)
	require.NoError(t, err)
	assert.Equal(t, found, again)
	assert.Equal(t, asked, registry.Requests.Load(), "they are kept")
	testkit.NoLeftovers(t, c.Path())

	_, err = ffmpeg.Programs(t.Context(), c, locked, v1.Platform{OS: "darwin", Architecture: "amd64"})
	require.EqualError(t, err, "get ffmpeg: ci/images.lock.json has no static build for darwin-amd64")
}

func TestFromNPMForAPlatformThatIsNotLocked(t *testing.T) {
	_, _, err := ffmpeg.Get(t.Context(), testkit.Cache(t), pin.Choice{Pin: image.Offline}, nil, testkit.ARM64)

	require.EqualError(t, err, "get ffmpeg: ci/images.lock.json has no static build for linux/arm64")
}
