// Package lock reads and writes the lock file, ci/images.lock.json. It pins what builds
// start from: images by tag and digest, npm packages by version and integrity. An image
// whose digest is not known has the reason instead.
package lock

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	ref "github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// File is the lock file, relative to the workspace root.
const File = "ci/images.lock.json"

// ErrMissing is returned when the workspace has no lock file.
var ErrMissing = errors.New("the workspace has no lock file")

// Image is an image in a registry.
type Image struct {
	// Reference is registry/repository:tag.
	Reference string `json:"reference"`
	// Digest is what the tag named at the last `ci lock`: an index, or a manifest if
	// the image is for one platform only. Empty before that.
	Digest string `json:"digest"`
	// Source says how the digest became known, and when.
	Source string `json:"source,omitempty"`
	// Unresolved says why there is no digest.
	Unresolved string `json:"unresolved,omitempty"`
}

// Pinned returns the reference, with the digest if it is known.
func (i Image) Pinned() string {
	if i.Digest == "" {
		return i.Reference
	}
	return i.Reference + "@" + i.Digest
}

// Package is an npm package that contains a program.
type Package struct {
	Name      string `json:"name"`
	Version   string `json:"version"`
	Integrity string `json:"integrity"` // subresource integrity, sha512-…
}

// Static names the npm packages with a static ffmpeg for one architecture.
type Static struct {
	FFmpeg  Package `json:"ffmpeg"`
	FFprobe Package `json:"ffprobe"`
}

// Lock is the content of the lock file.
type Lock struct {
	// Base is the image that all images start from.
	Base Image `json:"base"`
	// FFmpeg is the image that ffmpeg and ffprobe are copied from.
	FFmpeg Image `json:"ffmpeg"`
	// Builder is the image in which the Dagger module compiles.
	Builder Image `json:"builder"`
	// Static is the ffmpeg that is used if no registry can be reached, by architecture; for a
	// function that runs on another system, by system-architecture.
	Static map[string]Static `json:"static"`
	// Mirrors says from where images are pulled instead of their own registry.
	Mirrors Mirrors `json:"mirrors,omitempty"`
}

// Images returns the images by name; changes apply to the lock.
func (l *Lock) Images() map[string]*Image {
	return map[string]*Image{"base": &l.Base, "ffmpeg": &l.FFmpeg, "builder": &l.Builder}
}

// Key is a content key of what is pinned.
func (l *Lock) Key() (string, error) {
	data, err := json.Marshal(l)
	if err != nil {
		return "", fmt.Errorf("read the lock file: %w", err)
	}
	return cache.Key(string(data)), nil
}

// Load reads the lock file of the workspace at root.
func Load(root string) (*Lock, error) {
	var l Lock
	err := catalog.ReadJSON(root, File, &l)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w (%s); make it: bin/ci lock", ErrMissing, File)
	}
	if err != nil {
		return nil, err
	}
	for _, registry := range slices.Sorted(maps.Keys(l.Mirrors)) {
		if err := l.Mirrors.Add(registry, l.Mirrors[registry]); err != nil {
			return nil, catalog.Problem{File: File, Field: "mirrors", Fix: err.Error()}
		}
	}
	images := l.Images()
	for _, name := range slices.Sorted(maps.Keys(images)) {
		i := images[name]
		const fix = "name registry/repository:tag"
		if i.Reference == "" {
			return nil, catalog.Problem{File: File, Field: name + ".reference", Fix: "is missing; " + fix}
		}
		if _, err := ref.NewTag(i.Reference); err != nil {
			return nil, catalog.Problem{File: File, Field: name + ".reference",
				Fix: fmt.Sprintf("%q is not an image; %s", i.Reference, fix)}
		}
		if i.Digest == "" {
			continue
		}
		if _, err := v1.NewHash(i.Digest); err != nil {
			return nil, catalog.Problem{File: File, Field: name + ".digest",
				Fix: fmt.Sprintf("%q is not a digest; run `bin/ci lock`", i.Digest)}
		}
	}
	return &l, nil
}

// Encode returns the text of the lock file.
func (l *Lock) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the lock file: %w", err)
	}
	return append(data, '\n'), nil
}

// Save writes the lock file of the workspace at root.
func (l *Lock) Save(root string) error {
	data, err := l.Encode()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Join(root, File)), 0o755); err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	if err := cache.WriteFile(filepath.Join(root, File), data); err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	return nil
}
