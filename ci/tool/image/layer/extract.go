package layer

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// Extract returns the content of one file of a compressed layer. A missing file is
// [fs.ErrNotExist].
func Extract(r io.Reader, name string) ([]byte, error) {
	zr, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			err = fs.ErrNotExist
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if strings.TrimPrefix(path.Clean("/"+h.Name), "/") != name {
			continue
		}
		var content bytes.Buffer
		content.Grow(int(h.Size))
		if _, err := io.Copy(&content, tr); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return content.Bytes(), nil
	}
}
