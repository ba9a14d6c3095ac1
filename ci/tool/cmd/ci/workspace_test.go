package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/run/rootfs"
	"lambdas.internal/ci/tool/workspace/catalog"
)

var reproduceAll = flag.Bool("reproduce-all", false, "build all images twice with empty caches, not only one")

// repository is the workspace that this program belongs to.
const repository = "../../../.."

// ci runs one command line and returns its standard output.
func ci(t *testing.T, args ...string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, &stdout, &stderr)
	require.Equal(t, exitDone, code, "ci %s\n%s", strings.Join(args, " "), stderr.String())
	return stdout.Bytes()
}

// output runs a command line that succeeds, and returns its standard output.
func (e environment) output(t *testing.T, args ...string) []byte {
	t.Helper()
	got := e.run(t, args...)
	require.Equal(t, exitDone, got.code, "ci %s\n%s", strings.Join(args, " "), got.stderr)
	return []byte(got.stdout)
}

// buildAll builds the workspace at root and returns the report.
func buildAll(t *testing.T, root, out string, args ...string) build.Report {
	t.Helper()
	return reported(t, ci(t, buildArgs(root, out, args)...))
}

func buildArgs(root, out string, args []string) []string {
	return append([]string{"build-all", "--root", root, "--out", out, "--json"}, args...)
}

func reported(t *testing.T, out []byte) build.Report {
	t.Helper()
	var r build.Report
	require.NoError(t, json.Unmarshal(out, &r))
	return r
}

// workspaceCache holds what these tests reuse between runs, such as npm's ffmpeg.
func workspaceCache(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(repository, ".cache", "ci"))
	require.NoError(t, err)
	return dir
}

func TestThisRepositoryImages(t *testing.T) {
	t.Parallel()
	cacheDir, dist := workspaceCache(t), t.TempDir()
	r := buildAll(t, repository, dist, "--cache", cacheDir, "--base", "static", "--ffmpeg", "static")

	c, err := catalog.Load(repository)
	require.NoError(t, err)
	var names []string
	ffmpeg := map[string]bool{}
	for _, row := range r.Images {
		names = append(names, row.Image)
		kinds := ""
		for _, l := range row.Layers {
			kinds += l.Kind + " "
			if l.Kind == "ffmpeg" {
				ffmpeg[l.Digest] = true
			}
		}
		if row.Variant == catalog.Heavy {
			assert.Equal(t, "base ffmpeg binary ", kinds, row.Image)
		} else {
			assert.Equal(t, "base binary ", kinds, row.Image)
		}
	}
	assert.Equal(t, []string{"api", "enhance", "select", "thumb", "video"}, names)
	assert.Len(t, ffmpeg, 1, "the ffmpeg layer is the same in every heavy image")

	again := buildAll(t, repository, dist, "--cache", cacheDir, "--base", "static", "--ffmpeg", "static")
	for i, row := range again.Images {
		assert.Equal(t, r.Images[i].Digest, row.Digest, row.Image)
		assert.Contains(t, row.Reused(), "binary", row.Image)
	}

	t.Run("the layout", func(t *testing.T) {
		t.Parallel()
		testValid(t, dist)
	})
	for _, f := range c.Functions {
		t.Run(f.Image, func(t *testing.T) {
			t.Parallel()
			testImage(t, c, f, dist)
		})
	}
}

// testValid checks the layout with another implementation. It reads a layer that several
// images share once.
func testValid(t *testing.T, dist string) {
	index, err := layout.ImageIndexFromPath(dist)
	require.NoError(t, err)
	require.NoError(t, validate.Index(index, validate.Fast), "all but the content of the layers")
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	type content struct {
		diffID v1.Hash
		size   int64
	}
	known := map[v1.Hash]content{}
	for _, d := range manifest.Manifests {
		img, err := index.Image(d.Digest)
		require.NoError(t, err)
		config, err := img.ConfigFile()
		require.NoError(t, err)
		m, err := img.Manifest()
		require.NoError(t, err)
		layers, err := img.Layers()
		require.NoError(t, err)
		require.Len(t, config.RootFS.DiffIDs, len(layers))
		for i, l := range layers {
			digest := m.Layers[i].Digest
			if _, ok := known[digest]; !ok {
				require.NoError(t, validate.Layer(l), digest)
				diffID, err := l.DiffID()
				require.NoError(t, err)
				known[digest] = content{diffID, m.Layers[i].Size}
			}
			assert.Equal(t, content{config.RootFS.DiffIDs[i], m.Layers[i].Size}, known[digest], digest)
		}
	}
}

