package layout

import (
	"archive/tar"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"lambdas.internal/ci/tool/image"
)

// Archive writes one image of the layout in dir as a tar. The tar is an OCI image
// layout, with a manifest.json so that `docker load` accepts it too.
func Archive(w io.Writer, dir, name string) error { return ArchiveAs(w, dir, name, "") }

// ArchiveAs is [Archive] for those who load it: the image gets a reference there.
func ArchiveAs(w io.Writer, dir, name, reference string) error {
	if err := archive(w, dir, name, reference); err != nil {
		return fmt.Errorf("write image %s as an archive: %w", name, err)
	}
	return nil
}

// annotationLoaded is the reference under which containerd and Apple's container load an image.
const annotationLoaded = "io.containerd.image.name"

func archive(w io.Writer, dir, name, reference string) error {
	descriptor, err := Find(dir, name)
	if err != nil {
		return err
	}
	if reference != "" {
		descriptor.Annotations = map[string]string{annotationLoaded: reference, image.AnnotationRefName: reference}
	}
	manifest, err := readManifest(dir, descriptor)
	if err != nil {
		return err
	}

	tw := tar.NewWriter(w)
	one, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{descriptor}})
	if err != nil {
		return err
	}
	docker, err := dockerManifest(manifest, cmp.Or(reference, name+":latest"))
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"oci-layout", []byte(marker)}, {"index.json", one}, {"manifest.json", docker}} {
		if err := tw.WriteHeader(header(f.name, int64(len(f.data)))); err != nil {
			return err
		}
		if _, err := tw.Write(f.data); err != nil {
			return err
		}
	}
	written := map[v1.Hash]bool{}
	for _, blob := range append([]v1.Descriptor{descriptor, manifest.Config}, manifest.Layers...) {
		if written[blob.Digest] {
			continue
		}
		written[blob.Digest] = true
		if err := addFile(tw, dir, blob); err != nil {
			return err
		}
	}
	return tw.Close()
}

// dockerManifest returns a manifest.json as `docker save` writes it.
// https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md#combined-image-json--filesystem-changeset-format
func dockerManifest(m *v1.Manifest, reference string) ([]byte, error) {
	var layers []string
	for _, l := range m.Layers {
		layers = append(layers, blobName(l.Digest))
	}
	return json.Marshal([]struct {
		Config   string
		RepoTags []string
		Layers   []string
	}{{blobName(m.Config.Digest), []string{reference}, layers}})
}

func readManifest(dir string, d v1.Descriptor) (*v1.Manifest, error) {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(blobName(d.Digest))))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return v1.ParseManifest(f)
}

func addFile(tw *tar.Writer, dir string, d v1.Descriptor) error {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(blobName(d.Digest))))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := tw.WriteHeader(header(blobName(d.Digest), d.Size)); err != nil {
		return err
	}
	_, err = io.Copy(tw, f)
	return err
}

func header(name string, size int64) *tar.Header {
	return &tar.Header{Name: name, Mode: 0o644, Size: size, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
}

func blobName(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }
