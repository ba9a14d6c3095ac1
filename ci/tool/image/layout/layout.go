// Package layout writes images to a folder in the format "OCI image layout": each blob
// is stored once, and an index names the manifest of each image.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
)

// marker is the content of the file that makes a folder an image layout.
const marker = `{"imageLayoutVersion":"1.0.0"}`

// own is what a layout consists of, and what is in dist/ too: images that only run on this
// machine, the local registry, and how to reach the stand-in for AWS.
var own = []string{"blobs", "index.json", "oci-layout", "local", "registry", "stand-in.env"}

// Source has the blobs of the images to write.
type Source interface {
	// Blob returns the path of the blob.
	Blob(v1.Hash) string
}

// Write writes the images to the image layout in dir. Images with other names stay in
// it if keep returns true for them. The index is written last and in one step: until
// then the layout is unchanged.
func Write(dir string, images []v1.Descriptor, blobs Source, keep func(v1.Descriptor) bool) error {
	if err := write(dir, images, blobs, keep); err != nil {
		return fmt.Errorf("write the image layout %s: %w", dir, err)
	}
	return nil
}

func write(dir string, images []v1.Descriptor, blobs Source, keep func(v1.Descriptor) bool) error {
	if err := checkOwn(dir); err != nil {
		return err
	}
	if err := cache.OutputFolder(dir, own...); err != nil {
		return err
	}
	folder := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	// Two writers at once would remove each other's images and blobs. The lock is on the
	// folder itself, so that the layout has no file of ours but the .gitignore.
	alone := flock.New(dir, flock.SetFlag(os.O_RDONLY))
	if err := alone.Lock(); err != nil {
		return fmt.Errorf("wait for another writer: %w", err)
	}
	defer alone.Close()
	before, err := Index(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	manifests := slices.Clone(images)
	for _, d := range before.Manifests {
		name := d.Annotations[image.AnnotationRefName]
		replaced := slices.ContainsFunc(images, func(n v1.Descriptor) bool {
			return n.Annotations[image.AnnotationRefName] == name
		})
		if !replaced && keep(d) {
			manifests = append(manifests, d)
		}
	}
	slices.SortFunc(manifests, func(a, b v1.Descriptor) int {
		return strings.Compare(a.Annotations[image.AnnotationRefName], b.Annotations[image.AnnotationRefName])
	})

	needed := map[string]bool{}
	for _, d := range manifests {
		if err := addImage(dir, d, blobs, needed); err != nil {
			return err
		}
	}
	index, err := json.MarshalIndent(v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: manifests,
		Annotations: map[string]string{annotationOwn: "true"},
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := update(filepath.Join(dir, "oci-layout"), []byte(marker)); err != nil {
		return err
	}
	if err := update(filepath.Join(dir, "index.json"), append(index, '\n')); err != nil {
		return err
	}
	return prune(folder, needed)
}

// Index reads the index of the layout in dir.
func Index(dir string) (v1.IndexManifest, error) {
	var index v1.IndexManifest
	data, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return index, err
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return index, fmt.Errorf("index.json is not an image index (%w); remove the folder and build again", err)
	}
	return index, nil
}

// Images are the images of a layout, by name.
type Images struct {
	dir    string
	byName map[string]v1.Descriptor
}

// Open reads which images the layout in dir has.
func Open(dir string) (Images, error) {
	index, err := Index(dir)
	if err != nil {
		return Images{}, err
	}
	i := Images{dir, map[string]v1.Descriptor{}}
	for _, d := range index.Manifests {
		i.byName[d.Annotations[image.AnnotationRefName]] = d
	}
	return i, nil
}

// Has tells whether the layout has the named image, for one architecture or for several.
func (i Images) Has(name string) bool {
	_, ok := i.byName[name]
	return ok || len(i.apart(name)) > 0
}

// apart are the names of an image that the layout holds for several architectures.
func (i Images) apart(name string) []string {
	var all []string
	for of := range i.byName {
		if strings.HasPrefix(of, name+":") {
			all = append(all, of)
		}
	}
	slices.Sort(all)
	return all
}

// Find returns the descriptor of the named image. If the layout holds it for several architectures,
// it is the one for architecture; "" for none of them.
func (i Images) Find(name, architecture string) (v1.Descriptor, error) {
	d, ok := i.byName[name]
	if !ok {
		d, ok = i.byName[name+":"+architecture]
	}
	if !ok {
		if apart := i.apart(name); len(apart) > 0 {
			return d, fmt.Errorf("%s has image %q for several architectures, as %s; build it for one, and pass that folder: bin/ci build-all --platform linux/%s --out FOLDER", i.dir, name, strings.Join(apart, " and "), strings.TrimPrefix(apart[0], name+":"))
		}
		return d, fmt.Errorf("%s has no image %q; build it with `bin/ci build-all`", i.dir, name)
	}
	return d, nil
}

// Find returns the descriptor of the named image in the layout in dir, which holds it for one
// architecture.
func Find(dir, name string) (v1.Descriptor, error) {
	i, err := Open(dir)
	if err != nil {
		return v1.Descriptor{}, err
	}
	return i.Find(name, "")
}

// addImage adds the manifest with descriptor d, its configuration and its layers to the
// layout in dir.
func addImage(dir string, d v1.Descriptor, blobs Source, needed map[string]bool) error {
	if err := addBlob(dir, d, blobs, needed); err != nil {
		return err
	}
	m, err := readManifest(dir, d)
	if err != nil {
		return fmt.Errorf("manifest %s: %w", d.Digest, err)
	}
	for _, b := range append(m.Layers, m.Config) {
		if err := addBlob(dir, b, blobs, needed); err != nil {
			return err
		}
	}
	return nil
}

// addBlob links or copies one blob into the layout in dir, unless it is there already.
func addBlob(dir string, d v1.Descriptor, blobs Source, needed map[string]bool) error {
	name := d.Digest.Hex
	if needed[name] {
		return nil
	}
	needed[name] = true
	target := filepath.Join(dir, filepath.FromSlash(blobName(d.Digest)))
	if info, err := os.Stat(target); err == nil && info.Size() == d.Size {
		return nil
	}
	return cache.LinkOrCopy(blobs.Blob(d.Digest), target)
}

// update writes data to name, unless the file already has this content.
func update(name string, data []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return cache.WriteFile(name, data)
}

// prune removes blobs that no image needs, and temporary files of killed writers.
func prune(folder string, needed map[string]bool) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !needed[e.Name()] {
			if err := os.RemoveAll(filepath.Join(folder, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
