package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// verdictKey is the content key of the verdict on an image: of the program that judges,
// the image, its description, its sources, the known parts, the package that runs ffmpeg, and
// what must not be in it.
func verdictKey(f catalog.Function, i ImageFacts, in sources, files *layer.Layer, known image.Parts, ffmpeg string) (string, error) {
	program, err := cache.Program()
	if err != nil {
		return "", err
	}
	description, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("read the description: %w", err)
	}
	parts := []string{"verdict 4", ffmpeg, program, i.Digest.String(), string(i.MediaType), string(description), in.scanner.Rules()}
	if files != nil {
		parts = append(parts, "files", files.Digest.String())
	}
	parts = append(parts, known.Key()...)
	if f.Registry == catalog.Public { // only its verdict depends on what is private
		parts = slices.Concat(parts, []string{in.fingerprint.Digest()}, in.private.Folders(), in.shared.allowed)
	}
	order, from := in.graph.Reach(f)
	for _, p := range order {
		if p.Standard {
			continue
		}
		folder := in.graph.Folder(p)
		parts = append(parts, "package", p.ImportPath, from[p.ImportPath], folder)
		if f.Registry == catalog.Public {
			parts = append(parts, in.shared.reached[folder])
		}
		names := p.EmbedFiles
		if folder != "" {
			names = p.Files()
		}
		for _, name := range names {
			parts = append(parts, in.graph.File(p, name))
			digest, err := in.files.digest(filepath.Join(p.Dir, name))
			if err != nil {
				return "", fmt.Errorf("read the sources of the binary: %w", err)
			}
			parts = append(parts, name, digest)
		}
	}
	return cache.Key(parts...), nil
}

// files are the digests of files, each of which is read once.
type files struct {
	mu      sync.Mutex
	digests map[string]string
}

func (f *files) digest(name string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if digest, ok := f.digests[name]; ok {
		return digest, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	f.digests[name] = hex.EncodeToString(h.Sum(nil))
	return f.digests[name], nil
}
