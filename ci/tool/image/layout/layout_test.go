package layout_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ggcr "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/internal/testkit"
)

func all(v1.Descriptor) bool  { return true }
func none(v1.Descriptor) bool { return false }

// names returns the images of the layout, which must be valid and have no unneeded blob.
func names(t *testing.T, dir string) []string {
	t.Helper()
	path, err := ggcr.FromPath(dir)
	require.NoError(t, err)
	index, err := path.ImageIndex()
	require.NoError(t, err)
	require.NoError(t, validate.Index(index))
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	needed := map[string]bool{}
	var found []string
	for _, d := range manifest.Manifests {
		found = append(found, d.Annotations[image.AnnotationRefName])
		img, err := path.Image(d.Digest)
		require.NoError(t, err)
		m, err := img.Manifest()
		require.NoError(t, err)
		for _, b := range append([]v1.Descriptor{d, m.Config}, m.Layers...) {
			needed[b.Digest.Hex] = true
		}
	}
	blobs, err := os.ReadDir(filepath.Join(dir, "blobs", "sha256"))
	require.NoError(t, err)
	for _, b := range blobs {
		assert.Contains(t, needed, b.Name(), "a blob that no image needs")
	}
	testkit.NoLeftovers(t, dir)
	return found
}

func TestWrite(t *testing.T) {
	c, dir := testkit.Cache(t), filepath.Join(t.TempDir(), "dist")
	thumb, api := testkit.Kept(t, c, "thumb", "1"), testkit.Kept(t, c, "api", "1")

	require.NoError(t, layout.Write(dir, []v1.Descriptor{thumb, api}, c, none))

	assert.Equal(t, []string{"api", "thumb"}, names(t, dir))
	marker, err := os.ReadFile(filepath.Join(dir, "oci-layout"))
	require.NoError(t, err)
	assert.JSONEq(t, `{"imageLayoutVersion":"1.0.0"}`, string(marker))
	assert.Len(t, testkit.Tree(t, dir), 3+2+2*3, "layers that two images share are there once")
}

func TestWriteOfTheSameTouchesNothing(t *testing.T) {
	c, dir := testkit.Cache(t), t.TempDir()
	made := []v1.Descriptor{testkit.Kept(t, c, "api", "1")}
	require.NoError(t, layout.Write(dir, made, c, all))
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	for name := range testkit.Tree(t, dir) {
		require.NoError(t, os.Chtimes(filepath.Join(dir, name), long, long))
	}

	require.NoError(t, layout.Write(dir, made, c, all))

	for name := range testkit.Tree(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.True(t, long.Equal(info.ModTime()), name)
	}
}

func TestWriteKeepsAndDrops(t *testing.T) {
	c, dir := testkit.Cache(t), t.TempDir()
	require.NoError(t, layout.Write(dir, []v1.Descriptor{
		testkit.Kept(t, c, "api", "1"), testkit.Kept(t, c, "gone", "1"), testkit.Kept(t, c, "thumb", "1")}, c, none))
	before, err := layout.Index(dir)
	require.NoError(t, err)

	api := testkit.Kept(t, c, "api", "2")
	require.NoError(t, layout.Write(dir, []v1.Descriptor{api}, c, func(d v1.Descriptor) bool { return d.Annotations[image.AnnotationRefName] != "gone" }))

	assert.Equal(t, []string{"api", "thumb"}, names(t, dir))
	after, err := layout.Index(dir)
	require.NoError(t, err)
	assert.Equal(t, api.Digest, after.Manifests[0].Digest)
	assert.Equal(t, before.Manifests[2], after.Manifests[1])

	require.NoError(t, layout.Write(dir, []v1.Descriptor{api}, c, none))
	assert.Equal(t, []string{"api"}, names(t, dir))
}

func TestWriteNeedsNoCacheForWhatTheLayoutHolds(t *testing.T) {
	dir := t.TempDir()
	first, second := testkit.Cache(t), testkit.Cache(t)
	require.NoError(t, layout.Write(dir, []v1.Descriptor{testkit.Kept(t, first, "api", "1")}, first, all))

	require.NoError(t, layout.Write(dir, []v1.Descriptor{testkit.Kept(t, second, "thumb", "1")}, second, all))

	assert.Equal(t, []string{"api", "thumb"}, names(t, dir))
}

