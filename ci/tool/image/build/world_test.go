package build_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	ggcr "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/lock"
)

const api, thumb = "functions/media-lambda/", "functions/thumbnail-lambda/"

// warm is a cache that the tests share, so that a binary that several tests use is
// compressed once.
var warm string

func TestMain(m *testing.M) {
	var err error
	if warm, err = os.MkdirTemp("", "cache"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(warm)
	os.Exit(code)
}

// world is a workspace with a registry that has a base and ffmpeg for it.
type world struct {
	*build.Builder
	registry *testkit.Registry
	dist     string
	mu       sync.Mutex
	steps    []string // begun
	failed   []string // ended with an error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	// The registry's and the client's connections stay open for a while.
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	kept, err := cache.New(warm)
	require.NoError(t, err)
	w := &world{registry: testkit.NewRegistry(t), dist: filepath.Join(t.TempDir(), "dist")}
	images := map[string]map[*v1.Platform]v1.Image{"base": {}, "ffmpeg": {}}
	for _, p := range []*v1.Platform{&testkit.AMD64, &testkit.ARM64} {
		program := testkit.Program(t, p.Architecture, false)
		images["base"][p] = testkit.OCIImage(t, *p, layer.Text("lambda-entrypoint.sh", 0o755, p.Architecture))
		images["ffmpeg"][p] = testkit.OCIImage(t, *p, layer.Text("ffmpeg", 0o755, program), layer.Text("ffprobe", 0o755, program))
	}
	pinned := func(name string) lock.Image {
		index := testkit.OCIIndex(t, images[name])
		return lock.Image{Reference: w.registry.Push(t, name+":1", index), Digest: testkit.DigestOf(t, index).String()}
	}
	w.Builder = &build.Builder{
		Catalog: testkit.Workspace(t, nil), Cache: kept, Platform: testkit.AMD64,
		Lock: &lock.Lock{Base: pinned("base"), FFmpeg: pinned("ffmpeg")},
		Step: func(ctx context.Context, name string) (context.Context, func(error)) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.steps = append(w.steps, name)
			return ctx, func(err error) {
				w.mu.Lock()
				defer w.mu.Unlock()
				if err != nil {
					w.failed = append(w.failed, name)
				}
			}
		},
	}
	return w
}

// all builds the images, by default all; the build as a whole must not fail.
func (w *world) all(t *testing.T, only ...string) *build.Report {
	t.Helper()
	functions, err := w.Catalog.Select(only)
	require.NoError(t, err)
	r, err := w.All(t.Context(), functions, w.dist)
	require.NoError(t, err)
	return r
}

// change writes files of the workspace and reads its catalog again.
func (w *world) change(t *testing.T, files map[string]string) {
	t.Helper()
	testkit.Write(t, w.Catalog.Root, files)
	c, err := catalog.Load(w.Catalog.Root)
	require.NoError(t, err)
	w.Catalog = c
}

// held returns the digests of the images in dist, which must be a valid layout.
func (w *world) held(t *testing.T) map[string]string {
	t.Helper()
	index, err := layout.Index(w.dist)
	require.NoError(t, err)
	held := map[string]string{}
	for _, d := range index.Manifests {
		held[d.Annotations[image.AnnotationRefName]] = d.Digest.String()
	}
	path, err := ggcr.FromPath(w.dist)
	require.NoError(t, err)
	all, err := path.ImageIndex()
	require.NoError(t, err)
	require.NoError(t, validate.Index(all))
	testkit.NoLeftovers(t, w.dist)
	testkit.NoLeftovers(t, w.Cache.Path())
	return held
}

// reused returns what each row reused.
func reused(r *build.Report) map[string]string {
	kinds := map[string]string{}
	for _, row := range r.Images {
		kinds[row.Image] = strings.Join(row.Reused(), ",")
	}
	return kinds
}