// testImage starts what is in the image: the function as Lambda does, and ffmpeg.
func testImage(t *testing.T, c *catalog.Catalog, f catalog.Function, dist string) {
	if runtime.GOOS != "linux" {
		t.Skip("an image holds Linux programs")
	}
	root := t.TempDir()
	require.NoError(t, rootfs.Unpack(t.Context(), dist, f.Image, root))
	event, err := os.ReadFile(filepath.Join(c.Root, f.Folder, "testdata", "event.json"))
	require.NoError(t, err)

	var logs bytes.Buffer
	function, err := invoke.Start(root, invoke.Options{Name: f.Lambda, Logs: &logs})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	response, err := function.Invoke(ctx, event)
	require.NoError(t, function.Stop())
	require.NoError(t, err, logs.String())
	if response.Error != nil {
		// Nothing is configured here, and the function says what it misses.
		assert.Equal(t, "ConfigurationError", response.Error.Type, logs.String())
		assert.Regexp(t, `environment variable [A-Z_]+ is not set`, response.Error.Message)
	} else {
		assert.True(t, json.Valid(response.Payload), string(response.Payload))
	}

	for _, program := range []string{"ffmpeg", "ffprobe"} {
		file := filepath.Join(root, "usr/local/bin", program)
		if f.Variant == catalog.Light {
			assert.NoFileExists(t, file)
			continue
		}
		cmd := exec.Command(file, "-version")
		if os.Geteuid() == 0 {
			cmd = exec.Command("chroot", root, "/usr/local/bin/"+program, "-version")
		}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		assert.Contains(t, string(out), program+" version")
	}
}

func TestThisRepositoryInvokeAnImageOfARegistry(t *testing.T) {
	dist := t.TempDir()
	buildAll(t, repository, dist, "--cache", workspaceCache(t), "--base", "static", "--only", "api")
	index, err := layout.ImageIndexFromPath(dist)
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	img, err := index.Image(manifest.Manifests[0].Digest)
	require.NoError(t, err)
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	reference := strings.TrimPrefix(server.URL, "http://") + "/light:api-latest"
	require.NoError(t, crane.Push(img, reference))

	out := ci(t, "invoke", "--root", repository, "--name", "api", "--image", reference)
	assert.Contains(t, string(out), `"statusCode":200`)

	var stderr bytes.Buffer
	code := run(t.Context(), []string{"invoke", "--root", repository, "--name", "api", "--image", reference + "-not"}, io.Discard, &stderr)
	assert.Equal(t, exitFailed, code)
	assert.Regexp(t, `^runs .*\nci: resolve .*api-latest-not: .*404.*\n$`, stderr.String())
}

// With -reproduce-all it is this workspace, all of it.
func TestArm64IsBuiltHereToo(t *testing.T) {
	t.Parallel()
	root, images := publishable(t, nil), 2
	if *reproduceAll {
		root, images = repository, 5
	}
	r := buildAll(t, root, t.TempDir(), "--cache", t.TempDir(), "--platform", "linux/arm64", "--base", "static", "--ffmpeg", "static")
	assert.Equal(t, "linux/arm64", r.Platform)
	assert.Len(t, r.Images, images)
}

// TestLongTwoFoldersGiveTheSameDigests builds a small workspace, and an image of this one,
// in two folders, the small one with a Go build cache that starts empty. With
// -reproduce-all it builds all images of this one, with build and module caches that
// start empty.
func TestLongTwoFoldersGiveTheSameDigests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		workspace func(root string)
		empty     bool
		args      []string
	}{
		"a small workspace": {func(root string) { require.NoError(t, os.CopyFS(root, os.DirFS(publishable(t, nil)))) }, true, []string{"--base", "static"}},
		"this workspace":    {func(root string) { copyWorkspace(t, root) }, *reproduceAll, []string{"--base", "static", "--ffmpeg", "static"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !c.empty {
				c.args = append(c.args, "--only", "api")
			}
			var digests [2][]string
			for i, name := range []string{"here", "some/other/place"} {
				root := filepath.Join(t.TempDir(), name)
				c.workspace(root)
				env := environment{}
				if *reproduceAll {
					env["GOMODCACHE"] = filepath.Join(t.TempDir(), "mod")
					// Modules are read-only, which only `go clean` knows how to remove.
					clean := exec.Command("go", "clean", "-modcache")
					clean.Env = append(os.Environ(), "GOMODCACHE="+env["GOMODCACHE"])
					t.Cleanup(func() { assert.NoError(t, clean.Run()) })
				}
				if *reproduceAll || c.empty && i == 1 {
					env["GOCACHE"] = t.TempDir()
				}
				r := reported(t, env.output(t, buildArgs(root, filepath.Join(root, "dist"), append(c.args, "--cache", t.TempDir()))...))
				for _, row := range r.Images {
					digests[i] = append(digests[i], row.Image+" "+row.Digest)
				}
			}
			t.Logf("built twice:\n%s", strings.Join(digests[0], "\n"))
			assert.NotEmpty(t, digests[0])
			assert.Equal(t, digests[0], digests[1])
		})
	}
}

// copyWorkspace copies what images are built from.
func copyWorkspace(t *testing.T, to string) {
	t.Helper()
	for _, name := range []string{"functions", "shared"} {
		from := os.DirFS(filepath.Join(repository, name))
		require.NoError(t, os.CopyFS(filepath.Join(to, name), from))
	}
	for _, name := range []string{"go.work", "go.work.sum", "ci/images.lock.json", "ci/public.json"} {
		data, err := os.ReadFile(filepath.Join(repository, name))
		if name == "go.work.sum" && os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		file := filepath.Join(to, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), fs.ModePerm))
		require.NoError(t, os.WriteFile(file, data, 0o644))
	}
}