func TestWriteRepairsABlobThatIsCutOff(t *testing.T) {
	c, dir := testkit.Cache(t), t.TempDir()
	api := testkit.Kept(t, c, "api", "1")
	require.NoError(t, layout.Write(dir, []v1.Descriptor{api}, c, all))
	blob := filepath.Join(dir, "blobs", "sha256", api.Digest.Hex)
	require.NoError(t, os.Remove(blob)) // it is a link to the cache's
	require.NoError(t, os.WriteFile(blob, []byte("half"), 0o644))

	require.NoError(t, layout.Write(dir, []v1.Descriptor{api}, c, all))

	assert.Equal(t, []string{"api"}, names(t, dir))
}

func TestWriteSideBySideLosesNoImage(t *testing.T) {
	c, dir := testkit.Cache(t), t.TempDir()
	var group errgroup.Group
	var want []string
	for n := range 8 {
		name := fmt.Sprintf("image%d", n)
		d := testkit.Kept(t, c, name, "1")
		want = append(want, name)
		group.Go(func() error { return layout.Write(dir, []v1.Descriptor{d}, c, all) })
	}
	require.NoError(t, group.Wait())

	assert.Equal(t, want, names(t, dir))
}

func TestWriteRemovesTheFilesOfAKilledWriter(t *testing.T) {
	c, dir := testkit.Cache(t), t.TempDir()
	testkit.Write(t, dir, map[string]string{".gitignore": "*\n", "blobs/sha256/.new-123/abc": "half a blob"})

	require.NoError(t, layout.Write(dir, []v1.Descriptor{testkit.Kept(t, c, "api", "1")}, c, all))

	assert.Equal(t, []string{"api"}, names(t, dir))
}

// missing is a source without one of the blobs.
type missing struct {
	layout.Source
	digest v1.Hash
}

func (m missing) Blob(h v1.Hash) string {
	if h == m.digest {
		return "/gone/" + h.Hex
	}
	return m.Source.Blob(h)
}

func TestWriteThatFailsLeavesTheLayoutUnchanged(t *testing.T) {
	for name, break_ := range map[string]func(t *testing.T, c *cache.Cache, dir string, next v1.Descriptor) (layout.Source, string){
		"manifest is missing": func(_ *testing.T, c *cache.Cache, _ string, next v1.Descriptor) (layout.Source, string) {
			return missing{c, next.Digest}, "open /gone/" + next.Digest.Hex + ": no such file or directory"
		},
		"layer is missing": func(t *testing.T, c *cache.Cache, _ string, next v1.Descriptor) (layout.Source, string) {
			f, err := os.Open(c.Blob(next.Digest))
			require.NoError(t, err)
			defer f.Close()
			m, err := v1.ParseManifest(f)
			require.NoError(t, err)
			return missing{c, m.Layers[2].Digest}, "open /gone/" + m.Layers[2].Digest.Hex
		},
		"manifest is damaged": func(t *testing.T, c *cache.Cache, _ string, next v1.Descriptor) (layout.Source, string) {
			require.NoError(t, os.Remove(c.Blob(next.Digest)))
			require.NoError(t, os.WriteFile(c.Blob(next.Digest), []byte("{"), 0o644))
			return c, "manifest " + next.Digest.String() + ": "
		},
		"index.json cannot be written": func(t *testing.T, c *cache.Cache, dir string, _ v1.Descriptor) (layout.Source, string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "oci-layout")))
			testkit.Write(t, dir, map[string]string{"oci-layout/in the way": ""})
			return c, "oci-layout: "
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, dir := testkit.Cache(t), t.TempDir()
			require.NoError(t, layout.Write(dir, []v1.Descriptor{testkit.Kept(t, c, "api", "1")}, c, all))
			source, want := break_(t, c, dir, testkit.Kept(t, c, "api", "2"))
			before := testkit.Tree(t, dir)

			err := layout.Write(dir, []v1.Descriptor{testkit.Kept(t, testkit.Cache(t), "api", "2")}, source, all)

			require.ErrorContains(t, err, "write the image layout "+dir+": ")
			require.ErrorContains(t, err, want)
			after := testkit.Tree(t, dir)
			for name, content := range before {
				assert.Equal(t, content, after[name], name)
			}
			testkit.NoLeftovers(t, dir)
		})
	}
}

