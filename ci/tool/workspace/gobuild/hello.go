package gobuild

import (
	"context"
	_ "embed" // for the source of hello
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/workspace/catalog"
)

//go:embed hello/main.go
var hello []byte

// Hello compiles the least that a function can be, with the toolchain and the flags of the
// workspace's functions, and writes the program to file.
func Hello(ctx context.Context, c *catalog.Catalog, platform v1.Platform, file string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("compile the program to compare with: %w", err)
		}
	}()
	dir, err := os.MkdirTemp("", "ci-hello-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, hello, 0o644); err != nil {
		return err
	}
	in, err := newCommand(ctx, c, catalog.Function{Folder: ".", Module: "."}, platform)
	if err != nil {
		return err
	}
	in.root, in.work, in.module = dir, "off", "."
	_, err = in.run(ctx, append(append([]string{"build"}, in.flags...), "-o", file, source)...)
	return err
}
