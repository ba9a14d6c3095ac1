package sizediff_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/inspect/sizediff"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func newCache(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.New(t.TempDir())
	require.NoError(t, err)
	return c
}

func TestAnImageOfALayout(t *testing.T) {
	dir := registrytest.Layout(t, registrytest.Functions(), "v1", nil, image.Pinned, "npm")
	kept := newCache(t)

	images, err := sizediff.AllFromLayout(dir, registrytest.Functions(), kept)

	require.NoError(t, err)
	i := images["thumb"]
	assert.Len(t, i.Manifest.Layers, 3)
	assert.Equal(t, "thumb", i.Config.Config.Labels[image.LabelImage])
	assert.FileExists(t, filepath.Join(dir, "blobs", "sha256", i.Digest.Hex))
	program, err := i.Program(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "thumb v1", string(program))

	// A later build removed the layer; it is still in the cache.
	last := i.Manifest.Layers[2]
	content, err := os.ReadFile(filepath.Join(dir, "blobs", "sha256", last.Digest.Hex))
	require.NoError(t, err)
	_, err = kept.PutBytes(content)
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(dir, "blobs", "sha256", last.Digest.Hex)))
	program, err = i.Program(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "thumb v1", string(program))
	require.NoError(t, os.Remove(kept.Blob(last.Digest)))
	_, err = i.Program(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestWhatALayoutDoesNotHold(t *testing.T) {
	dir := registrytest.Layout(t, registrytest.Functions(), "v1", nil, image.Pinned, "npm")

	api, gone := catalog.Function{Image: "api"}, catalog.Function{Image: "gone"}

	_, err := sizediff.AllFromLayout(dir, []catalog.Function{gone}, newCache(t))
	require.ErrorContains(t, err, "holds none of the images")
	found, err := sizediff.AllFromLayout(dir, []catalog.Function{api, gone}, newCache(t))
	require.NoError(t, err)
	assert.Len(t, found, 1)
	_, err = sizediff.AllFromLayout(t.TempDir(), []catalog.Function{api}, newCache(t))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NotContains(t, err.Error(), "holds none of the images")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "blobs")))
	_, err = sizediff.AllFromLayout(dir, []catalog.Function{api, gone}, newCache(t))
	require.ErrorContains(t, err, "read image api of "+dir+": ")
}

// push pushes the images of a layout to a registry, with commit aaaaaaa in their tags.
func push(t *testing.T, dir, host string) []reference.Item {
	t.Helper()
	functions := registrytest.Functions()
	images, err := publish.ReadImages(dir, functions, nil)
	require.NoError(t, err)
	items := reference.Items(functions, reference.Hosts{Private: host, Public: host}, "aaaaaaa")
	p := publish.NewPublisher(registry.NewClient(registry.Options{}), publish.DefaultParallel)
	state, err := p.Inspect(t.Context(), items, images)
	require.NoError(t, err)
	plan, err := publish.NewPlan(items, images, state, false)
	require.NoError(t, err)
	_, err = p.Run(t.Context(), plan, images)
	require.NoError(t, err)
	return items
}

func TestAnImageOfARegistry(t *testing.T) {
	server := registrytest.New(t)
	dir := registrytest.Layout(t, registrytest.Functions(), "v1", nil, image.Pinned, "npm")
	item := push(t, dir, server.Host)[0]
	server.Fail(nil) // starts to count again
	client, kept := registry.NewClient(registry.Options{}), newCache(t)

	i, err := sizediff.FromRegistry(t.Context(), client, kept, item.Repository, item.CommitTag)

	require.NoError(t, err)
	assert.Equal(t, item.Image, i.Config.Config.Labels[image.LabelImage])
	program, err := i.Program(t.Context())
	require.NoError(t, err)
	assert.Equal(t, item.Image+" v1", string(program))
	blobs := func() (paths []string) {
		for _, r := range server.Requests() {
			if r.Kind == "blob" {
				paths = append(paths, r.Path)
			}
		}
		return paths
	}
	assert.Len(t, blobs(), 2, "the configuration and one layer, none of the base")
	_, err = i.Program(t.Context())
	require.NoError(t, err)
	assert.Len(t, blobs(), 2, "the layer is in the cache")

	_, err = sizediff.FromRegistry(t.Context(), client, kept, item.Repository, "api-bbbbbbb")
	require.ErrorContains(t, err, "api-bbbbbbb in "+item.Repository)
}

// If the connection breaks in the middle of a layer, the layer is requested again, and the
// first part is not kept.
func TestALayerThatArrivesCut(t *testing.T) {
	server := registrytest.New(t)
	dir := registrytest.Layout(t, registrytest.Functions(), "v1", nil, image.Pinned, "npm")
	item := push(t, dir, server.Host)[0]
	kept := newCache(t)
	client := registry.NewClient(registry.Options{Retry: &registry.Retry{Attempts: 3, First: time.Millisecond, Longest: time.Millisecond}})
	i, err := sizediff.FromRegistry(t.Context(), client, kept, item.Repository, item.CommitTag)
	require.NoError(t, err)
	cut := 0
	server.Fail(func(r registrytest.Request, w http.ResponseWriter, request *http.Request, serve http.Handler) bool {
		if r.Kind != "blob" || request.Method != http.MethodGet || cut > 1 {
			return false
		}
		cut++
		return registrytest.Do(registrytest.Truncated, w, request, serve)
	})

	program, err := i.Program(t.Context())

	require.NoError(t, err)
	assert.Equal(t, item.Image+" v1", string(program))
	assert.Equal(t, 2, cut)
}

// faulty has fixed answers.
type faulty struct {
	sizediff.Registry
	manifest []byte
	err      error
}

func (f faulty) Manifest(context.Context, string, string) ([]byte, v1.Hash, error) {
	return f.manifest, v1.Hash{}, nil
}
func (f faulty) Blob(context.Context, string, v1.Hash) ([]byte, error) { return []byte("{"), f.err }

const digits = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func TestAnImageThatIsDamaged(t *testing.T) {
	const good = `{"config": {"digest": "sha256:` + digits + `"}, "layers": [{"digest": "sha256:` + digits + `", "size": 1}]}`
	for name, c := range map[string]struct {
		r    faulty
		want string
	}{
		"the manifest":             {faulty{manifest: []byte("{")}, "read t in r: the manifest: unexpected end of JSON input"},
		"an index":                 {faulty{manifest: []byte(`{"mediaType": "an index"}`)}, "read t in r: the manifest (an index) has no layers"},
		"the configuration":        {faulty{manifest: []byte(good)}, "read t in r: the configuration: unexpected end of JSON input"},
		"no configuration at all ": {faulty{manifest: []byte(good), err: errors.New("gone")}, "read t in r: gone"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sizediff.FromRegistry(t.Context(), c.r, newCache(t), "r", "t")
			require.EqualError(t, err, c.want)
		})
	}
}