func TestWriteOverADamagedIndex(t *testing.T) {
	for name, content := range map[string]string{"cut off": `{"schemaVersion": 2, "mani`, "empty": "", "a list": "[]"} {
		t.Run(name, func(t *testing.T) {
			c, dir := testkit.Cache(t), t.TempDir()
			before := map[string]string{".gitignore": "*\n", "index.json": content}
			testkit.Write(t, dir, before)

			err := layout.Write(dir, []v1.Descriptor{testkit.Kept(t, c, "api", "1")}, c, all)

			require.ErrorContains(t, err, "write the image layout "+dir+": index.json is not an image index (")
			assert.True(t, strings.HasSuffix(err.Error(), "); remove the folder and build again"), err.Error())
			assert.NotContains(t, err.Error(), "\n")
			assert.Equal(t, before, testkit.Tree(t, dir))
		})
	}
}

func TestWriteWhereNothingCanBeWritten(t *testing.T) {
	c, dir := testkit.Cache(t), t.TempDir()
	before := map[string]string{"file": "", "dist/.gitignore": "*\n", "dist/blobs": "in the way"}
	testkit.Write(t, dir, before)
	d := []v1.Descriptor{testkit.Kept(t, c, "api", "1")}

	for _, target := range []string{"file", "dist", "file/dist"} {
		err := layout.Write(filepath.Join(dir, target), d, c, all)

		require.ErrorContains(t, err, "write the image layout "+filepath.Join(dir, target)+": ")
		assert.NotContains(t, err.Error(), "\n")
		var at *os.PathError
		require.ErrorAs(t, err, &at)
	}
	assert.Equal(t, before, testkit.Tree(t, dir))
}

func TestIndexOfNothing(t *testing.T) {
	_, err := layout.Index(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestWriteIntoAFolderOfAnother(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string)
		want    string
	}{
		"the layout of another program": {func(t *testing.T, dir string) {
			_, err := ggcr.Write(dir, empty.Index)
			require.NoError(t, err)
			testkit.Write(t, dir, map[string]string{"blobs/sha256/" + strings.Repeat("a", 64): "theirs"})
		}, "bin/ci did not write this image layout, or an old version did; pass another folder with --out, or remove it"},
		"blobs without an index": {func(t *testing.T, dir string) {
			testkit.Write(t, dir, map[string]string{"blobs/sha256/" + strings.Repeat("a", 64): "theirs"})
		}, " has files that bin/ci did not write, such as blobs; pass another folder with --out, or remove it"},
		"other files": {func(t *testing.T, dir string) { testkit.Write(t, dir, map[string]string{"letter.txt": "theirs"}) },
			" has files that bin/ci did not write, such as letter.txt; pass another folder with --out, or remove it"},
		"a link": {func(t *testing.T, dir string) {
			there := t.TempDir()
			testkit.Write(t, there, map[string]string{"blobs/sha256/x": "theirs"})
			require.NoError(t, os.Symlink(there, dir))
		}, "dist is a symbolic link, and what it leads to may be another's; pass another folder with --out, or remove it"},
		"a link to blobs": {func(t *testing.T, dir string) {
			there := t.TempDir()
			testkit.Write(t, there, map[string]string{"sha256/x": "theirs"})
			testkit.Write(t, dir, map[string]string{".gitignore": "*\n"})
			require.NoError(t, os.Symlink(there, filepath.Join(dir, "blobs")))
		}, "dist/blobs is a symbolic link, and what it leads to may be another's; pass another folder with --out, or remove it"},
	} {
		t.Run(name, func(t *testing.T) {
			kept, dir := testkit.Cache(t), filepath.Join(t.TempDir(), "dist")
			c.prepare(t, dir)
			before := testkit.Tree(t, filepath.Dir(dir))

			err := layout.Write(dir, []v1.Descriptor{testkit.Kept(t, kept, "api", "1")}, kept, all)

			require.ErrorContains(t, err, c.want)
			assert.Equal(t, before, testkit.Tree(t, filepath.Dir(dir)))
		})
	}
}
