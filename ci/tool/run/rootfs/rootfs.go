// Package rootfs unpacks the layers of an image into a folder, which then is the root
// folder of a container of the image.
package rootfs

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	ocilayout "lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/registry/limit"
)

// Unpack unpacks the named image of the OCI image layout in dir into target,
// which it creates. It writes nothing outside target, whatever the layers hold. It leaves
// out owners and devices, because these need rights that tests do not have.
func Unpack(ctx context.Context, dir, name, target string) error {
	if err := unpack(ctx, dir, name, target); err != nil {
		return fmt.Errorf("unpack image %s of %s: %w", name, dir, err)
	}
	return nil
}

// UnpackImage is [Unpack] for an image that is not in a layout, for example one in a registry.
func UnpackImage(ctx context.Context, img v1.Image, target string) error {
	if err := extract(ctx, img, target); err != nil {
		return fmt.Errorf("unpack the image: %w", err)
	}
	return nil
}

// Environment returns the environment of the named image of the OCI image layout in dir.
func Environment(dir, name string) ([]string, error) {
	img, err := find(dir, name)
	if err != nil {
		return nil, fmt.Errorf("read image %s of %s: %w", name, dir, err)
	}
	return EnvironmentOf(img)
}

// EnvironmentOf is [Environment] for an image that is not in a layout.
func EnvironmentOf(img v1.Image) ([]string, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read the configuration of the image: %w", err)
	}
	return config.Config.Env, nil
}

func unpack(ctx context.Context, dir, name, target string) error {
	img, err := find(dir, name)
	if err != nil {
		return err
	}
	return extract(ctx, img, target)
}

func find(dir, name string) (v1.Image, error) {
	descriptor, err := ocilayout.Find(dir, name)
	if err != nil {
		return nil, err
	}
	from, err := layout.FromPath(dir)
	if err != nil {
		return nil, err
	}
	return from.Image(descriptor.Digest)
}

func extract(ctx context.Context, img v1.Image, target string) error {
	img, err := limit.Image(ctx, img, limit.Unpacked)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(target)
	if err != nil {
		return err
	}
	defer root.Close()
	files := mutate.Extract(img)
	defer files.Close()
	for tr := tar.NewReader(files); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := writeEntry(root, h, tr); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

func writeEntry(root *os.Root, h *tar.Header, content io.Reader) error {
	name := filepath.FromSlash(path.Clean(h.Name))
	mode := h.FileInfo().Mode() & (fs.ModePerm | fs.ModeSticky)
	if h.Typeflag != tar.TypeDir {
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if err := root.MkdirAll(name, 0o755); err != nil {
			return err
		}
		return root.Chmod(name, mode)
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	case tar.TypeLink:
		return root.Link(filepath.FromSlash(path.Clean(h.Linkname)), name)
	case tar.TypeReg:
		w, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, content)
		return errors.Join(err, w.Close(), root.Chmod(name, mode)) // independent of the umask
	default:
		return nil
	}
}
