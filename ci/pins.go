package main

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"lambdas.internal/ci/internal/dagger"
)

// lockPath names the images that a build starts from, with their digests.
const lockPath = "ci/images.lock.json"

// lockFile is that of the module.
//
//go:embed images.lock.json
var lockFile []byte

// static is the word of the program for the base that it has itself.
const static = "static"

// pin sets which images are used instead of those of the lock files.
//
// The images are containers and no names: the engine keeps for a week what came of a call with the
// same arguments, and looks up the tag of a container in each session. The arguments are then the
// same if the tag still names the same image.
func (m *Ci) pin(ctx context.Context, base *dagger.Container, staticBase bool, ffmpeg, builder *dagger.Container) (err error) {
	if base != nil && staticBase {
		return errors.New("--base and --static-base exclude each other")
	}
	if m.BaseRef, err = reference(ctx, "base", base); err != nil {
		return err
	}
	if staticBase {
		m.BaseRef = static
	}
	if m.FFmpegRef, err = reference(ctx, "ffmpeg", ffmpeg); err != nil {
		return err
	}
	if m.FunctionBuilder, err = reference(ctx, "builder", builder); err != nil {
		return err
	}
	own, err := lockedBuilder(lockFile)
	m.ToolBuilder = cmp.Or(m.FunctionBuilder, own)
	return err
}

// reference returns the name of a given image, with its digest; "" if none is given.
func reference(ctx context.Context, name string, given *dagger.Container) (string, error) {
	if given == nil {
		return "", nil
	}
	of, err := given.ImageRef(ctx)
	if err != nil {
		return "", fmt.Errorf("--%s: %w", name, err)
	}
	return of, nil
}

// functionBuilder returns the Go image in which the functions of the source are compiled.
func (m *Ci) functionBuilder(ctx context.Context, source *dagger.Directory) (string, error) {
	if m.FunctionBuilder != "" {
		return m.FunctionBuilder, nil
	}
	found, err := source.Exists(ctx, lockPath)
	if err != nil {
		return "", err
	}
	if !found {
		return m.ToolBuilder, nil
	}
	content, err := source.File(lockPath).Contents(ctx)
	if err != nil {
		return "", err
	}
	return lockedBuilder([]byte(content))
}

// lockedBuilder returns the Go image of a lock file, by digest if the file has one,
// and from the mirror that the file names for its registry.
func lockedBuilder(lockFile []byte) (string, error) {
	var lock struct {
		Builder struct{ Reference, Digest string }
		Mirrors map[string]string
	}
	if err := json.Unmarshal(lockFile, &lock); err != nil {
		return "", fmt.Errorf("read %s: %w", lockPath, err)
	}
	reference := lock.Builder.Reference
	registry, repository, _ := strings.Cut(reference, "/")
	if mirror := lock.Mirrors[registry]; mirror != "" {
		reference = mirror + "/" + repository
	}
	if lock.Builder.Digest == "" {
		return reference, nil
	}
	return reference + "@" + lock.Builder.Digest, nil
}
